package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.Implementation.Binary;
import io.pgtrickle.dvm.expr.NativeFunction.Requirement;
import io.pgtrickle.dvm.expr.NativeFunction.Role;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.PgInterval;
import io.pgtrickle.dvm.type.PgNumeric;
import java.time.ZoneId;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;

/// The functions behind `=`, `<>`, `<`, `<=`, `>` and `>=`, within a type and across related ones.
///
/// None of them can fail.
final class ComparisonFunctions {
  /// One of the six operators of a type: what follows in the function's name, and its meaning.
  private enum Operator {
    EQ(Role.EQUAL),
    NE(Role.NOT_EQUAL),
    LT(Role.OTHER),
    LE(Role.OTHER),
    GT(Role.OTHER),
    GE(Role.OTHER);

    private final Role role;

    Operator(Role role) {
      this.role = role;
    }

    <A, B> Binary<A, B, Boolean> over(Order<A, B> order) {
      return switch (this) {
        case EQ -> (l, r) -> order.compare(l, r) == 0;
        case NE -> (l, r) -> order.compare(l, r) != 0;
        case LT -> (l, r) -> order.compare(l, r) < 0;
        case LE -> (l, r) -> order.compare(l, r) <= 0;
        case GT -> (l, r) -> order.compare(l, r) > 0;
        case GE -> (l, r) -> order.compare(l, r) >= 0;
      };
    }

    /// Comparisons of integers, dates and timestamps are most of all work: no comparator in
    /// between.
    Binary<Long, Long, Boolean> overLongs() {
      return switch (this) {
        case EQ -> (l, r) -> l.longValue() == r.longValue();
        case NE -> (l, r) -> l.longValue() != r.longValue();
        case LT -> (l, r) -> l < r;
        case LE -> (l, r) -> l <= r;
        case GT -> (l, r) -> l > r;
        case GE -> (l, r) -> l >= r;
      };
    }
  }

  /// A three-way order between values of two types.
  @FunctionalInterface
  interface Order<A, B> {
    int compare(A left, B right);
  }

  private ComparisonFunctions() {}

  static void register(Registry registry) {
    family(registry, "bool%s(bool,bool)", (Boolean l, Boolean r) -> Boolean.compare(l, r));
    for (String left : List.of("2", "4", "8")) {
      for (String right : List.of("2", "4", "8")) {
        String pair = left.equals(right) ? left : left + right;
        longs(registry, "int%s%%s(int%s,int%s)".formatted(pair, left, right));
      }
    }
    longs(registry, "date_%s(date,date)");
    longs(registry, "timestamp_%s(timestamp,timestamp)");
    longs(registry, "timestamptz_%s(timestamptz,timestamptz)");
    family(registry, "numeric_%s(numeric,numeric)", PgNumeric::compareTo);
    family(
        registry, "float4%s(float4,float4)", (Float l, Float r) -> floats(l, (double) (float) r));
    family(registry, "float8%s(float8,float8)", (Double l, Double r) -> floats(l, r));
    family(registry, "float48%s(float4,float8)", (Float l, Double r) -> floats(l, r));
    family(
        registry, "float84%s(float8,float4)", (Double l, Float r) -> floats(l, (double) (float) r));
    family(registry, "interval_%s(interval,interval)", PgInterval::compareTo);
    family(registry, "uuid_%s(uuid,uuid)", ComparisonFunctions::uuids);
    family(registry, "bytea%s(bytea,bytea)", (Bytes l, Bytes r) -> l.compareTo(r));
    texts(registry);
    enums(registry);
    acrossDateTimes(registry);
  }

  private static void texts(Registry registry) {
    Comparator<String> blankPadded =
        (l, r) -> Strings.compareBytes(Strings.stripBlanks(l), Strings.stripBlanks(r));
    for (Operator operator : Operator.values()) {
      Requirement requirement =
          operator.role == Role.OTHER ? Requirement.BYTE_ORDER : Requirement.DETERMINISTIC;
      // Equality is texteq, order is text_lt.
      String text = operator.role == Role.OTHER ? "text_%s(text,text)" : "text%s(text,text)";
      Binary<String, String, Boolean> body =
          switch (operator) {
            case EQ -> String::equals;
            case NE -> (l, r) -> !l.equals(r);
            case LT, LE, GT, GE -> operator.over(Strings::compareBytes);
          };
      add(registry, text, operator, body).needs(requirement, Requirement.UTF8);
      add(registry, "bpchar%s(bpchar,bpchar)", operator, operator.over(blankPadded::compare))
          .needs(requirement, Requirement.UTF8);
    }
  }

  // A value of an enum travels as its label; the order of labels is the server's.
  private static void enums(Registry registry) {
    Binary<Bytes, Bytes, Boolean> equal = Bytes::equals;
    Binary<Bytes, Bytes, Boolean> different = (l, r) -> !l.equals(r);
    add(registry, "enum_%s(anyenum,anyenum)", Operator.EQ, equal).needs(Requirement.UTF8);
    add(registry, "enum_%s(anyenum,anyenum)", Operator.NE, different).needs(Requirement.UTF8);
  }

  private static void acrossDateTimes(Registry registry) {
    family(registry, "date_%s_timestamp(date,timestamp)", DateTimes::compareDateToTimestamp);
    family(
        registry,
        "timestamp_%s_date(timestamp,date)",
        (Long l, Long r) -> -DateTimes.compareDateToTimestamp(r, l));
    zoned(
        registry,
        "date_%s_timestamptz(date,timestamptz)",
        zone -> (l, r) -> DateTimes.compareDateToTimestamptz(l, r, zone));
    zoned(
        registry,
        "timestamptz_%s_date(timestamptz,date)",
        zone -> (l, r) -> -DateTimes.compareDateToTimestamptz(r, l, zone));
    zoned(
        registry,
        "timestamp_%s_timestamptz(timestamp,timestamptz)",
        zone -> (l, r) -> DateTimes.compareTimestampToTimestamptz(l, r, zone));
    zoned(
        registry,
        "timestamptz_%s_timestamp(timestamptz,timestamp)",
        zone -> (l, r) -> -DateTimes.compareTimestampToTimestamptz(r, l, zone));
  }

  private static void longs(Registry registry, String pattern) {
    for (Operator operator : Operator.values()) {
      add(registry, pattern, operator, operator.overLongs());
    }
  }

  private static <A, B> void family(Registry registry, String pattern, Order<A, B> order) {
    for (Operator operator : Operator.values()) {
      add(registry, pattern, operator, operator.over(order));
    }
  }

  private static void zoned(
      Registry registry, String pattern, Function<ZoneId, Order<Long, Long>> order) {
    for (Operator operator : Operator.values()) {
      registry
          .add(
              signature(pattern, operator),
              doc(operator),
              Role.OTHER,
              binding -> operator.over(order.apply(binding.settings().zone().orElseThrow())))
          .neverFails()
          .needs(Requirement.TIME_ZONE);
    }
  }

  private static NativeFunction add(
      Registry registry, String pattern, Operator operator, Binary<?, ?, Boolean> body) {
    return registry
        .add(signature(pattern, operator), doc(operator), operator.role, _ -> body)
        .neverFails();
  }

  private static String signature(String pattern, Operator operator) {
    return pattern.formatted(operator.name().toLowerCase(java.util.Locale.ROOT)) + " bool";
  }

  private static String doc(Operator operator) {
    return switch (operator) {
      case EQ -> "equal";
      case NE -> "not equal";
      case LT -> "less than";
      case LE -> "less than or equal";
      case GT -> "greater than";
      case GE -> "greater than or equal";
    };
  }

  /// NaN equals itself and is above everything; −0 equals 0.
  static int floats(double left, double right) {
    if (left < right) {
      return -1;
    }
    if (left > right) {
      return 1;
    }
    return left == right ? 0 : Boolean.compare(Double.isNaN(left), Double.isNaN(right));
  }

  private static int uuids(UUID left, UUID right) {
    int high = Long.compareUnsigned(left.getMostSignificantBits(), right.getMostSignificantBits());
    return high != 0
        ? high
        : Long.compareUnsigned(left.getLeastSignificantBits(), right.getLeastSignificantBits());
  }
}
