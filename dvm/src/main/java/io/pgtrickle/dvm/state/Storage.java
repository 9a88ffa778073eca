package io.pgtrickle.dvm.state;

import io.pgtrickle.dvm.TrickleException.StorageUnavailable;
import io.pgtrickle.dvm.kernel.Run;
import io.pgtrickle.dvm.kernel.Shelf;
import io.pgtrickle.dvm.kernel.Slabs;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/// What the arrangements of a process share: where their runs are kept, and who merges them.
///
/// Small runs come and go with every step and lie on the heap. Larger ones, once they are merged,
/// lie in native memory, so that state neither sizes the heap nor is looked at by the collector. Of
/// these, runs larger than a sixteenth of the memory allowed, and all that would exceed what is
/// allowed, are files: the kernel keeps in memory what is read of them, and throws out what is not.
///
/// When a file cannot be written the merge is given up and tried again; arrangements go on with the
/// runs they have until back-pressure stops them (see [Arrangement]), with a [StorageUnavailable].
///
/// Safe for use by several threads; closed after everything that uses it.
public final class Storage implements AutoCloseable {
  private static final long SMALL_ENTRIES = 4096;
  static final long SMALL_BYTES = 512 * 1024;
  private static final long HEAP_SHARE = 32;
  private static final long CROWD = 4;
  private static final long PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final Executor merges;
  private final @Nullable Slabs slabs;
  private final long smallEntries;
  private final @Nullable StateDirectory directory;
  private final long memory;
  private final long heapLimit;
  private final AtomicLong onHeap = new AtomicLong();
  private final Reads reads = new Reads();
  private volatile @Nullable StorageUnavailable problem;
  private volatile long failedAtNanos;

  Storage(
      Executor merges,
      @Nullable Slabs slabs,
      @Nullable StateDirectory directory,
      long memory,
      long smallEntries) {
    this(
        merges,
        slabs,
        directory,
        memory,
        smallEntries,
        Runtime.getRuntime().maxMemory() / HEAP_SHARE);
  }

  Storage(
      Executor merges,
      @Nullable Slabs slabs,
      @Nullable StateDirectory directory,
      long memory,
      long smallEntries,
      long heapLimit) {
    this.merges = merges;
    this.slabs = slabs;
    this.directory = directory;
    this.memory = memory;
    this.smallEntries = smallEntries;
    this.heapLimit = heapLimit;
  }

  Reads reads() {
    return reads;
  }

  /// How many entries of its arrangements have been read: look-ups, scans and the ends of ranges,
  /// but
  /// not merges. About as many where several threads read.
  public long entriesRead() {
    return reads.entries();
  }

  /// Everything on the heap: nothing has to be closed.
  public static Storage onHeap(Executor merges) {
    return new Storage(merges, null, null, Long.MAX_VALUE, SMALL_ENTRIES);
  }

  /// Large runs in native memory.
  public static Storage inMemory(Executor merges) {
    return new Storage(merges, new Slabs(), null, Long.MAX_VALUE, SMALL_ENTRIES);
  }

  /// Large runs in so many bytes of native memory, beyond that in files. The JVM must be allowed as
  /// much direct memory (`-XX:MaxDirectMemorySize`, the size of the heap if it is not given).
  public static Storage of(StateDirectory directory, long memory, Executor merges) {
    return new Storage(merges, new Slabs(), directory, memory, SMALL_ENTRIES);
  }

  Executor merges() {
    return merges;
  }

  /// The number of entries from which on a run is large.
  long smallEntries() {
    return smallEntries;
  }

  /// Whether a merge that makes such a run is a matter of a millisecond or two.
  boolean isSmall(Run run) {
    return run.entries() < smallEntries && run.bytes() < SMALL_BYTES;
  }

  /// The bytes of large runs that one arrangement may have waiting on the heap, where steps make
  /// them.
  long heapLimit() {
    return heapLimit;
  }

  /// What an arrangement has on the heap has become more, or less, by so many bytes.
  void onHeap(long change) {
    onHeap.addAndGet(change);
  }

  /// Whether all arrangements together have too much there. Those that have some should be asked to
  /// [settle][Arrangement#settle].
  public boolean heapIsCrowded() {
    return onHeap.get() > CROWD * heapLimit;
  }

  /// Whether runs need not stay on the heap.
  boolean hasRoomElsewhere() {
    return slabs != null;
  }

  /// Whether a run should be kept elsewhere than where it is.
  boolean isMisplaced(Run run) {
    return slabs != null && run.onHeap() && !isSmall(run);
  }

  /// The sum of runs, where a run of its size belongs.
  Run merge(List<Run> runs) {
    boolean small = true;
    for (Run run : runs) {
      small &= isSmall(run);
    }
    return small && bytes(runs) < SMALL_BYTES
        ? Run.merge(runs, Shelf.heap())
        : place(runs, memory, memory / 16);
  }

  /// Whether so many bytes should leave the heap when that is crowded. A file for a few of them
  /// would
  /// be dearer than the heap that they take, while there is any.
  boolean isWorthMoving(long bytes) {
    return bytes >= SMALL_BYTES
        || slabs == null
        || slabs.used() + bytes <= allowedToMove()
        || onHeap.get() > 2 * CROWD * heapLimit;
  }

  private long allowedToMove() {
    return memory + Math.min(CROWD * heapLimit, Long.MAX_VALUE - memory);
  }

  /// The sum of runs, elsewhere than on the heap if there is anywhere else. Small ones may take
  /// some
  /// memory beyond what is allowed.
  Run move(List<Run> runs) {
    return bytes(runs) < SMALL_BYTES
        ? place(runs, allowedToMove(), SMALL_BYTES)
        : place(runs, memory, memory / 16);
  }

  private static long bytes(List<Run> runs) {
    return runs.stream().mapToLong(Run::bytes).sum();
  }

  private Run place(List<Run> runs, long allowed, long largest) {
    if (slabs == null) {
      return Run.merge(runs, Shelf.heap());
    }
    long bytes = bytes(runs);
    if (directory == null || (bytes <= largest && slabs.used() + bytes <= allowed)) {
      return Run.merge(runs, slabs.shelf(bytes));
    }
    try {
      Run run = directory.write(runs, merges);
      problem = null;
      return run;
    } catch (StorageUnavailable e) {
      problem = e;
      failedAtNanos = System.nanoTime();
      throw e;
    }
  }

  /// Whether it is not worth trying to write a file just now.
  boolean failedLately() {
    return problem != null && System.nanoTime() - failedAtNanos < PAUSE_NANOS;
  }

  /// Why files cannot be written at present.
  public Optional<StorageUnavailable> problem() {
    return Optional.ofNullable(problem);
  }

  /// The native memory that runs have at present, in bytes.
  public long memoryUsed() {
    return slabs == null ? 0 : slabs.used();
  }

  /// Gives memory back to the system.
  @Override
  public void close() {
    if (slabs != null) {
      slabs.close();
    }
  }
}
