package io.pgtrickle.dvm.plan;

import io.pgtrickle.dvm.expr.Expr;
import java.util.BitSet;
import java.util.List;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.function.IntUnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The columns of an expression: which it reads, and the expression over other columns.
public final class Columns {
  private Columns() {}

  /// The positions an expression reads.
  public static BitSet of(Expr expression) {
    BitSet columns = new BitSet();
    collect(expression, columns);
    return columns;
  }

  private static void collect(Expr expression, BitSet columns) {
    if (expression instanceof Expr.Column(int index, var _)) {
      columns.set(index);
    }
    operands(expression).forEach(operand -> collect(operand, columns));
  }

  /// The direct operands of an expression.
  public static Stream<Expr> operands(Expr expression) {
    return switch (expression) {
      case Expr.Column _, Expr.Literal _ -> Stream.empty();
      case Expr.Call call -> call.arguments().stream();
      case Expr.Relabel relabel -> Stream.of(relabel.input());
      case Expr.TextCast cast -> Stream.of(cast.input());
      case Expr.And and -> and.operands().stream();
      case Expr.Or or -> or.operands().stream();
      case Expr.Not not -> Stream.of(not.operand());
      case Expr.IsNull test -> Stream.of(test.operand());
      case Expr.IsTruth test -> Stream.of(test.operand());
      case Expr.IsDistinct test -> Stream.of(test.equality());
      case Expr.NullIf nullIf -> Stream.of(nullIf.equality());
      case Expr.Coalesce coalesce -> coalesce.operands().stream();
      case Expr.Extreme extreme -> extreme.operands().stream();
      case Expr.Case choice ->
          Stream.concat(
              choice.branches().stream()
                  .flatMap(branch -> Stream.of(branch.condition(), branch.result())),
              Stream.ofNullable(choice.otherwise()));
      case Expr.Quantified quantified ->
          Stream.concat(Stream.of(quantified.operand()), quantified.elements().stream());
    };
  }

  /// The expression with every column replaced.
  public static Expr replace(Expr expression, IntFunction<Expr> replacement) {
    return new Rebuild(column -> replacement.apply(column.index())).apply(expression);
  }

  /// The expression over an input in which every column stands at another position.
  public static Expr move(Expr expression, IntUnaryOperator position) {
    return new Rebuild(
            column -> new Expr.Column(position.applyAsInt(column.index()), column.type()))
        .apply(expression);
  }

  private record Rebuild(Function<Expr.Column, Expr> column) {
    Expr apply(Expr expression) {
      return switch (expression) {
        case Expr.Column read -> column.apply(read);
        case Expr.Literal literal -> literal;
        case Expr.Call call -> call(call);
        case Expr.Relabel(Expr input, var type) -> new Expr.Relabel(apply(input), type);
        case Expr.TextCast(Expr input, var type) -> new Expr.TextCast(apply(input), type);
        case Expr.And(List<Expr> operands) -> new Expr.And(all(operands));
        case Expr.Or(List<Expr> operands) -> new Expr.Or(all(operands));
        case Expr.Not(Expr operand) -> new Expr.Not(apply(operand));
        case Expr.IsNull(Expr operand) -> new Expr.IsNull(apply(operand));
        case Expr.IsTruth(Expr operand, var truth) -> new Expr.IsTruth(apply(operand), truth);
        case Expr.IsDistinct(Expr.Call equality) -> new Expr.IsDistinct(call(equality));
        case Expr.NullIf(Expr.Call equality, var type) -> new Expr.NullIf(call(equality), type);
        case Expr.Coalesce(List<Expr> operands, var type) -> new Expr.Coalesce(all(operands), type);
        case Expr.Extreme(boolean greatest, List<Expr> operands, var type) ->
            new Expr.Extreme(greatest, all(operands), type);
        case Expr.Case choice -> choice(choice);
        case Expr.Quantified(Expr operand, var comparison, int collation, boolean all, var list) ->
            new Expr.Quantified(apply(operand), comparison, collation, all, all(list));
      };
    }

    private Expr.Call call(Expr.Call call) {
      return new Expr.Call(call.function(), all(call.arguments()), call.type(), call.collation());
    }

    private Expr choice(Expr.Case choice) {
      List<Expr.When> branches =
          choice.branches().stream()
              .map(branch -> new Expr.When(apply(branch.condition()), apply(branch.result())))
              .toList();
      @Nullable Expr otherwise = choice.otherwise();
      return new Expr.Case(branches, otherwise == null ? null : apply(otherwise), choice.type());
    }

    private List<Expr> all(List<Expr> expressions) {
      return expressions.stream().map(this::apply).toList();
    }
  }
}
