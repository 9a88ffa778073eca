package io.pgtrickle.engine.refresh;

import io.pgtrickle.dvm.zset.ZSet;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;

/// Parts of one change, which are fed one after the other where there is no memory for all of it at
/// once.
final class Pieces {
  private Pieces() {}

  /// A change in smaller pieces, whose sum it is; none if it is of one row. No piece takes a row
  /// out
  /// that is not there, or adds one whose key another has that goes.
  static List<Map<Integer, ZSet>> of(Map<Integer, ZSet> deltas) {
    List<Map<Integer, ZSet>> pieces = new ArrayList<>();
    if (deltas.size() > 1) {
      deltas.forEach((relation, delta) -> pieces.add(Map.of(relation, delta)));
      return pieces;
    }
    deltas.forEach(
        (relation, delta) -> {
          if (delta.size() > 1) {
            split(delta).forEach(piece -> pieces.add(Map.of(relation, piece)));
          }
        });
    return pieces;
  }

  private static List<ZSet> split(ZSet delta) {
    ZSet going = some(delta, i -> delta.weight(i) < 0);
    if (!going.isEmpty() && going.size() < delta.size()) {
      return List.of(going, some(delta, i -> delta.weight(i) > 0));
    }
    int half = delta.size() / 2;
    return List.of(some(delta, i -> i < half), some(delta, i -> i >= half));
  }

  private static ZSet some(ZSet delta, IntPredicate wanted) {
    ZSet.Builder some = new ZSet.Builder();
    for (int i = 0; i < delta.size(); i++) {
      if (wanted.test(i)) {
        some.add(delta.row(i), delta.weight(i));
      }
    }
    return some.build();
  }
}
