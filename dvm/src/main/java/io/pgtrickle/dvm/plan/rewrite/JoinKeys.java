package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Recognizes the conditions that compare keys.
///
/// Keys are compared by their encodings, so both sides must have the same one: that of a type is
/// its
/// own, except that the integers share one, and text and varchar do. Values that have none get
/// labels later ([OrderLabels]); there the types must be the same.
final class JoinKeys {
  /// `int2eq … byteaeq`: the equality functions of the listed types, across integer widths too.
  private static final Set<Integer> EQUALITIES =
      Set.of(
          60, 63, 65, 467, 158, 159, 1850, 1856, 852, 474, 1718, 287, 293, 299, 305, 67, 1048, 1086,
          2052, 1152, 1162, 2956, 1948);

  /// Those of PostgreSQL's other types, by the label that the server gives the values: of arrays,
  /// enums, ranges, `jsonb`, `inet` and so on. Those of users' types say so themselves.
  private static final Set<Integer> LABELED_EQUALITIES =
      Set.of(
          744, 3508, 3855, 4244, 4043, 920, 830, 4113, 1581, 1666, 61, 62, 184, 679, 888, 1145,
          1352, 1292, 3233, 3618, 3664, 5084);

  /// The negations of both.
  private static final Set<Integer> INEQUALITIES =
      Set.of(
          84, 145, 144, 468, 164, 165, 1851, 1857, 853, 475, 1719, 288, 294, 300, 306, 157, 1053,
          1091, 2053, 1153, 1163, 2959, 1953, 390, 3509, 3856, 4245, 4038, 925, 835, 4118, 1582,
          1667, 70, 659, 185, 619, 889, 1106, 1353, 1265, 3236, 3619, 5085, 3665);

  private static final Signature FLOAT4_TO_FLOAT8 =
      new Signature(311, "pg_catalog", "float8", List.of(700), 701, true, 'i');

  private JoinKeys() {}

  /// What must be equal for a condition to be true.
  static Optional<Plan.Key> of(Expr condition) {
    return switch (condition) {
      case Expr.Call call when isEquality(call.function()) -> of(call);
      case Expr.IsTruth(Expr.Call call, Expr.Truth truth)
          when truth == Expr.Truth.TRUE && isEquality(call.function()) ->
          of(call);
      case Expr.IsTruth(Expr.Call call, Expr.Truth truth)
          when truth == Expr.Truth.FALSE && INEQUALITIES.contains(call.function().oid()) ->
          of(call);
      case Expr.Not(Expr.Call call) when INEQUALITIES.contains(call.function().oid()) -> of(call);
      default -> Optional.empty();
    };
  }

  private static Optional<Plan.Key> of(Expr.Call call) {
    if (call.arguments().size() != 2) {
      return Optional.empty();
    }
    Expr left = call.arguments().getFirst();
    Expr right = call.arguments().getLast();
    if (left.type().kind().isFloat() && left.type().kind() != right.type().kind()) {
      left = widened(left);
      right = widened(right);
    }
    boolean alike =
        left.type().kind() == TypeKind.OPAQUE
            ? left.type().oid() == right.type().oid() && isUnder(call, left) && isUnder(call, right)
            : encoding(left.type()) == encoding(right.type());
    return alike
        ? Optional.of(new Plan.Key(under(call, left), under(call, right)))
        : Optional.empty();
  }

  /// Whether a function tells which values the default operator class of their type sorts as equal.
  static boolean isEquality(Signature function) {
    return EQUALITIES.contains(function.oid())
        || LABELED_EQUALITIES.contains(function.oid())
        || function.equality();
  }

  // The sides are compared under the collation of the call, which is not always their own.
  private static Expr under(Expr.Call call, Expr side) {
    SqlType type = side.type();
    return type.kind().isText() && call.collation() != 0 && call.collation() != type.collation()
        ? new Expr.Relabel(side, SqlType.of(type.oid(), type.modifier(), call.collation()))
        : side;
  }

  // Labels are of the collation of a column. Under another one the values are compared otherwise.
  private static boolean isUnder(Expr.Call call, Expr side) {
    return side.type().collation() == call.collation();
  }

  private static Expr widened(Expr side) {
    return side.type().kind() == TypeKind.FLOAT4
        ? new Expr.Call(FLOAT4_TO_FLOAT8, List.of(side), SqlType.FLOAT8, 0)
        : side;
  }

  private static TypeKind encoding(SqlType type) {
    return switch (type.kind()) {
      case INT2, INT4, INT8 -> TypeKind.INT8;
      case TEXT, VARCHAR -> TypeKind.TEXT;
      case BOOL,
          NUMERIC,
          FLOAT4,
          FLOAT8,
          BPCHAR,
          DATE,
          TIMESTAMP,
          TIMESTAMPTZ,
          INTERVAL,
          UUID,
          BYTEA,
          OPAQUE,
          LABELED ->
          type.kind();
    };
  }
}
