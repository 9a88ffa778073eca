package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.Expr.And;
import io.pgtrickle.dvm.expr.Expr.Call;
import io.pgtrickle.dvm.expr.Expr.Clock;
import io.pgtrickle.dvm.expr.Expr.Literal;
import io.pgtrickle.dvm.expr.Expr.Not;
import io.pgtrickle.dvm.expr.Expr.Or;
import io.pgtrickle.dvm.expr.Expr.Relabel;
import io.pgtrickle.dvm.type.PgInterval;
import io.pgtrickle.dvm.type.SqlType;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// How the value of an expression moves as the clock moves and the row stays.
///
/// It is a property of the functions alone. Where one of them turns local time into an instant or
/// the reverse, or adds months, what is said here holds but for the days around a change of the
/// zone's offset or the end of a month: a clock that is put back shows some times twice.
/// [ClockCondition] knows those days.
public final class Monotony {
  /// The direction of a value; of a truth value false comes before true.
  enum Trend {
    CONSTANT,
    RISING,
    FALLING;

    Trend reversed() {
      return switch (this) {
        case CONSTANT -> CONSTANT;
        case RISING -> FALLING;
        case FALLING -> RISING;
      };
    }
  }

  // What a function does with the trend of each argument: + keeps it, - reverses it, and 0 asks for
  // one that does not move.
  private static final Map<String, String> FUNCTIONS =
      Map.ofEntries(
          Map.entry("timestamptz_pl_interval", "+0"),
          Map.entry("timestamptz_mi_interval", "+0"),
          Map.entry("interval_pl_timestamptz", "0+"),
          Map.entry("timestamp_pl_interval", "+0"),
          Map.entry("timestamp_mi_interval", "+0"),
          Map.entry("interval_pl_timestamp", "0+"),
          Map.entry("date_pl_interval", "+0"),
          Map.entry("date_mi_interval", "+0"),
          Map.entry("interval_pl_date", "0+"),
          Map.entry("date_pli", "+0"),
          Map.entry("date_mii", "+0"),
          Map.entry("integer_pl_date", "0+"),
          // A difference has no months, so that its order is that of its length.
          Map.entry("timestamptz_mi", "+-"),
          Map.entry("timestamp_mi", "+-"),
          Map.entry("date_mi", "+-"),
          Map.entry("date", "+"),
          Map.entry("timestamp", "+"),
          Map.entry("timestamptz", "+"),
          Map.entry("timezone", "+"),
          Map.entry("date_trunc", "0+0"),
          Map.entry("date_bin", "0+0"),
          Map.entry("extract", "0+"),
          Map.entry("date_part", "0+"));

  private static final Pattern COMPARISON =
      Pattern.compile(
          "(?<before>int[248]{1,2}|float[48]{1,2}|numeric_|interval_|date_|timestamp_|timestamptz_)"
              + "(?<operator>lt|le|gt|ge|eq)(?<after>|_date|_timestamp|_timestamptz)");

  // How far constants may move the time without leaving the calendar, in years.
  private static final int FAR = 1_000;
  private static final Set<String> UNITS =
      Set.of(
          "microseconds",
          "milliseconds",
          "second",
          "minute",
          "hour",
          "day",
          "week",
          "month",
          "quarter",
          "year",
          "decade",
          "century",
          "millennium");

  private Monotony() {}

  /// Whether a condition that reads the clock comes true at most once and false at most once, so
  /// that it can be maintained.
  public static boolean isMonotone(Expr condition) {
    return trend(condition).filter(trend -> trend != Trend.CONSTANT).isPresent();
  }

  /// The trend; empty when it is not known.
  static Optional<Trend> trend(Expr expression) {
    if (!Expressions.readsClock(expression)) {
      return Optional.of(Trend.CONSTANT);
    }
    return switch (expression) {
      case Clock _ -> Optional.of(Trend.RISING);
      case Relabel(Expr input, SqlType _) -> trend(input);
      case Not(Expr operand) -> trend(operand).map(Trend::reversed);
      case And(List<Expr> operands) -> together(operands);
      case Or(List<Expr> operands) -> together(operands);
      case Call call -> ofCall(call);
      case Expr.Column _,
          Literal _,
          Expr.TextCast _,
          Expr.IsNull _,
          Expr.IsTruth _,
          Expr.IsDistinct _,
          Expr.NullIf _,
          Expr.Coalesce _,
          Expr.Extreme _,
          Expr.Case _,
          Expr.Outer _,
          Expr.Single _,
          Expr.Answered _,
          Expr.Unlabeled _,
          Expr.Verbatim _,
          Expr.Row _,
          Expr.Timeless _,
          Expr.Image _,
          Expr.Quantified _ ->
          Optional.empty();
    };
  }

  private static Optional<Trend> together(List<Expr> operands) {
    Trend common = Trend.CONSTANT;
    for (Expr operand : operands) {
      Optional<Trend> trend = trend(operand);
      if (trend.isEmpty()) {
        return trend;
      }
      Optional<Trend> both = both(common, trend.get());
      if (both.isEmpty()) {
        return both;
      }
      common = both.get();
    }
    return Optional.of(common);
  }

  private static Optional<Trend> both(Trend left, Trend right) {
    if (left == Trend.CONSTANT || left == right) {
      return Optional.of(right);
    }
    return right == Trend.CONSTANT ? Optional.of(left) : Optional.empty();
  }

  private static Optional<Trend> ofCall(Call call) {
    String signs = signs(call);
    if (signs == null) {
      return Optional.empty();
    }
    Trend common = Trend.CONSTANT;
    for (int i = 0; i < call.arguments().size(); i++) {
      char sign = signs.charAt(i);
      Optional<Trend> moved =
          trend(call.arguments().get(i))
              .filter(trend -> sign != '0' || trend == Trend.CONSTANT)
              .map(trend -> sign == '-' ? trend.reversed() : trend);
      if (moved.isEmpty()) {
        return moved;
      }
      Optional<Trend> both = both(common, moved.get());
      if (both.isEmpty()) {
        return both;
      }
      common = both.get();
    }
    return Optional.of(common);
  }

  private static @Nullable String signs(Call call) {
    if (FunctionLibrary.find(call.function()).isEmpty()) {
      return null;
    }
    String name = call.function().name();
    Matcher comparison = COMPARISON.matcher(name);
    if (comparison.matches()) {
      return switch (comparison.group("operator")) {
        case "lt", "le" -> "-+";
        case "gt", "ge" -> "+-";
        default -> null;
      };
    }
    String signs = FUNCTIONS.get(name);
    if (signs == null || (isField(name) && !isEpoch(call.arguments().getFirst()))) {
      return null;
    }
    // timezone(zone, time), date and timestamp with a precision.
    int arguments = call.arguments().size();
    if (name.equals("timezone") && arguments == 2) {
      return "0+";
    }
    return signs.length() < arguments ? signs + "0" : signs;
  }

  private static boolean isField(String name) {
    return name.equals("extract") || name.equals("date_part");
  }

  private static boolean isEpoch(Expr field) {
    return field instanceof Literal(var name, SqlType _) && "epoch".equals(name);
  }

  /// Two conditions that are both true where an equality is, each of which can be monotone; empty
  /// for anything else.
  public static Optional<List<Expr>> bounds(Expr condition) {
    if (!(condition instanceof Call call)) {
      return Optional.empty();
    }
    Matcher comparison = COMPARISON.matcher(call.function().name());
    return comparison.matches() && comparison.group("operator").equals("eq")
        ? Optional.of(List.of(ordered(call, comparison, "le"), ordered(call, comparison, "ge")))
        : Optional.empty();
  }

  private static Expr ordered(Call equality, Matcher comparison, String operator) {
    Signature equal = equality.function();
    Signature function =
        new Signature(
            0,
            equal.schema(),
            comparison.group("before") + operator + comparison.group("after"),
            equal.arguments(),
            equal.result(),
            equal.strict(),
            equal.volatility());
    return new Call(function, equality.arguments(), equality.type(), equality.collation());
  }

  /// The expression with every reading of the clock spelled as one of `now()`.
  public static Expr ofNow(Expr expression) {
    return Expressions.map(
        expression, node -> node instanceof Clock(Expr.Reading reading) ? ofNow(reading) : node);
  }

  private static Expr ofNow(Expr.Reading reading) {
    Expr now = new Clock(Expr.Reading.NOW);
    return switch (reading) {
      case NOW, TRANSACTION_TIMESTAMP, STATEMENT_TIMESTAMP, CURRENT_TIMESTAMP -> now;
      case CURRENT_DATE -> cast(now, "date", SqlType.DATE);
      case LOCALTIMESTAMP -> cast(now, "timestamp", SqlType.TIMESTAMP);
    };
  }

  private static Expr cast(Expr now, String function, SqlType type) {
    Signature signature =
        new Signature(
            0, "pg_catalog", function, List.of(SqlType.TIMESTAMPTZ.oid()), type.oid(), true, 's');
    return new Call(signature, List.of(now), type, 0);
  }

  /// Whether an expression of the clock and constants alone can be evaluated at every time that an
  /// engine may run at: the constants are too small to lead out of the calendar.
  static boolean isSafeMoment(Expr expression) {
    if (expression instanceof Call call) {
      return FUNCTIONS.containsKey(call.function().name())
          && FunctionLibrary.find(call.function()).isPresent()
          && Expressions.readsClock(call)
          && call.arguments().stream()
              .allMatch(argument -> isSafeMoment(argument) || isSmall(argument));
    }
    return expression instanceof Clock
        || (expression instanceof Relabel(Expr input, SqlType _) && isSafeMoment(input));
  }

  private static boolean isSmall(Expr constant) {
    if (!(constant instanceof Literal(var value, SqlType _))) {
      return false;
    }
    return switch (value) {
      case null -> true;
      case PgInterval(int months, int days, long micros) ->
          Math.abs((long) months) <= FAR * 12L
              && Math.abs((long) days) <= FAR * 365L
              && Math.abs(micros / DateTimes.MICROS_PER_DAY) <= FAR * 365L;
      case Long days -> Math.abs(days) <= FAR * 365L;
      case String text ->
          UNITS.contains(text) || text.equals("epoch") || TimeZones.namedZone(text).isPresent();
      default -> false;
    };
  }
}
