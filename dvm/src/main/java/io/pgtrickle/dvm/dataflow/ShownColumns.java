package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/// Which columns of the sides of joins and the parts of unions a row of the whole plan shows: by
/// these they can be arranged, so that the row leads to them where no key does.
final class ShownColumns {
  /// A side of a join, or a part of a union.
  ///
  /// @param columns of it, that are values of the row in question
  record Side(Plan input, List<Integer> columns) {
    List<Expr> keys() {
      Schema schema = input.schema();
      return columns.stream()
          .<Expr>map(column -> new Expr.Column(column, schema.column(column).type()))
          .toList();
    }
  }

  private final List<Side> sides = new ArrayList<>();

  private ShownColumns() {}

  /// The sides and parts that are no joins themselves, those of which most is shown first.
  static List<Side> of(Plan plan) {
    ShownColumns shown = new ShownColumns();
    BitSet all = new BitSet();
    all.set(0, plan.schema().size());
    shown.visit(plan, all);
    shown.sides.sort(Comparator.comparingInt(side -> -side.columns().size()));
    return shown.sides;
  }

  private void visit(Plan plan, BitSet shown) {
    switch (plan) {
      case Plan.Scan _, Plan.Values _, Plan.Aggregate _, Plan.Working _, Plan.Recursion _ -> {}
      case Plan.Filter filter -> visit(filter.input(), shown);
      case Plan.Project(Plan input, var expressions, var _) -> {
        BitSet below = new BitSet();
        for (int i = 0; i < expressions.size(); i++) {
          int column = PointLookup.sameColumn(expressions.get(i), input.schema());
          if (column >= 0 && shown.get(i)) {
            below.set(column);
          }
        }
        visit(input, below);
      }
      case Plan.Unfold unfold -> visit(unfold.input(), first(shown, unfold.input()));
      case Plan.Ask ask -> visit(ask.input(), first(shown, ask.input()));
      case Plan.Window window -> visit(window.input(), first(shown, window.input()));
      case Plan.TopK top -> visit(top.input(), shown);
      case Plan.Distinct distinct -> visit(distinct.input(), shown);
      case Plan.UnionAll union -> union.inputs().forEach(input -> side(input, shown));
      case Plan.SetOperation operation -> {
        visit(operation.left(), shown);
        visit(operation.right(), shown);
      }
      case Plan.Join join -> sides(join.left(), join.right(), shown);
      case Plan.OuterJoin join -> sides(join.left(), join.right(), shown);
      case Plan.MarkJoin join -> side(join.left(), first(shown, join.left()));
      case Plan.Apply _, Plan.GroupingSets _ ->
          throw new IllegalArgumentException("not a plan that is run: " + plan);
    }
  }

  private static BitSet first(BitSet shown, Plan input) {
    return shown.get(0, input.schema().size());
  }

  private void sides(Plan left, Plan right, BitSet shown) {
    int width = left.schema().size();
    side(left, shown.get(0, width));
    side(right, shown.get(width, width + right.schema().size()));
  }

  private void side(Plan input, BitSet shown) {
    List<Integer> columns =
        IntStream.range(0, input.schema().size())
            .filter(i -> shown.get(i) && input.schema().column(i).type().kind() != TypeKind.OPAQUE)
            .boxed()
            .toList();
    if (!input.joins() && !columns.isEmpty()) {
      sides.add(new Side(input, columns));
    }
    visit(input, shown);
  }
}
