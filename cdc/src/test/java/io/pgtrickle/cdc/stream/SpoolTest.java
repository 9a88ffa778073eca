package io.pgtrickle.cdc.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.cdc.CaptureException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SpoolTest {
  @TempDir Path folder;

  @Test
  void holdsWhatAListWouldWhereverItIs() throws InterruptedException {
    for (int round = 0; round < 200; round++) {
      long seed = System.nanoTime();
      Random random = new Random(seed);
      List<byte[]> expected = new ArrayList<>();
      List<Long> positions = new ArrayList<>();
      List<byte[]> seen = new ArrayList<>();
      try (Spool spool = new Spool(folder)) {
        for (int step = random.nextInt(60); step > 0; step--) {
          switch (random.nextInt(8)) {
            case 0 -> spool.toDisk();
            case 1 -> {
              if (!positions.isEmpty()) {
                int at = random.nextInt(positions.size());
                spool.truncate(positions.get(at));
                positions.subList(at, positions.size()).clear();
                expected.subList(at, expected.size()).clear();
              }
            }
            default -> {
              byte[] message = new byte[random.nextInt(50) == 0 ? 3 << 20 : random.nextInt(400)];
              random.nextBytes(message);
              positions.add(spool.end());
              expected.add(message);
              spool.add(ByteBuffer.wrap(message));
            }
          }
        }
        spool.replay(
            message -> {
              byte[] bytes = new byte[message.remaining()];
              message.get(bytes);
              return seen.add(bytes);
            });
      }
      assertThat(seen.toArray(byte[][]::new))
          .as("seed %d", seed)
          .isDeepEqualTo(expected.toArray(byte[][]::new));
    }
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void readingEndsWhenNobodyWantsMore() throws InterruptedException {
    try (Spool spool = new Spool(folder)) {
      for (int i = 0; i < 10; i++) {
        spool.add(ByteBuffer.wrap(new byte[] {(byte) i}));
        if (i == 4) {
          spool.toDisk();
        }
      }
      List<Byte> seen = new ArrayList<>();
      spool.replay(
          message -> {
            seen.add(message.get());
            return seen.size() < 7;
          });
      assertThat(seen).hasSize(7);
    }
  }

  @Test
  void aFolderThatCannotBeWrittenIsNamed() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    try (Spool spool = new Spool(file)) {
      spool.add(ByteBuffer.wrap(new byte[1]));
      assertThatThrownBy(spool::toDisk)
          .isInstanceOf(CaptureException.Retry.class)
          .hasMessageContaining(file.toString());
    }
  }
}
