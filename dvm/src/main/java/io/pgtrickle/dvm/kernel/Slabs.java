package io.pgtrickle.dvm.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/// Native memory for runs, taken from the system in slabs and used again.
///
/// Safe for use by several threads.
public final class Slabs implements AutoCloseable {
  /*
   * Slabs have five sizes, 64 KiB to 1 MiB, so that the last slab of a run wastes at most about as
   * much as the run fills; larger blocks, of one huge row, have memory of their own. Free slabs are
   * kept per size, up to KEPT bytes in all: taking one costs neither a call into the system nor the
   * zeroing that fresh memory comes with.
   *
   * Giving a slab back to the system costs a handshake with all threads, which pooling avoids too.
   */
  static final int LEAST = 64 * 1024;
  static final int MOST = 1024 * 1024;
  private static final int SIZES = 5;
  /// What free slabs may take beside those that runs have, in bytes.
  public static final long KEPT = 64L * MOST;

  private final List<Deque<Slab>> free = new ArrayList<>();
  private long used;
  private long kept;
  private boolean closed;

  private record Slab(Arena arena, MemorySegment memory) {}

  public Slabs() {
    for (int i = 0; i < SIZES; i++) {
      free.add(new ArrayDeque<>());
    }
  }

  /// The bytes of slabs that runs have.
  public synchronized long used() {
    return used;
  }

  /// A shelf for one run of about so many bytes.
  public Shelf shelf(long expectedBytes) {
    return new Slice(this, expectedBytes);
  }

  private static int size(long wanted) {
    long size = LEAST;
    while (size < wanted && size < MOST) {
      size <<= 1;
    }
    return (int) size;
  }

  private static int sizeClass(long size) {
    return Long.numberOfTrailingZeros(size / LEAST);
  }

  private Slab take(int size) {
    synchronized (this) {
      used += size;
      Slab slab = size > MOST ? null : free.get(sizeClass(size)).poll();
      if (slab != null) {
        kept -= size;
        return slab;
      }
    }
    try {
      return allocate(size);
    } catch (OutOfMemoryError e) {
      synchronized (this) {
        used -= size;
      }
      throw e;
    }
  }

  // What waits for its next use in other sizes may be what is lacking.
  private Slab allocate(int size) {
    try {
      return fresh(size);
    } catch (OutOfMemoryError e) {
      closeFree();
      return fresh(size);
    }
  }

  private static Slab fresh(int size) {
    Arena arena = Arena.ofShared();
    boolean complete = false;
    try {
      Slab slab = new Slab(arena, arena.allocate(size, Long.BYTES));
      complete = true;
      return slab;
    } finally {
      if (!complete) {
        arena.close();
      }
    }
  }

  private void giveBack(List<Slab> slabs) {
    List<Slab> surplus = new ArrayList<>();
    synchronized (this) {
      for (Slab slab : slabs) {
        long size = slab.memory.byteSize();
        used -= size;
        if (size > MOST || kept + size > KEPT || closed) {
          surplus.add(slab);
        } else {
          kept += size;
          free.get(sizeClass(size)).push(slab);
        }
      }
    }
    surplus.forEach(slab -> slab.arena.close());
  }

  /// Gives free slabs back to the system; those of runs follow when the runs are freed.
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
    }
    closeFree();
  }

  private void closeFree() {
    List<Slab> surplus = new ArrayList<>();
    synchronized (this) {
      kept = 0;
      for (Deque<Slab> slabs : free) {
        surplus.addAll(slabs);
        slabs.clear();
      }
    }
    surplus.forEach(slab -> slab.arena.close());
  }

  /// The part of the slabs that one run takes.
  static final class Slice implements Shelf {
    private final Slabs slabs;
    private final List<Slab> taken = new ArrayList<>();
    private final List<Block> blocks = new ArrayList<>();
    private long expected;
    private MemorySegment rest = MemorySegment.NULL;

    private Slice(Slabs slabs, long expectedBytes) {
      this.slabs = slabs;
      expected = expectedBytes;
    }

    @Override
    public void put(RunBuilder.Open block) {
      NativeBlock.Shape shape = block.shape();
      int bytes = shape.bytes();
      if (rest.byteSize() < bytes) {
        Slab slab = slabs.take(bytes > MOST ? bytes : size(Math.max(bytes, expected)));
        taken.add(slab);
        rest = slab.memory;
      }
      block.copyTo(rest, shape);
      blocks.add(new NativeBlock(shape, rest));
      // Aligned, as a courtesy to processors that care.
      rest = rest.asSlice(Math.min(rest.byteSize(), (bytes + 7L) & ~7L));
      expected -= bytes;
    }

    @Override
    public Run finish(long entries, long negatives) {
      return new Run(blocks, entries, negatives, new RunMemory(this::abandon));
    }

    @Override
    public void abandon() {
      slabs.giveBack(taken);
    }
  }
}
