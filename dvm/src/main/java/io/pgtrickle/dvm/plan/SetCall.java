package io.pgtrickle.dvm.plan;

import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.FunctionLibrary;
import io.pgtrickle.dvm.expr.SetFunctions;
import io.pgtrickle.dvm.zset.Column;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/// A function whose result is rows: one in FROM, or a set-returning one in a SELECT list.
///
/// @param set whether it returns any number of rows; otherwise it is exactly one
/// @param columns the columns of its rows
/// @param defined whether the query says what they are, because the function's declaration does not
public record SetCall(Expr.Call call, boolean set, List<Column> columns, boolean defined) {
  public SetCall {
    columns = List.copyOf(columns);
  }

  /// The same call with the expressions that make its arguments changed.
  public SetCall map(UnaryOperator<Expr> change) {
    List<Expr> arguments = call.arguments().stream().map(change).toList();
    return new SetCall(
        new Expr.Call(call.function(), arguments, call.type(), call.collation()),
        set,
        columns,
        defined);
  }

  /// How the engine evaluates it by itself where it returns a set; empty when only the server can.
  public Optional<SetFunctions.Body> nativeBody() {
    boolean plain =
        set && !defined && columns.size() == 1 && columns.getFirst().type().equals(call.type());
    return plain ? SetFunctions.find(call.function(), call.type()) : Optional.empty();
  }

  /// What keeps the engine from evaluating it by itself, as a user would name it; empty when
  /// nothing does.
  public List<String> refusals(EvaluationSettings settings) {
    List<String> refusals = new ArrayList<>();
    if (set || defined || columns.size() != 1) {
      if (nativeBody().isEmpty()) {
        refusals.add("function " + call.function().schema() + "." + call.function().name() + "()");
      }
      arguments()
          .forEach(argument -> refusals.addAll(FunctionLibrary.refusals(argument, settings)));
    } else {
      refusals.addAll(FunctionLibrary.refusals(call, settings));
    }
    return refusals;
  }

  Stream<Expr> arguments() {
    return call.arguments().stream();
  }
}
