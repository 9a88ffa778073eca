package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.WindowCall;
import io.pgtrickle.dvm.plan.WindowCall.Bound;
import io.pgtrickle.dvm.plan.WindowCall.Frame;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.PgInterval;
import io.pgtrickle.dvm.type.PgNumeric;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.Row;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Window functions by their definition: whether a row is in the frame of another one is asked of
/// every pair.
final class NaiveWindow {
  /// What it is told by whoever evaluates the plan.
  interface Values {
    @Nullable Object of(Expr expression, Row row);

    @Nullable Object aggregate(WindowCall.Aggregated call, List<Row> rows);
  }

  private final Plan.Window plan;
  private final Values values;
  private final List<Row> rows;

  /// How many rows come before a row's peers, and how many groups of peers.
  private final int[] before;
  private final int[] groupsBefore;

  /// @param rows one partition, in order
  /// @param peer whether a row is a peer of the one before it
  NaiveWindow(Plan.Window plan, Values values, List<Row> rows, boolean[] peer) {
    this.plan = plan;
    this.values = values;
    this.rows = rows;
    before = new int[rows.size()];
    groupsBefore = new int[rows.size()];
    for (int i = 1; i < rows.size(); i++) {
      before[i] = peer[i] ? before[i - 1] : i;
      groupsBefore[i] = groupsBefore[i - 1] + (peer[i] ? 0 : 1);
    }
  }

  @Nullable Object result(WindowCall call, int i) {
    return switch (call) {
      case WindowCall.Aggregated aggregate -> values.aggregate(aggregate, frame(call.frame(), i));
      case WindowCall.Placed placed -> placed(placed, i);
    };
  }

  private @Nullable Object placed(WindowCall.Placed call, int i) {
    int n = rows.size();
    return switch (call.kind()) {
      case ROW_NUMBER -> i + 1L;
      case RANK -> before[i] + 1L;
      case DENSE_RANK -> groupsBefore[i] + 1L;
      case PERCENT_RANK -> n == 1 ? 0.0 : before[i] / (double) (n - 1);
      case CUME_DIST -> {
        int upTo = 0;
        for (int j = 0; j < n; j++) {
          upTo += before[j] <= before[i] ? 1 : 0;
        }
        yield upTo / (double) n;
      }
      case NTILE -> ntile(call, i);
      case LAG -> shifted(call, i, -1);
      case LEAD -> shifted(call, i, 1);
      case FIRST_VALUE -> nth(call, frame(call.frame(), i), 0);
      case LAST_VALUE -> {
        List<Row> frame = frame(call.frame(), i);
        yield nth(call, frame, frame.size() - 1);
      }
      case NTH_VALUE -> {
        Object wanted = values.of(call.arguments().getLast(), rows.get(i));
        if (!(wanted instanceof Long number)) {
          yield null;
        }
        if (number < 1) {
          throw new EvaluationFailure("22016", "nth_value");
        }
        yield nth(call, frame(call.frame(), i), number - 1);
      }
    };
  }

  private @Nullable Object nth(WindowCall.Placed call, List<Row> frame, long index) {
    return index >= 0 && index < frame.size()
        ? values.of(call.arguments().getFirst(), frame.get((int) index))
        : null;
  }

  /// Tests ask for a constant number of parts.
  private @Nullable Object ntile(WindowCall.Placed call, int i) {
    if (!(values.of(call.arguments().getFirst(), rows.get(i)) instanceof Long parts)) {
      return null;
    }
    long small = rows.size() / parts;
    long larger = rows.size() % parts;
    long inLarger = larger * (small + 1);
    return i < inLarger ? i / (small + 1) + 1 : larger + (i - inLarger) / small + 1;
  }

  private @Nullable Object shifted(WindowCall.Placed call, int i, int direction) {
    List<Expr> arguments = call.arguments();
    Object by = arguments.size() > 1 ? values.of(arguments.get(1), rows.get(i)) : (Object) 1L;
    if (!(by instanceof Long distance)) {
      return null;
    }
    long target = i + direction * distance;
    if (target >= 0 && target < rows.size()) {
      return values.of(arguments.getFirst(), rows.get((int) target));
    }
    return arguments.size() > 2 ? values.of(arguments.get(2), rows.get(i)) : null;
  }

  private List<Row> frame(Frame frame, int i) {
    List<Row> inside = new ArrayList<>();
    for (int j = 0; j < rows.size(); j++) {
      boolean excluded =
          switch (frame.exclusion()) {
            case NONE -> false;
            case CURRENT_ROW -> j == i;
            case GROUP -> before[j] == before[i];
            case TIES -> j != i && before[j] == before[i];
          };
      if (!excluded && fromStart(frame, i, j) >= 0 && fromEnd(frame, i, j) <= 0) {
        inside.add(rows.get(j));
      }
    }
    return inside;
  }

  private int fromStart(Frame frame, int i, int j) {
    return frame.start() instanceof Bound.UnboundedPreceding
        ? 1
        : order(frame, frame.start(), i, j);
  }

  private int fromEnd(Frame frame, int i, int j) {
    return frame.end() instanceof Bound.UnboundedFollowing ? -1 : order(frame, frame.end(), i, j);
  }

  /// Where row j is, seen from a bound of row i's frame.
  private int order(Frame frame, Bound bound, int i, int j) {
    Expr offset =
        switch (bound) {
          case Bound.Preceding(Expr distance) -> distance;
          case Bound.Following(Expr distance) -> distance;
          case Bound.CurrentRow _, Bound.UnboundedPreceding _, Bound.UnboundedFollowing _ -> null;
        };
    if (offset == null) {
      return switch (frame.mode()) {
        case ROWS -> Integer.compare(j, i);
        case RANGE, GROUPS -> Integer.compare(before[j], before[i]);
      };
    }
    if (frame.mode() == WindowCall.Mode.RANGE
        && plan.order().getFirst().value().type().kind() == TypeKind.TIMESTAMP) {
      return ofTimes(offset, bound instanceof Bound.Preceding, i, j);
    }
    BigDecimal by = number(values.of(offset, rows.get(i)));
    BigDecimal signed = bound instanceof Bound.Preceding ? by.negate() : by;
    return switch (frame.mode()) {
      case ROWS -> BigDecimal.valueOf(j - (long) i).compareTo(signed);
      case GROUPS -> BigDecimal.valueOf(groupsBefore[j] - (long) groupsBefore[i]).compareTo(signed);
      case RANGE -> {
        Plan.SortKey key = plan.order().getFirst();
        Object own = values.of(key.value(), rows.get(i));
        Object other = values.of(key.value(), rows.get(j));
        if (own == null || other == null) {
          yield Integer.compare(before[j], before[i]);
        }
        BigDecimal further = number(other).subtract(number(own));
        yield (key.descending() ? further.negate() : further).compareTo(signed);
      }
    };
  }

  /// Of intervals without months.
  private int ofTimes(Expr offset, boolean preceding, int i, int j) {
    Plan.SortKey key = plan.order().getFirst();
    if (!(values.of(key.value(), rows.get(i)) instanceof Long own)
        || !(values.of(key.value(), rows.get(j)) instanceof Long other)
        || !(values.of(offset, rows.get(i)) instanceof PgInterval by)) {
      return Integer.compare(before[j], before[i]);
    }
    long micros = by.days() * 86_400_000_000L + by.micros();
    long further = key.descending() ? own - other : other - own;
    return Long.compare(further, preceding ? -micros : micros);
  }

  private static BigDecimal number(@Nullable Object value) {
    return switch (value) {
      case Long number -> BigDecimal.valueOf(number);
      case PgNumeric number -> number.decimal();
      case Double number -> BigDecimal.valueOf(number);
      case null, default -> throw new IllegalStateException("no number: " + value);
    };
  }
}
