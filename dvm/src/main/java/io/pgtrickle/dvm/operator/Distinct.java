package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.zset.Row;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Maintains one row per class of equal rows; the key of a row is all of its columns.
///
///     distinct(A)[k] = {min{row ∈ A[k] : A[row] > 0} : 1}, empty when there is none
///     Δ distinct(A)  = distinct(A + ΔA) − distinct(A)
///
/// Rows of one class may look different (1.0 and 1.00, −0 and 0, blank-padded strings). The one
/// shown is the least by its bytes among those present, so it depends on the contents only, not on
/// their history.
public final class Distinct implements KeyedOperator {
  @Override
  public void step(KeyGroup group, Output out) {
    Map<Row, Long> weights = new TreeMap<>();
    group.old(0, weights::put);
    Row before = representative(weights);
    group.delta(0, (row, weight) -> weights.merge(row, weight, Math::addExact));
    Row after = representative(weights);
    if (Objects.equals(before, after)) {
      return;
    }
    if (before != null) {
      out.add(before, -1);
    }
    if (after != null) {
      out.add(after, 1);
    }
  }

  private static @Nullable Row representative(Map<Row, Long> weights) {
    Row least = null;
    for (Map.Entry<Row, Long> entry : weights.entrySet()) {
      long weight = entry.getValue();
      if (weight < 0) {
        throw new StateDamaged(
            "a row below DISTINCT has the count "
                + weight
                + "; the changes received do not belong to the contents the state was built from",
            null);
      }
      if (weight > 0 && least == null) {
        least = entry.getKey();
      }
    }
    return least;
  }
}
