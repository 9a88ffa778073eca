package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.zset.Row;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.ObjLongConsumer;

/// One input's delta of the key at hand, in memory because it is paired with several streams.
final class KeyDelta {
  private final List<Row> rows = new ArrayList<>();
  private long[] weights = new long[4];

  /// Takes two rows, one of each input, and the weight of their pair.
  interface PairConsumer {
    void accept(Row mine, Row other, long weight);
  }

  void load(KeyGroup group, int input) {
    rows.clear();
    group.delta(
        input,
        (row, weight) -> {
          if (rows.size() == weights.length) {
            weights = Arrays.copyOf(weights, weights.length * 2);
          }
          weights[rows.size()] = weight;
          rows.add(row);
        });
  }

  boolean isEmpty() {
    return rows.isEmpty();
  }

  void forEach(ObjLongConsumer<Row> action) {
    for (int i = 0; i < rows.size(); i++) {
      action.accept(rows.get(i), weights[i]);
    }
  }

  /// Pairs every row with another one.
  void times(Row other, long weight, PairConsumer action) {
    for (int i = 0; i < rows.size(); i++) {
      action.accept(rows.get(i), other, Math.multiplyExact(weights[i], weight));
    }
  }
}
