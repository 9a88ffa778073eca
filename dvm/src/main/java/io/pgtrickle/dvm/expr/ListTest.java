package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.Expr.Quantified;
import io.pgtrickle.dvm.expr.Implementation.Binary;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.type.TypeKind;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// `operand op ANY (list)` and `operand op ALL (list)` in three-valued logic:
///
///     ANY: true if some comparison is true, else NULL if some is NULL, else false
///     ALL: false if some comparison is false, else NULL if some is NULL, else true
///
/// so that over an empty list ANY is false and ALL is true, for a NULL operand too. The list is an
/// array to
/// the server: all of its elements are evaluated before the first comparison.
final class ListTest {
  /// Below that many constants comparing is cheaper than hashing.
  private static final int HASHED_FROM = 9;

  private ListTest() {}

  static Evaluator over(
      Evaluator operand,
      Binary<Object, Object, Boolean> comparison,
      boolean all,
      Evaluator[] elements) {
    return row -> {
      Object left = operand.evaluate(row);
      @Nullable Object[] values = new @Nullable Object[elements.length];
      for (int i = 0; i < values.length; i++) {
        values[i] = elements[i].evaluate(row);
      }
      return test(left, comparison, all, Arrays.asList(values));
    };
  }

  static Evaluator over(
      Evaluator operand,
      Binary<Object, Object, Boolean> comparison,
      boolean all,
      @Nullable Object[] constants) {
    List<@Nullable Object> values = Arrays.asList(constants);
    return row -> test(operand.evaluate(row), comparison, all, values);
  }

  static @Nullable Boolean test(
      @Nullable Object left,
      Binary<Object, Object, Boolean> comparison,
      boolean all,
      List<@Nullable Object> values) {
    if (left == null) {
      return values.isEmpty() ? (Boolean) all : null;
    }
    boolean unknown = false;
    for (Object value : values) {
      Boolean result = value == null ? null : comparison.apply(left, value);
      if (result == null) {
        unknown = true;
      } else if (result != all) {
        return result;
      }
    }
    return unknown ? null : (Boolean) all;
  }

  /// `= ANY` or `<> ALL` by a hash table; empty where comparing is better, or where the two sides
  /// have no
  /// common form in which equal values are identical.
  static Optional<Evaluator> hashed(
      Quantified quantified, Evaluator operand, @Nullable Object[] constants) {
    SqlType type = quantified.operand().type();
    if (constants.length < HASHED_FROM
        || !quantified.elements().stream()
            .allMatch(element -> isHashable(type.kind(), element.type().kind()))) {
      return Optional.empty();
    }
    Set<Object> values = new HashSet<>();
    boolean withNull = false;
    for (Object constant : constants) {
      if (constant == null) {
        withNull = true;
      } else {
        values.add(constant);
      }
    }
    boolean all = quantified.all();
    Boolean absent = withNull ? null : (Boolean) all;
    return Optional.of(
        row -> {
          Object left = operand.evaluate(row);
          return left == null ? null : values.contains(left) ? (Boolean) !all : absent;
        });
  }

  private static boolean isHashable(TypeKind left, TypeKind right) {
    if (left.isInteger()) {
      return right.isInteger();
    }
    return left == right && TypeCodec.of(SqlType.of(left.oid())).equalMeansIdentical();
  }
}
