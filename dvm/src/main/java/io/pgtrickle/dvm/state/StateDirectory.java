package io.pgtrickle.dvm.state;

import io.pgtrickle.dvm.TrickleException.StorageUnavailable;
import io.pgtrickle.dvm.kernel.Run;
import io.pgtrickle.dvm.kernel.RunFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A directory of run files, of which one process at a time is the owner.
///
/// A file comes into being under a temporary name, is synchronized, renamed, and never written
/// again. It is deleted when nothing refers to it any more; what a crash has left behind is deleted
/// when the directory is opened.
///
/// Safe for use by several threads.
public final class StateDirectory implements AutoCloseable {
  private static final String LOCK = "lock";
  private static final String RUN = ".run";
  private static final String TEMPORARY = ".tmp";

  private final Path path;
  private final RunFile.Opener opener;
  private final FileChannel lockFile;
  private final FileLock lock;
  private final Map<String, Integer> references = new HashMap<>();
  private long numbers;

  private StateDirectory(Path path, RunFile.Opener opener, FileChannel lockFile, FileLock lock) {
    this.path = path;
    this.opener = opener;
    this.lockFile = lockFile;
    this.lock = lock;
  }

  /// Opens a directory, made if it is not there.
  ///
  /// @throws StorageUnavailable when it cannot be used, for example because another process does
  public static StateDirectory open(Path path) {
    return open(path, StateDirectory::output);
  }

  static StateDirectory open(Path path, RunFile.Opener opener) {
    try {
      Files.createDirectories(path);
      FileChannel lockFile =
          FileChannel.open(path.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      FileLock lock = tryLock(lockFile);
      if (lock == null) {
        lockFile.close();
        throw new StorageUnavailable(
            "state directory " + path + " is in use by another process", null);
      }
      StateDirectory directory = new StateDirectory(path, opener, lockFile, lock);
      directory.deleteUnreferenced();
      return directory;
    } catch (IOException e) {
      throw RunFile.unavailable(path, e);
    }
  }

  private static @Nullable FileLock tryLock(FileChannel file) throws IOException {
    try {
      return file.tryLock();
    } catch (OverlappingFileLockException e) {
      return null;
    }
  }

  // What a crash left behind; and numbers go on above all names that are taken.
  private void deleteUnreferenced() throws IOException {
    List<Path> files;
    try (Stream<Path> listed = Files.list(path)) {
      files = listed.toList();
    }
    for (Path file : files) {
      String name = file.getFileName().toString();
      if (name.endsWith(TEMPORARY) || (name.endsWith(RUN) && !references.containsKey(name))) {
        Files.delete(file);
      } else if (name.endsWith(RUN)) {
        numbers = Math.max(numbers, Long.parseLong(name, 0, name.length() - RUN.length(), 10));
      }
    }
  }

  private static RunFile.Output output(Path file) throws IOException {
    FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    return new RunFile.Output() {
      @Override
      public int write(ByteBuffer bytes) throws IOException {
        return channel.write(bytes);
      }

      @Override
      public void force() throws IOException {
        channel.force(true);
      }

      @Override
      public boolean isOpen() {
        return channel.isOpen();
      }

      @Override
      public void close() throws IOException {
        channel.close();
      }
    };
  }

  /// Writes the sum of runs as a file and maps it.
  ///
  /// @param reaper unmaps and deletes it in the end
  /// @throws StorageUnavailable when that cannot be done; then nothing is left of it
  Run write(List<Run> inputs, Executor reaper) {
    String name = newName();
    Path temporary = path.resolve(name + TEMPORARY);
    Path file = path.resolve(name);
    boolean complete = false;
    try {
      RunFile.Extent extent;
      try (RunFile.Output out = opener.open(temporary)) {
        RunFile.Images image = new RunFile.Images(out, file);
        Run.merge(inputs, image);
        extent = image.last();
        out.force();
      }
      if (extent.length() == 0) {
        return Run.EMPTY;
      }
      Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
      hold(name);
      Run run = RunFile.map(file, extent, orHere(reaper), () -> letGo(name));
      complete = true;
      return run;
    } catch (IOException e) {
      throw RunFile.unavailable(file, e);
    } finally {
      if (!complete) {
        discard(temporary);
        discard(file);
      }
    }
  }

  // At the end of the process there may be nobody left to hand work to.
  private static Executor orHere(Executor executor) {
    return task -> {
      try {
        executor.execute(task);
      } catch (RejectedExecutionException e) {
        task.run();
      }
    };
  }

  private synchronized String newName() {
    return ++numbers + RUN;
  }

  private synchronized void hold(String name) {
    references.merge(name, 1, Integer::sum);
  }

  private void letGo(String name) {
    synchronized (this) {
      if (references.merge(name, -1, Integer::sum) > 0) {
        return;
      }
      references.remove(name);
    }
    discard(path.resolve(name));
  }

  private static void discard(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      // A file that stays although nothing refers to it is deleted when the directory is opened
      // next.
    }
  }

  /// Gives the directory free for another process; the files stay.
  @Override
  public void close() {
    try {
      lock.release();
      lockFile.close();
    } catch (IOException e) {
      throw RunFile.unavailable(path, e);
    }
  }
}
