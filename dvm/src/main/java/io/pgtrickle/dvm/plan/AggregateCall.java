package io.pgtrickle.dvm.plan;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.type.SqlType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// One aggregate of a [Plan.Aggregate].
///
/// @param kind what is computed
/// @param function the exact overload on the server
/// @param arguments over the input row; empty for `count(*)`
/// @param distinct whether equal arguments count once
/// @param filter rows for which it is not true are left out; `null` when there is none
/// @param type the result type as the server resolved it
public record AggregateCall(
    Kind kind,
    Signature function,
    List<Expr> arguments,
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
    STDDEV_SAMP
  }

  // Spelled out: a compact constructor would lose the annotation of a nullable component.
  public AggregateCall(
      Kind kind,
      Signature function,
      List<Expr> arguments,
      boolean distinct,
      @Nullable Expr filter,
      SqlType type) {
    this.kind = kind;
    this.function = function;
    this.arguments = List.copyOf(arguments);
    this.distinct = distinct;
    this.filter = filter;
    this.type = type;
  }
}
