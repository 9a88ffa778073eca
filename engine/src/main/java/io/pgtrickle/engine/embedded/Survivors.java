package io.pgtrickle.engine.embedded;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Temporary servers whose processes were killed, so that nobody stopped the servers and removed
/// their data.
///
/// Each has a folder of its own, with the data and beside it a lock. The lock is taken before there
/// is data and let go after there is none, so data whose lock is free is nobody's.
final class Survivors {
  private static final Logger LOG = LoggerFactory.getLogger(Survivors.class);

  static final String PREFIX = "pgtrickle-";
  static final String DATA = "data";

  private Survivors() {}

  /// Ends and removes them.
  static void end(Path folder) {
    if (!Files.isDirectory(folder)) {
      return;
    }
    List<Path> left;
    try (Stream<Path> all = Files.list(folder)) {
      left = all.map(each -> each.resolve(DATA)).filter(Files::isDirectory).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    for (Path data : left) {
      try {
        endOne(data);
      } catch (IOException | UncheckedIOException e) {
        LOG.warn("what is left in {} stays: {}", data, e.getMessage());
      }
    }
  }

  private static void endOne(Path data) throws IOException {
    Optional<FileChannel> lock = EmbeddedServer.tryLock(data);
    if (lock.isPresent()) {
      try (FileChannel _ = lock.get()) {
        LOG.info("removing {}, which a killed process has left", data);
        Postmaster.endSurvivor(data);
        delete(data);
      }
      delete(data.resolve("..").normalize());
    }
  }

  /// Removes a folder and all that is in it; what another process removes meanwhile is gone, too.
  static void delete(Path root) {
    if (!Files.exists(root)) {
      return;
    }
    try (Stream<Path> tree = Files.walk(root)) {
      for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
