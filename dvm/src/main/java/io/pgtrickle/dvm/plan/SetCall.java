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
/// @param definition what the query calls them where it says what they are, because the function's
///     declaration does not; a function may go by the names. Empty elsewhere
/// @param pieces how it is written around its arguments, where that is not as a function: one more
///     than there are arguments, or none
public record SetCall(
    Expr.Call call,
    boolean set,
    List<Column> columns,
    List<String> definition,
    List<String> pieces) {
  public SetCall {
    columns = List.copyOf(columns);
    definition = List.copyOf(definition);
    pieces = List.copyOf(pieces);
    if (!pieces.isEmpty() && pieces.size() != call.arguments().size() + 1) {
      throw new IllegalArgumentException(pieces + " do not go around " + call.arguments());
    }
    if (!definition.isEmpty() && definition.size() != columns.size()) {
      throw new IllegalArgumentException("a definition of other columns");
    }
  }

  /// A call that is written as one.
  public SetCall(Expr.Call call, boolean set, List<Column> columns, List<String> definition) {
    this(call, set, columns, definition, List.of());
  }

  /// A call whose function says what its columns are.
  public SetCall(Expr.Call call, boolean set, List<Column> columns) {
    this(call, set, columns, List.of());
  }

  /// Whether the query says what the columns are.
  public boolean defined() {
    return !definition.isEmpty();
  }

  /// The same call with the expressions that make its arguments changed.
  public SetCall map(UnaryOperator<Expr> change) {
    List<Expr> arguments = call.arguments().stream().map(change).toList();
    return new SetCall(
        new Expr.Call(call.function(), arguments, call.type(), call.collation()),
        set,
        columns,
        definition,
        pieces);
  }

  /// How the engine evaluates it by itself where it returns a set; empty when only the server can.
  public Optional<SetFunctions.Body> nativeBody() {
    boolean plain =
        set && !defined() && columns.size() == 1 && columns.getFirst().type().equals(call.type());
    return plain ? SetFunctions.find(call.function(), call.type()) : Optional.empty();
  }

  /// What keeps the engine from evaluating it by itself, as a user would name it; empty when
  /// nothing does.
  public List<String> refusals(EvaluationSettings settings) {
    List<String> refusals = new ArrayList<>(refusal(settings).stream().toList());
    arguments().forEach(argument -> refusals.addAll(FunctionLibrary.refusals(argument, settings)));
    return refusals;
  }

  /// What keeps the engine from calling the function by itself, whoever evaluates its arguments.
  public Optional<String> refusal(EvaluationSettings settings) {
    if (set || defined() || columns.size() != 1) {
      return nativeBody().isPresent()
          ? Optional.empty()
          : Optional.of(
              "function " + call.function().schema() + "." + call.function().name() + "()");
    }
    return FunctionLibrary.refusal(call, settings);
  }

  Stream<Expr> arguments() {
    return call.arguments().stream();
  }
}
