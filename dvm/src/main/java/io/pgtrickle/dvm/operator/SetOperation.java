package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.zset.Row;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Maintains INTERSECT [ALL] and EXCEPT [ALL]; the key of a row is all of its columns.
///
///     out(l, r)  = n(l, r) times the least row of the left side by its bytes
///     Δ out[k]   = out(L[k] + ΔL[k], R[k] + ΔR[k]) − out(L[k], R[k])
///
/// with l and r the numbers of rows of the class on either side and n one of
///
///     INTERSECT ALL  min(l, r)         INTERSECT  1 if l > 0 and r > 0
///     EXCEPT ALL     max(0, l − r)     EXCEPT     1 if l > 0 and r = 0
///
/// Rows of a class may look different; as in [Distinct] the one that is shown depends on the rows
/// that are there and not on their history.
public final class SetOperation implements KeyedOperator {
  private static final int LEFT = 0;
  private static final int RIGHT = 1;

  private final Count count;

  /// How many rows come of l on the left and r on the right.
  @FunctionalInterface
  public interface Count {
    long of(long l, long r);
  }

  public SetOperation(Count count) {
    this.count = count;
  }

  /// The count of an INTERSECT or EXCEPT.
  public static Count count(boolean intersect, boolean all) {
    if (intersect) {
      return all ? Math::min : (l, r) -> l > 0 && r > 0 ? 1 : 0;
    }
    return all ? (l, r) -> Math.max(0, l - r) : (l, r) -> l > 0 && r == 0 ? 1 : 0;
  }

  @Override
  public void step(KeyGroup group, Output out) {
    Side left = new Side();
    Side right = new Side();
    group.old(LEFT, left::add);
    group.old(RIGHT, right::add);
    Row before = left.least();
    long beforeCount = count.of(left.rows, right.rows);
    group.delta(LEFT, left::add);
    group.delta(RIGHT, right::add);
    Row after = left.least();
    long afterCount = count.of(left.rows, right.rows);
    if (Objects.equals(before, after)) {
      emit(after, afterCount - beforeCount, out);
    } else {
      emit(before, -beforeCount, out);
      emit(after, afterCount, out);
    }
  }

  private static void emit(@Nullable Row row, long weight, Output out) {
    if (row != null && weight != 0) {
      out.add(row, weight);
    }
  }

  // The rows of one class on one side; few, since they differ only in how they look.
  private static final class Side {
    private final Map<Row, Long> weights = new TreeMap<>();
    private long rows;

    void add(Row row, long weight) {
      weights.merge(row, weight, Math::addExact);
      rows = Math.addExact(rows, weight);
    }

    @Nullable Row least() {
      for (Map.Entry<Row, Long> entry : weights.entrySet()) {
        if (entry.getValue() > 0) {
          return entry.getKey();
        }
      }
      return null;
    }
  }
}
