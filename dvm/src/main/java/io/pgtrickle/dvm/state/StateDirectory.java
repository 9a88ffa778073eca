package io.pgtrickle.dvm.state;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.TrickleException.StorageUnavailable;
import io.pgtrickle.dvm.kernel.Run;
import io.pgtrickle.dvm.kernel.RunFile;
import io.pgtrickle.dvm.kernel.RunFile.Copy;
import io.pgtrickle.dvm.kernel.Shelf;
import io.pgtrickle.dvm.type.Bytes;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A directory of run files and checkpoints, of which one process at a time is the owner.
///
/// A checkpoint is a manifest that says which parts of which files belong to which name. The two
/// newest are kept. A run that has been written once is not written again: large runs are files of
/// their own, the small ones that a checkpoint finds unwritten go into one file together.
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
  private static final String MANIFEST = "MANIFEST-";
  private static final int KEPT = 2;
  private static final Pattern NAMED_RUN = Pattern.compile("\\d{1,18}\\.run");
  private static final Pattern NAMED_MANIFEST = Pattern.compile("MANIFEST-\\d{1,18}");
  private static final Pattern UNFINISHED =
      Pattern.compile("(MANIFEST-\\d{1,18}|\\d{1,18}\\.run)\\.tmp");

  private final Path path;
  private final RunFile.Opener opener;
  private final FileChannel lockFile;
  private final FileLock lock;
  private final Map<String, Integer> references = new HashMap<>();
  private final Map<String, Long> packs = new HashMap<>();
  private final NavigableMap<Long, Manifest> manifests = new TreeMap<>();
  private final List<String> problems = new ArrayList<>();
  private final Object publishing = new Object();
  private long numbers;
  private boolean closed;

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
      boolean complete = false;
      try {
        directory.readManifests();
        directory.deleteUnreferenced();
        complete = true;
        return directory;
      } finally {
        if (!complete) {
          directory.close();
        }
      }
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

  private void readManifests() throws IOException {
    NavigableMap<Long, Path> found = new TreeMap<>();
    try (Stream<Path> listed = Files.list(path)) {
      for (Path file : listed.toList()) {
        String name = file.getFileName().toString();
        if (NAMED_MANIFEST.matcher(name).matches()) {
          found.put(Long.parseLong(name, MANIFEST.length(), name.length(), 10), file);
        }
      }
    }
    for (Map.Entry<Long, Path> entry : found.descendingMap().entrySet()) {
      numbers = Math.max(numbers, entry.getKey());
      if (manifests.size() < KEPT) {
        try {
          Manifest manifest = Manifest.decode(Files.readAllBytes(entry.getValue()));
          manifests.put(entry.getKey(), manifest);
          manifest.files().forEach(this::hold);
          continue;
        } catch (IOException e) {
          problems.add("checkpoint " + entry.getValue() + " is of no use: " + e.getMessage());
        }
      }
      Files.delete(entry.getValue());
    }
  }

  /// The newest checkpoint that is there and readable.
  public synchronized Optional<Saved> saved() {
    return Optional.ofNullable(manifests.lastEntry())
        .map(newest -> new Saved(newest.getValue(), this));
  }

  /// What was found to be wrong with checkpoints when the directory was opened.
  public List<String> problems() {
    return List.copyOf(problems);
  }

  /// Begins a checkpoint.
  ///
  /// @param frontier how far the log has been taken in, in the host's own form
  public Capture capture(Origin origin, Bytes frontier) {
    return new Capture(this, origin, frontier);
  }

  // What a crash left behind; and numbers go on above all names that are taken.
  private void deleteUnreferenced() throws IOException {
    List<Path> files;
    try (Stream<Path> listed = Files.list(path)) {
      files = listed.toList();
    }
    for (Path file : files) {
      String name = file.getFileName().toString();
      if (UNFINISHED.matcher(name).matches()) {
        numbers = Math.max(numbers, Long.parseLong(name.replaceAll("\\D", "")));
        Files.delete(file);
      } else if (NAMED_RUN.matcher(name).matches()) {
        numbers = Math.max(numbers, Long.parseLong(name, 0, name.length() - RUN.length(), 10));
        if (!references.containsKey(name)) {
          Files.delete(file);
        }
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

  /// Makes sure that a file of so many bytes leaves room on the disk, which may be a server's, too.
  ///
  /// @throws StorageUnavailable if it does not
  void requireRoom(long bytes) {
    try {
      FileStore disk = Files.getFileStore(path);
      long reserve = reserve(disk.getTotalSpace());
      // Some file systems say nothing of their size.
      if (disk.getTotalSpace() > 0 && disk.getUsableSpace() - bytes < reserve) {
        throw new StorageUnavailable(
            ("state is not written to %s: less than %d MB would be left on the disk, where others"
                    + " may need room, too; nothing is lost, and it is tried again; make room")
                .formatted(path, reserve >> 20),
            null);
      }
    } catch (IOException e) {
      throw RunFile.unavailable(path, e);
    }
  }

  /// What is left of a disk for others: a fiftieth, and no more than a gigabyte.
  static long reserve(long total) {
    return Math.min(total / 50, 1L << 30);
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
      run.copiedTo(new Copy(name, extent.offset(), extent.length()));
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

  /// Makes a checkpoint; one at a time.
  ///
  /// What the manifest refers to is durable before it gets its name, and what the one that it
  /// replaces refers to stays until then, so that at every instant there is a complete one.
  void publish(
      Origin origin, Bytes frontier, Map<String, Bytes> values, Map<String, List<Run>> runs) {
    synchronized (publishing) {
      Set<String> held = new LinkedHashSet<>();
      boolean complete = false;
      try {
        Set<Run> distinct = new LinkedHashSet<>();
        runs.values().forEach(distinct::addAll);
        write(unwritten(distinct, held), held);
        Map<String, List<Copy>> copies = new LinkedHashMap<>();
        runs.forEach(
            (name, list) ->
                copies.put(name, list.stream().map(run -> run.copy().orElseThrow()).toList()));
        publish(new Manifest(origin, frontier, values, copies));
        complete = true;
      } catch (IOException e) {
        throw RunFile.unavailable(path, e);
      } finally {
        if (!complete) {
          held.forEach(this::letGo);
        }
      }
    }
  }

  // The runs without an image on disk, and those whose image is in a file of many that is mostly of
  // runs that are no more. The files of the others are held.
  private List<Run> unwritten(Set<Run> runs, Set<String> held) {
    Map<String, Long> live = new HashMap<>();
    for (Run run : runs) {
      run.copy().ifPresent(copy -> live.merge(copy.file(), copy.length(), Long::sum));
    }
    List<Run> missing = new ArrayList<>();
    for (Run run : runs) {
      Optional<Copy> copy = run.copy();
      if (copy.isEmpty()
          || isWaste(copy.get().file(), live)
          || !(held.contains(copy.get().file()) || holdExisting(copy.get().file(), held))) {
        missing.add(run);
      }
    }
    return missing;
  }

  private synchronized boolean isWaste(String file, Map<String, Long> live) {
    Long size = packs.get(file);
    return size != null && live.getOrDefault(file, 0L) * 2 < size;
  }

  private synchronized boolean holdExisting(String file, Set<String> held) {
    if (!references.containsKey(file)) {
      return false;
    }
    hold(file);
    held.add(file);
    return true;
  }

  private void write(List<Run> missing, Set<String> held) throws IOException {
    Map<Run, Copy> written = new HashMap<>();
    List<Run> small = new ArrayList<>();
    for (Run run : missing) {
      if (run.bytes() < Storage.SMALL_BYTES) {
        small.add(run);
      } else {
        write(List.of(run), held, written);
      }
    }
    if (!small.isEmpty()) {
      String pack = write(small, held, written);
      long size = 0;
      for (Run run : small) {
        size += Objects.requireNonNull(written.get(run)).length();
      }
      synchronized (this) {
        packs.put(pack, size);
      }
    }
    written.forEach(Run::copiedTo);
  }

  private String write(List<Run> runs, Set<String> held, Map<Run, Copy> written)
      throws IOException {
    String name = newName();
    Path temporary = path.resolve(name + TEMPORARY);
    boolean complete = false;
    try {
      try (RunFile.Output out = opener.open(temporary)) {
        RunFile.Images images = new RunFile.Images(out, path.resolve(name));
        for (Run run : runs) {
          Run.merge(List.of(run), images);
          RunFile.Extent extent = images.last();
          written.put(run, new Copy(name, extent.offset(), extent.length()));
        }
        out.force();
      }
      Files.move(temporary, path.resolve(name), StandardCopyOption.ATOMIC_MOVE);
      complete = true;
    } finally {
      if (!complete) {
        discard(temporary);
      }
    }
    synchronized (this) {
      hold(name);
    }
    held.add(name);
    return name;
  }

  private void publish(Manifest manifest) throws IOException {
    long number;
    synchronized (this) {
      number = ++numbers;
    }
    Path file = path.resolve(MANIFEST + number);
    Path temporary = path.resolve(MANIFEST + number + TEMPORARY);
    boolean complete = false;
    try {
      try (RunFile.Output out = opener.open(temporary)) {
        ByteBuffer bytes = ByteBuffer.wrap(manifest.encode());
        while (bytes.hasRemaining()) {
          out.write(bytes);
        }
        out.force();
      }
      forceDirectory();
      Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
      forceDirectory();
      complete = true;
    } finally {
      if (!complete) {
        discard(temporary);
        discard(file);
      }
    }
    List<Map.Entry<Long, Manifest>> old = new ArrayList<>();
    synchronized (this) {
      manifests.put(number, manifest);
      while (manifests.size() > KEPT) {
        old.add(manifests.pollFirstEntry());
      }
    }
    giveUp(old);
  }

  // First the checkpoint, then the files that only it has.
  private void giveUp(List<Map.Entry<Long, Manifest>> checkpoints) {
    for (Map.Entry<Long, Manifest> checkpoint : checkpoints) {
      discard(path.resolve(MANIFEST + checkpoint.getKey()));
      checkpoint.getValue().files().forEach(this::letGo);
    }
  }

  // Makes the names of files durable. Where a directory cannot be opened (Windows) they are anyway.
  private void forceDirectory() throws IOException {
    if (path.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
        channel.force(true);
      }
    }
  }

  /// A run from its image: small ones on the heap, large ones mapped.
  Run read(Copy copy, Storage storage) {
    String name = copy.file();
    synchronized (this) {
      hold(name);
    }
    boolean small = copy.length() < Storage.SMALL_BYTES;
    Run mapped;
    try {
      mapped =
          RunFile.map(
              path.resolve(name),
              copy.extent(),
              small ? Runnable::run : orHere(storage.merges()),
              () -> letGo(name));
    } catch (StateDamaged | StorageUnavailable e) {
      letGo(name);
      throw e;
    }
    Run run = mapped;
    if (small) {
      try {
        run = Run.merge(List.of(mapped), Shelf.heap());
      } finally {
        mapped.letGo();
      }
      synchronized (this) {
        packs.merge(name, copy.offset() + copy.length(), Math::max);
      }
    }
    run.copiedTo(copy);
    return run;
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

  // Once closed, the files belong to whoever opens the directory next.
  private void letGo(String name) {
    synchronized (this) {
      if (references.merge(name, -1, Integer::sum) > 0 || closed) {
        return;
      }
      references.remove(name);
      packs.remove(name);
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

  /// Gives all checkpoints up: who opens the directory next finds none. What has been read from
  /// them
  /// stays readable.
  public void forget() {
    List<Map.Entry<Long, Manifest>> old;
    synchronized (this) {
      old = List.copyOf(manifests.entrySet());
      manifests.clear();
    }
    giveUp(old);
  }

  /// Gives the directory free for another process; the files stay.
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
    }
    try {
      lock.release();
      lockFile.close();
    } catch (IOException e) {
      throw RunFile.unavailable(path, e);
    }
  }
}
