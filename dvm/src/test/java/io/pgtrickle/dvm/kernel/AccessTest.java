package io.pgtrickle.dvm.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

final class AccessTest {
  @Test
  @EnabledOnOs({OS.LINUX, OS.MAC})
  void theKernelTakesTheAdvice(@TempDir Path path) throws IOException {
    Path file = Files.write(path.resolve("file"), new byte[100_000]);
    try (Arena arena = Arena.ofShared();
        FileChannel channel = FileChannel.open(file)) {
      MemorySegment mapping = channel.map(MapMode.READ_ONLY, 0, 100_000, arena);
      for (Access access : Access.values()) {
        assertThat(access.advise(mapping)).isZero();
      }
    }
  }

  @Test
  void memoryThatIsNoMappingIsLeftAlone() {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment middle = arena.allocate(10_000, 4096).asSlice(8);
      assertThat(Access.RANDOM.advise(middle)).isEqualTo(-1);
    }
  }
}
