package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// What the nodes of one step have yielded and nobody has read to the end yet, in bytes of the
/// heap.
///
/// A step is one or not at all, so what it yields is on the heap until it is read by all consumers,
/// and what it releases until the host has written it. A few rows can yield as many as a view has:
/// a
/// row of a dimension under a join, or all that was pending while a view was held back. Beyond the
/// limit the step fails for the views whose nodes have yielded most, which are then computed anew;
/// that is done in pieces, however many rows there are.
final class StepMemory {
  private static final long SHARE = 8;

  private final long limit;
  private final Map<Node, Long> kept = new HashMap<>();
  private long used;

  /// @param limit in bytes
  StepMemory(long limit) {
    this.limit = limit;
  }

  /// What a step may take of the heap, in bytes.
  static long ofHeap() {
    return Runtime.getRuntime().maxMemory() / SHARE;
  }

  /// There are more rows than the limit allows.
  static final class Exceeded extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private Exceeded() {
      super("a step yields more rows than there is memory for", null, false, false);
    }
  }

  /// A node yields a row.
  void take(long bytes) {
    used += bytes;
    if (used > limit) {
      throw new Exceeded();
    }
  }

  /// A node has yielded everything; it keeps less if rows cancelled.
  void keep(Node node, long taken, long left) {
    used -= taken - left;
    if (left > 0) {
      kept.merge(node, left, Long::sum);
    }
  }

  /// Everybody has read what a node yielded.
  void free(Node node) {
    Long bytes = kept.remove(node);
    used -= bytes == null ? 0 : bytes;
  }

  /// The nodes to do without, those that yielded most first, until half of what is there is gone.
  ///
  /// @param current the one that could not go on
  List<Node> largest(Node current) {
    long rest = used;
    for (long bytes : kept.values()) {
      rest -= bytes;
    }
    kept.merge(current, rest, Long::sum);
    List<Map.Entry<Node, Long>> order = new ArrayList<>(kept.entrySet());
    order.sort(
        Map.Entry.<Node, Long>comparingByValue()
            .reversed()
            .thenComparing(Map.Entry.comparingByKey(Comparator.comparingInt(Node::number))));
    List<Node> largest = new ArrayList<>();
    long sum = 0;
    for (int i = 0; i < order.size() && sum < used / 2; i++) {
      largest.add(order.get(i).getKey());
      sum += order.get(i).getValue();
    }
    return largest;
  }

  /// What it means for a view.
  StateDamaged exceeded() {
    return new StateDamaged(
        "53400",
        ("one step makes more of it than there is memory for, which is %d MB, an eighth of the"
                + " heap: its contents are computed anew in pieces. With a larger heap"
                + " (PGTRICKLE_HEAP, -Xmx) such a change is followed row by row")
            .formatted(Math.ceilDiv(limit, 1L << 20)),
        null);
  }
}
