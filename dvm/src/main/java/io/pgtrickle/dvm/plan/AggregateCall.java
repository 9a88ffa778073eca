package io.pgtrickle.dvm.plan;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.type.SqlType;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// One aggregate of a [Plan.Aggregate].
///
/// @param kind what is computed
/// @param function the exact overload on the server
/// @param arguments over the input row; empty for `count(*)`. With WITHIN GROUP the direct ones,
///     which have no columns
/// @param order ORDER BY inside the parentheses, or that of WITHIN GROUP
/// @param distinct whether equal arguments count once
/// @param filter rows for which it is not true are left out; `null` when there is none
/// @param type the result type as the server resolved it
public record AggregateCall(
    Kind kind,
    Signature function,
    List<Expr> arguments,
    List<Plan.SortKey> order,
    boolean distinct,
    @Nullable Expr filter,
    SqlType type) {
  /// What is computed.
  public enum Kind {
    COUNT_ROWS,
    COUNT,
    SUM,
    AVG,
    MIN,
    MAX,
    BOOL_AND,
    BOOL_OR,
    BIT_AND,
    BIT_OR,
    BIT_XOR,
    VAR_POP,
    VAR_SAMP,
    STDDEV_POP,
    STDDEV_SAMP,
    /// `corr`, `covar_…` and `regr_…` of two floats: which of them, the function's name says.
    REGRESSION,
    /// The first value in an order, or one that depends on the values only.
    ANY_VALUE,
    STRING_AGG,
    ARRAY_AGG,
    JSON_AGG,
    JSONB_AGG,
    MODE,
    PERCENTILE_DISC,
    PERCENTILE_CONT,
    /// Any other aggregate, which the server computes of all values of the group.
    ASKED,
    /// Any other aggregate of what WITHIN GROUP sorts, of which the same is true.
    ASKED_WITHIN_GROUP;

    /// Whether what is aggregated is what WITHIN GROUP sorts.
    public boolean isOrderedSet() {
      return this == MODE
          || this == PERCENTILE_DISC
          || this == PERCENTILE_CONT
          || this == ASKED_WITHIN_GROUP;
    }

    /// Whether the order of its values may matter, as where it shows one after the other.
    public boolean collects() {
      return this == ANY_VALUE
          || this == STRING_AGG
          || this == ARRAY_AGG
          || this == JSON_AGG
          || this == JSONB_AGG
          || this == ASKED;
    }

    /// Whether only the server computes it. Rewrites take it out of plans that run.
    public boolean isAsked() {
      return this == ASKED || this == ASKED_WITHIN_GROUP;
    }
  }

  // Spelled out: a compact constructor would lose the annotation of a nullable component.
  public AggregateCall(
      Kind kind,
      Signature function,
      List<Expr> arguments,
      List<Plan.SortKey> order,
      boolean distinct,
      @Nullable Expr filter,
      SqlType type) {
    this.kind = kind;
    this.function = function;
    this.arguments = List.copyOf(arguments);
    this.order = List.copyOf(order);
    this.distinct = distinct;
    this.filter = filter;
    this.type = type;
  }

  /// An aggregate whose rows come in any order.
  public AggregateCall(
      Kind kind,
      Signature function,
      List<Expr> arguments,
      boolean distinct,
      @Nullable Expr filter,
      SqlType type) {
    this(kind, function, arguments, List.of(), distinct, filter, type);
  }

  /// Everything that is evaluated for a row.
  public Stream<Expr> expressions() {
    return Stream.concat(
        Stream.concat(arguments.stream(), order.stream().map(Plan.SortKey::value)),
        Stream.ofNullable(filter));
  }

  /// Whether it shows its values in the order in which its input has them.
  public boolean takesItsInputsOrder() {
    // What is distinct is sorted by itself.
    return kind.collects() && !distinct && order.isEmpty();
  }

  /// The same in an order.
  public AggregateCall sorted(List<Plan.SortKey> by) {
    return new AggregateCall(kind, function, arguments, by, distinct, filter, type);
  }

  /// The same of other expressions.
  public AggregateCall map(UnaryOperator<Expr> change) {
    Expr rows = filter;
    return new AggregateCall(
        kind,
        function,
        arguments.stream().map(change).toList(),
        order.stream().map(key -> key.over(change.apply(key.value()))).toList(),
        distinct,
        rows == null ? null : change.apply(rows),
        type);
  }
}
