package io.pgtrickle.engine.embedded;

import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The process that `postmaster.pid` in a data directory speaks of.
///
/// The postmaster is no child of ours (pg_ctl detaches it), so it survives a kill of our process;
/// and a number in that file may by now be another program's. PostgreSQL settles the case that no
/// process has the number, the two others are settled here.
final class Postmaster {
  private static final Logger LOG = LoggerFactory.getLogger(Postmaster.class);
  private static final int PATIENCE_SECONDS = 20;

  private Postmaster() {}

  /// The running process named in the file, whatever it is.
  static Optional<ProcessHandle> of(Path data) {
    Path file = data.resolve("postmaster.pid");
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      List<String> lines = Files.readAllLines(file);
      return lines.isEmpty()
          ? Optional.empty()
          : ProcessHandle.of(Long.parseLong(lines.getFirst().strip()));
    } catch (NumberFormatException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Clears the way for a new postmaster. The caller holds the lock of the data directory, so no
  /// living process of ours is behind what is found.
  static void endSurvivor(Path data) {
    Optional<ProcessHandle> running = of(data);
    if (running.isEmpty()) {
      return;
    }
    ProcessHandle process = running.get();
    try {
      if (isPostgres(process)) {
        LOG.info("stopping the server that a killed process left running on {}", data);
        stopFast(process);
      } else {
        // Postgres would take any living process for its predecessor and refuse to start.
        Files.deleteIfExists(data.resolve("postmaster.pid"));
      }
    } catch (IOException e) {
      throw new SourceUnavailable("57P03", "cannot take over the server of " + data, e);
    }
  }

  private static boolean isPostgres(ProcessHandle process) {
    return process.info().command().map(Path::of).map(Path::getFileName).stream()
        .map(Path::toString)
        .anyMatch(name -> name.equals("postgres") || name.equals("postgres.exe"));
  }

  /// SIGINT is a fast shutdown; the SIGTERM that Java can send would wait for every client.
  private static void stopFast(ProcessHandle process) throws IOException {
    try {
      if (!System.getProperty("os.name").startsWith("Windows")) {
        new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor();
        process.onExit().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        return;
      }
    } catch (TimeoutException e) {
      LOG.info("the server does not stop; ending it, its successor will recover");
    } catch (ExecutionException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while stopping the server", e);
    }
    process.destroyForcibly();
    process.onExit().join();
  }
}
