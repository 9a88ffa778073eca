package io.pgtrickle.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

@DisabledOnOs(OS.WINDOWS)
final class DemoIT {
  @TempDir Path home;

  private List<Path> data() throws IOException {
    Path folder = home.resolve("cache/pgtrickle/demo");
    if (!Files.exists(folder)) {
      return List.of();
    }
    try (Stream<Path> all = Files.list(folder)) {
      return all.map(each -> each.resolve("data")).filter(Files::exists).toList();
    }
  }

  private ProcessHandle postmaster() throws IOException {
    Path pidFile = data().getFirst().resolve("postmaster.pid");
    return ProcessHandle.of(Long.parseLong(Files.readAllLines(pidFile).getFirst().strip()))
        .orElseThrow();
  }

  @AfterEach
  void endServers() throws IOException {
    for (Path data : data()) {
      if (Files.exists(data.resolve("postmaster.pid"))) {
        String pid = Files.readAllLines(data.resolve("postmaster.pid")).getFirst().strip();
        ProcessHandle.of(Long.parseLong(pid)).ifPresent(ProcessHandle::destroyForcibly);
      }
    }
  }

  @Test
  void aKilledDemoStandsInNobodysWayAndAnEndedOneLeavesNothing() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    String[] command = {"demo", "--port", Integer.toString(port), "--http-port", "0"};
    ProcessHandle survivor;
    try (CommandProcess first = CommandProcess.start(home, command)) {
      first.line("stream table");
      survivor = postmaster();
      first.kill();
    }
    assertThat(survivor.isAlive()).isTrue();
    try (CommandProcess second = CommandProcess.start(home, command)) {
      second.line("stream table");
      assertThat(survivor.isAlive()).isFalse();
      ProcessHandle server = postmaster();
      second.interrupt();
      second.awaitEnd();
      assertThat(second.output()).contains("stopped");
      assertThat(server.isAlive()).isFalse();
      assertThat(data()).isEmpty();
    }
  }
}
