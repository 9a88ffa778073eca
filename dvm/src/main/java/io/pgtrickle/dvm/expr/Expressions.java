package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.Expr.And;
import io.pgtrickle.dvm.expr.Expr.Answered;
import io.pgtrickle.dvm.expr.Expr.Call;
import io.pgtrickle.dvm.expr.Expr.Case;
import io.pgtrickle.dvm.expr.Expr.Clock;
import io.pgtrickle.dvm.expr.Expr.Coalesce;
import io.pgtrickle.dvm.expr.Expr.Column;
import io.pgtrickle.dvm.expr.Expr.Extreme;
import io.pgtrickle.dvm.expr.Expr.Image;
import io.pgtrickle.dvm.expr.Expr.IsDistinct;
import io.pgtrickle.dvm.expr.Expr.IsNull;
import io.pgtrickle.dvm.expr.Expr.IsTruth;
import io.pgtrickle.dvm.expr.Expr.Literal;
import io.pgtrickle.dvm.expr.Expr.Not;
import io.pgtrickle.dvm.expr.Expr.NullIf;
import io.pgtrickle.dvm.expr.Expr.Or;
import io.pgtrickle.dvm.expr.Expr.Outer;
import io.pgtrickle.dvm.expr.Expr.Quantified;
import io.pgtrickle.dvm.expr.Expr.Relabel;
import io.pgtrickle.dvm.expr.Expr.Row;
import io.pgtrickle.dvm.expr.Expr.Single;
import io.pgtrickle.dvm.expr.Expr.TextCast;
import io.pgtrickle.dvm.expr.Expr.Timeless;
import io.pgtrickle.dvm.expr.Expr.Unlabeled;
import io.pgtrickle.dvm.expr.Expr.Verbatim;
import io.pgtrickle.dvm.expr.Expr.When;
import io.pgtrickle.dvm.type.TypeKind;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/// Walks over expressions: what rewrites of plans need.
public final class Expressions {
  private Expressions() {}

  /// The direct operands, in the order of evaluation. The equality of [IsDistinct] and [NullIf]
  /// counts as a
  /// part of the node, its arguments as the operands.
  public static List<Expr> children(Expr expression) {
    return switch (expression) {
      case Column _, Literal _, Outer _, Clock _ -> List.of();
      case Call call -> call.arguments();
      case Relabel(Expr input, _) -> List.of(input);
      case TextCast(Expr input, _) -> List.of(input);
      case And(List<Expr> operands) -> operands;
      case Or(List<Expr> operands) -> operands;
      case Not(Expr operand) -> List.of(operand);
      case IsNull(Expr operand) -> List.of(operand);
      case IsTruth(Expr operand, _) -> List.of(operand);
      case IsDistinct(Call equality) -> equality.arguments();
      case NullIf(Call equality, _) -> equality.arguments();
      case Coalesce(List<Expr> operands, _) -> operands;
      case Extreme(_, List<Expr> operands, _) -> operands;
      case Image(List<Expr> values, _) -> values;
      case Verbatim verbatim -> verbatim.operands();
      case Row(var _, List<Expr> fields, @Nullable Expr present, _) -> {
        List<Expr> children = new ArrayList<>(fields);
        if (present != null) {
          children.add(present);
        }
        yield children;
      }
      case Timeless(Expr text) -> List.of(text);
      case Single(Expr value, Expr rows) -> List.of(rows, value);
      case Answered(Expr value, Expr failure) -> List.of(failure, value);
      case Unlabeled(Expr labeled, _) -> List.of(labeled);
      case Case(List<When> branches, @Nullable Expr otherwise, _) -> {
        List<Expr> children = new ArrayList<>();
        for (When branch : branches) {
          children.add(branch.condition());
          children.add(branch.result());
        }
        if (otherwise != null) {
          children.add(otherwise);
        }
        yield children;
      }
      case Quantified quantified -> {
        List<Expr> children = new ArrayList<>();
        children.add(quantified.operand());
        children.addAll(quantified.elements());
        yield children;
      }
    };
  }

  /// The same node over other operands, given in the order of [#children].
  private static Expr withChildren(Expr expression, List<Expr> children) {
    return switch (expression) {
      case Column _, Literal _, Outer _, Clock _ -> expression;
      case Call call -> withArguments(call, children);
      case Relabel relabel -> new Relabel(children.getFirst(), relabel.type());
      case TextCast cast -> new TextCast(children.getFirst(), cast.type());
      case And _ -> new And(children);
      case Or _ -> new Or(children);
      case Not _ -> new Not(children.getFirst());
      case IsNull _ -> new IsNull(children.getFirst());
      case IsTruth test -> new IsTruth(children.getFirst(), test.truth());
      case IsDistinct(Call equality) -> new IsDistinct(withArguments(equality, children));
      case NullIf(Call equality, var type) -> new NullIf(withArguments(equality, children), type);
      case Coalesce coalesce -> new Coalesce(children, coalesce.type());
      case Extreme extreme -> new Extreme(extreme.greatest(), children, extreme.type());
      case Image image -> new Image(children, image.byKey());
      case Verbatim verbatim ->
          new Verbatim(verbatim.pieces(), children, verbatim.type(), verbatim.meaning());
      case Row row ->
          new Row(
              row.names(),
              children.subList(0, row.fields().size()),
              row.present() == null ? null : children.getLast(),
              row.type());
      case Timeless _ -> new Timeless(children.getFirst());
      case Single _ -> new Single(children.getLast(), children.getFirst());
      case Answered _ -> new Answered(children.getLast(), children.getFirst());
      case Unlabeled(_, var type) -> new Unlabeled(children.getFirst(), type);
      case Case choice -> {
        List<When> branches = new ArrayList<>();
        for (int i = 0; i < choice.branches().size(); i++) {
          branches.add(new When(children.get(2 * i), children.get(2 * i + 1)));
        }
        yield new Case(
            branches, choice.otherwise() == null ? null : children.getLast(), choice.type());
      }
      case Quantified quantified ->
          new Quantified(
              children.getFirst(),
              quantified.comparison(),
              quantified.collation(),
              quantified.all(),
              children.subList(1, children.size()));
    };
  }

  private static Call withArguments(Call call, List<Expr> arguments) {
    return new Call(call.function(), arguments, call.type(), call.collation());
  }

  /// The same node with each operand changed.
  public static Expr mapChildren(Expr expression, UnaryOperator<Expr> change) {
    return withChildren(expression, children(expression).stream().map(change).toList());
  }

  /// Rewrites bottom-up: `change` sees every node after its operands were rewritten.
  public static Expr map(Expr expression, UnaryOperator<Expr> change) {
    List<Expr> mapped = children(expression).stream().map(child -> map(child, change)).toList();
    return change.apply(withChildren(expression, mapped));
  }

  /// The expression with each column replaced by the expression at its index: the composition of a
  /// projection with what stands above it.
  public static Expr over(Expr expression, List<Expr> columns) {
    return map(
        expression, node -> node instanceof Column column ? columns.get(column.index()) : node);
  }

  /// The expression over columns that stand `by` positions further right, or left when negative.
  public static Expr shift(Expr expression, int by) {
    return map(
        expression,
        node -> node instanceof Column(int index, var type) ? new Column(index + by, type) : node);
  }

  /// The indexes of the columns that are read.
  public static NavigableSet<Integer> columns(Expr expression) {
    NavigableSet<Integer> columns = new TreeSet<>();
    forEach(
        expression,
        node -> {
          if (node instanceof Column column) {
            columns.add(column.index());
          }
        });
    return columns;
  }

  /// Visits every node, operands before what is built of them.
  public static void forEach(Expr expression, Consumer<Expr> visitor) {
    for (Expr child : children(expression)) {
      forEach(child, visitor);
    }
    visitor.accept(expression);
  }

  /// Whether the clock is read anywhere in it.
  public static boolean readsClock(Expr expression) {
    return contains(expression, Clock.class);
  }

  /// Whether a node of a kind is anywhere in the expression.
  public static boolean contains(Expr expression, Class<? extends Expr> kind) {
    return kind.isInstance(expression)
        || children(expression).stream().anyMatch(child -> contains(child, kind));
  }

  /// Whether the expression can never fail, for no row at all; false when that is not known.
  public static boolean isTotal(Expr expression) {
    if (Monotony.isSafeMoment(expression)) {
      return true;
    }
    boolean node =
        switch (expression) {
          case Call call -> isTotal(call.function(), call.arguments(), call.collation());
          case IsDistinct(Call equality) -> isTotal(equality.function(), equality.arguments(), 0);
          case NullIf(Call equality, _) -> isTotal(equality.function(), equality.arguments(), 0);
          case Quantified quantified ->
              quantified.elements().stream()
                  .allMatch(
                      element ->
                          isTotal(
                              quantified.comparison(),
                              List.of(quantified.operand(), element),
                              quantified.collation()));
          case TextCast(Expr input, var type) ->
              type.kind().isText()
                  && (input.type().kind() != TypeKind.OPAQUE
                      || TotalFunctions.hasText(input.type().oid()));
          case Single(_, Expr rows) -> rows instanceof Literal;
          case Verbatim verbatim -> TotalFunctions.contains(verbatim);
          case Answered _, Row _, Timeless _ -> false;
          case Column _,
              Literal _,
              Outer _,
              Clock _,
              Relabel _,
              And _,
              Or _,
              Not _,
              IsNull _,
              IsTruth _,
              Coalesce _,
              Extreme _,
              Image _,
              Unlabeled _,
              Case _ ->
              true;
        };
    return node && children(expression).stream().allMatch(Expressions::isTotal);
  }

  private static boolean isTotal(Signature function, List<Expr> arguments, int collation) {
    return FunctionLibrary.find(function)
            .filter(known -> known.isTotal(arguments, collation))
            .isPresent()
        || TotalFunctions.contains(function, arguments, collation);
  }
}
