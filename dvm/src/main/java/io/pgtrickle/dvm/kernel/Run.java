package io.pgtrickle.dvm.kernel;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// An immutable sorted run: distinct (key, row) entries in ascending order of key bytes, then row
/// bytes, each with a non-zero weight.
public final class Run {
  /*
   * A list of blocks; firsts[b] is the first prefix of block b (the fence). Finding a key is a
   * binary search over the fences, which stay in cache, and then over the prefixes of one block.
   * sums[b] is the sum of the weights before block b, so that the weight of any range of the run is
   * known from its ends and the weights of at most two blocks.
   *
   * A position is block << 32 | index. The end of a run is (blocks, 0).
   *
   * The memory of a small run is the collector's business. Other memory is counted, see RunMemory; when
   * it is freed the blocks are forgotten, so that a reader who should have held the run fails instead
   * of reading what came after it.
   */
  public static final Run EMPTY = new Run(List.of(), 0, 0, null);

  private static final Block[] NO_BLOCKS = {};

  private Block[] blocks;
  private final long[] firsts;
  private final long[] sums;
  private final long entries;
  private final long negatives;
  private final long bytes;
  private final @Nullable RunMemory memory;
  private volatile RunFile.@Nullable Copy copy;

  Run(List<Block> blocks, long entries, long negatives, @Nullable RunMemory memory) {
    this.blocks = blocks.toArray(new Block[0]);
    this.entries = entries;
    this.negatives = negatives;
    this.memory = memory;
    firsts = new long[this.blocks.length];
    sums = new long[this.blocks.length];
    long total = 0;
    long weight = 0;
    for (int b = 0; b < firsts.length; b++) {
      firsts[b] = this.blocks[b].first();
      sums[b] = weight;
      weight = Math.addExact(weight, this.blocks[b].total);
      total += this.blocks[b].bytes() + 2 * Long.BYTES;
    }
    bytes = total;
  }

  /// Keeps the memory until [#letGo] as often; only whoever keeps a run beyond a step need do so.
  public void hold() {
    if (memory != null) {
      memory.hold();
    }
  }

  /// Takes one [#hold] back; the maker of a run has the first. After the last the run is
  /// unreadable.
  public void letGo() {
    if (memory != null && memory.letGo()) {
      blocks = NO_BLOCKS;
      memory.free();
    }
  }

  /// The image of this run on disk, as long as its file is there.
  public Optional<RunFile.Copy> copy() {
    return Optional.ofNullable(copy);
  }

  /// Remembers where the image of this run is.
  public void copiedTo(RunFile.Copy where) {
    copy = where;
  }

  /// Whether the run is made of arrays, which nobody need hold or let go.
  public boolean onHeap() {
    return memory == null;
  }

  /// The number of entries.
  public long entries() {
    return entries;
  }

  /// How many entries have a negative weight; they make the run more urgent to merge.
  public long negatives() {
    return negatives;
  }

  /// The bytes of its blocks and fences.
  public long bytes() {
    return bytes;
  }

  public boolean isEmpty() {
    return entries == 0;
  }

  /// The sum of runs: one run with the same net weights, cancelled entries gone.
  public static Run merge(List<Run> runs, Shelf shelf) {
    long entries = 0;
    long bytes = 0;
    for (Run run : runs) {
      entries += run.entries;
      bytes += run.bytes;
    }
    RunBuilder out = new RunBuilder(shelf, entries, bytes);
    List<Run> inputs = new ArrayList<>();
    boolean complete = false;
    try {
      for (Run run : runs) {
        run.hold();
        inputs.add(run.memory instanceof RunFile.Mapping file ? run.sequentially(file) : run);
      }
      Merge merge = Merge.of(inputs);
      while (merge.next()) {
        merge.appendTo(out);
      }
      Run run = out.build();
      complete = true;
      return run;
    } finally {
      inputs.forEach(Run::letGo);
      if (!complete) {
        shelf.abandon();
      }
    }
  }

  // In exchange for a hold of this run, which keeps the file there while it is mapped once more.
  private Run sequentially(RunFile.Mapping file) {
    try {
      return file.sequentially();
    } finally {
      letGo();
    }
  }

  Block block(long position) {
    return block((int) (position >> 32));
  }

  private Block block(int b) {
    Block block = blocks[b];
    if (block.unverified) {
      block.verify();
    }
    return block;
  }

  static long position(int block, int index) {
    return (long) block << 32 | index;
  }

  long end() {
    return position(firsts.length, 0);
  }

  /// The first position at or after `from` whose entry, or key if only a key is sought, is not
  /// below the target.
  long seek(long from, Target target) {
    return seek(from, target, 0);
  }

  /// The first position at or after `from` whose key is above the target's.
  long seekPast(long from, Target target) {
    return seek(from, target, 1);
  }

  // The first position whose entry compares to the target as at least `bound`.
  private long seek(long from, Target target, int bound) {
    int b = (int) (from >> 32);
    int i = (int) from;
    int n = firsts.length;
    if (b == n || block(b).compare(i, target) >= bound) {
      return from;
    }
    // Gallop over the fences to the last block that starts before the target: ascending probes of a
    // batch mostly stay in the block they are in.
    int low = b;
    int step = 1;
    while (low + step < n && before(low + step, target, bound)) {
      low += step;
      step <<= 1;
    }
    int high = Math.min(n, low + step);
    while (high - low > 1) {
      int middle = (low + high) >>> 1;
      if (before(middle, target, bound)) {
        low = middle;
      } else {
        high = middle;
      }
    }
    Block block = block(low);
    // Entry `at` is before the target; find the first after it that is not.
    int at = low == b ? i : 0;
    int stride = 1;
    while (at + stride < block.size && block.compare(at + stride, target) < bound) {
      at += stride;
      stride <<= 1;
    }
    int limit = Math.min(block.size, at + stride);
    while (limit - at > 1) {
      int middle = (at + limit) >>> 1;
      if (block.compare(middle, target) < bound) {
        at = middle;
      } else {
        limit = middle;
      }
    }
    return limit == block.size ? position(low + 1, 0) : position(low, limit);
  }

  private boolean before(int b, Target target, int bound) {
    long first = firsts[b];
    return first != target.prefix ? first < target.prefix : block(b).compare(0, target) < bound;
  }

  /// The sum of the weights from one position to another that is not before it.
  long weight(long from, long to) {
    int b = (int) (from >> 32);
    int c = (int) (to >> 32);
    if (b == c) {
      return from == to ? 0 : block(b).weights((int) from, (int) to);
    }
    long sum = sums[c - 1] - sums[b] + blocks[c - 1].total;
    if ((int) from > 0) {
      sum -= block(b).weights(0, (int) from);
    }
    if ((int) to > 0) {
      sum += block(c).weights(0, (int) to);
    }
    return sum;
  }

  /// How many entries lie between two positions; exact where they are in one block or neighbouring
  /// ones, else an estimate.
  long distance(long from, long to) {
    int b = (int) (from >> 32);
    int c = (int) (to >> 32);
    if (c - b > 1) {
      return (long) (c - b) * RunBuilder.BLOCK_ENTRIES;
    }
    return b == c ? (int) to - (int) from : blocks[b].size - (int) from + (int) to;
  }

  /// A position strictly between two, near their middle; the first when they are neighbours.
  long middle(long from, long to) {
    int b = (int) (from >> 32);
    int c = (int) (to >> 32);
    if (c - b > 1) {
      return position((b + c) >>> 1, 0);
    }
    if (b == c) {
      return position(b, ((int) from + (int) to) >>> 1);
    }
    int left = blocks[b].size - (int) from;
    int half = (left + (int) to) >>> 1;
    return half < left ? from + half : position(c, half - left);
  }

  long after(long position) {
    int b = (int) (position >> 32);
    int i = (int) position + 1;
    return i == blocks[b].size ? position(b + 1, 0) : position + 1;
  }

  long before(long position) {
    int i = (int) position;
    if (i > 0) {
      return position - 1;
    }
    int b = (int) (position >> 32) - 1;
    return position(b, blocks[b].size - 1);
  }
}
