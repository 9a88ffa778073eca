package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.type.ArrayElements;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.PgNumeric;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.AbstractList;
import java.util.List;
import java.util.Optional;
import java.util.RandomAccess;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/// The set-returning functions of `pg_catalog` that the engine evaluates itself: `generate_series`
/// of integers and `numeric`, `unnest` of arrays of anything but rows, and the elements and keys of
/// documents.
///
/// All of them are strict: NULL as an argument makes no rows. A series is computed value by value
/// as it is read.
public final class SetFunctions {
  /// The most rows that a function may return for one row.
  public static final int MOST_ROWS = 1_000_000;

  /// The values of the one column, for arguments none of which is NULL.
  @FunctionalInterface
  public interface Body {
    /// The values of the rows, in order.
    ///
    /// @throws EvaluationFailure where PostgreSQL would raise an error, and for too many rows
    List<@Nullable Object> values(List<Object> arguments);
  }

  private SetFunctions() {}

  /// How a set-returning function is evaluated; empty when only the server can.
  ///
  /// @param element the type of its column
  public static Optional<Body> find(Signature function, SqlType element) {
    if (!function.schema().equals("pg_catalog")) {
      return Optional.empty();
    }
    return Optional.ofNullable(
        switch (function.name()) {
          case "generate_series" ->
              switch (element.kind()) {
                case INT4, INT8 -> SetFunctions::integers;
                case NUMERIC -> SetFunctions::numerics;
                default -> null;
              };
          case "json_array_elements", "json_array_elements_text", "json_object_keys" ->
              JsonFunctions.rows(function.name(), false);
          case "jsonb_array_elements", "jsonb_array_elements_text", "jsonb_object_keys" ->
              JsonFunctions.rows(function.name(), true);
          case "unnest" -> function.arguments().equals(List.of(ANY_ARRAY)) ? unnest(element) : null;
          default -> null;
        });
  }

  /// Whether a call can fail for no row, but for returning too many; false when that is not known.
  public static boolean isTotal(Expr.Call call) {
    Signature function = call.function();
    List<Expr> arguments = call.arguments();
    boolean total =
        function.schema().equals("pg_catalog")
            && switch (function.name()) {
              case "unnest", "generate_subscripts" -> true;
              case "generate_series" ->
                  arguments.size() == 2
                      && arguments.stream().allMatch(each -> each.type().kind().isInteger());
              default -> false;
            };
    return total && arguments.stream().allMatch(Expressions::isTotal);
  }

  private static final int ANY_ARRAY = 2277;

  /// The error of a row for which a function returns more than [#MOST_ROWS].
  public static EvaluationFailure tooMany(String function) {
    return new EvaluationFailure(
        "54000",
        "function %s() returns more than %,d rows for one row".formatted(function, MOST_ROWS));
  }

  private static Body unnest(SqlType element) {
    TypeCodec codec = TypeCodec.of(element);
    return arguments -> {
      Bytes array = (Bytes) arguments.getFirst();
      if (ArrayElements.count(array) > MOST_ROWS) {
        throw tooMany("unnest");
      }
      return ArrayElements.of(array, codec);
    };
  }

  private static List<@Nullable Object> integers(List<Object> arguments) {
    long start = (Long) arguments.getFirst();
    long stop = (Long) arguments.get(1);
    long step = arguments.size() == 3 ? (Long) arguments.get(2) : 1;
    if (step == 0) {
      throw zeroStep();
    }
    if (step > 0 ? start > stop : start < stop) {
      return List.of();
    }
    // As unsigned numbers, the distance and the negated smallest step fit.
    long distance = step > 0 ? stop - start : start - stop;
    long steps = Long.divideUnsigned(distance, step > 0 ? step : -step);
    if (Long.compareUnsigned(steps, MOST_ROWS) >= 0) {
      throw tooMany("generate_series");
    }
    return series((int) steps + 1, i -> start + i * step);
  }

  private static List<@Nullable Object> numerics(List<Object> arguments) {
    PgNumeric start = finite(arguments.getFirst(), "start value");
    PgNumeric stop = finite(arguments.get(1), "stop value");
    PgNumeric step = arguments.size() == 3 ? finite(arguments.get(2), "step size") : PgNumeric.ONE;
    if (step.signum() == 0) {
      throw zeroStep();
    }
    BigDecimal distance = stop.decimal().subtract(start.decimal());
    if (distance.signum() != 0 && distance.signum() != step.signum()) {
      return List.of();
    }
    BigInteger steps = distance.divide(step.decimal(), 0, RoundingMode.DOWN).toBigInteger();
    if (steps.compareTo(BigInteger.valueOf(MOST_ROWS)) >= 0) {
      throw tooMany("generate_series");
    }
    // The first value has the scale of the start, the others that of a sum.
    return series(
        steps.intValue() + 1,
        i ->
            i == 0
                ? start
                : PgNumeric.of(
                    start.decimal().add(step.decimal().multiply(BigDecimal.valueOf(i)))));
  }

  private static PgNumeric finite(Object value, String what) {
    PgNumeric number = (PgNumeric) value;
    if (!number.isFinite()) {
      throw new EvaluationFailure(
          "22023", what + " cannot be " + (number.isNaN() ? "NaN" : "infinity"));
    }
    return number;
  }

  private static EvaluationFailure zeroStep() {
    return new EvaluationFailure("22023", "step size cannot equal zero");
  }

  private static List<@Nullable Object> series(int size, IntFunction<Object> value) {
    return new Series(size, value);
  }

  private static final class Series extends AbstractList<@Nullable Object> implements RandomAccess {
    private final int size;
    private final IntFunction<Object> value;

    Series(int size, IntFunction<Object> value) {
      this.size = size;
      this.value = value;
    }

    @Override
    public Object get(int index) {
      return value.apply(index);
    }

    @Override
    public int size() {
      return size;
    }
  }
}
