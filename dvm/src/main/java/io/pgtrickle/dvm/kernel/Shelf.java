package io.pgtrickle.dvm.kernel;

import java.util.ArrayList;
import java.util.List;

/// Where the blocks of one run under construction are put: on the heap, or elsewhere.
public sealed interface Shelf permits Shelf.Heap, Slabs.Slice, RunFile.Images {
  /// Takes the builder's open block.
  void put(RunBuilder.Open block);

  /// The run of the blocks that were put, in order.
  Run finish(long entries, long negatives);

  /// Gives back what was taken; no run comes of it.
  void abandon();

  /// A shelf for a small run, of which the collector takes care.
  static Shelf heap() {
    return new Heap();
  }

  /// Blocks as arrays.
  final class Heap implements Shelf {
    private final List<Block> blocks = new ArrayList<>(1);

    @Override
    public void put(RunBuilder.Open block) {
      blocks.add(block.toArrays());
    }

    @Override
    public Run finish(long entries, long negatives) {
      return new Run(blocks, entries, negatives, null);
    }

    @Override
    public void abandon() {
      blocks.clear();
    }
  }
}
