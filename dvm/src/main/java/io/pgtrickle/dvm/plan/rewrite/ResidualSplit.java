package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SortedSet;

/// Writes an outer join with a residual condition as a sum, and a mark join with one over the
/// pairs:
///
///     L ⟕ R   = L ⋈ R + pad(L where not marked by π_L(L ⋈ R))
///     M(L, R) = M(L, π_L(L ⋈ R))
///
/// With equal keys alone, whether a row has a match is a matter of its key. A residual condition
/// makes it a matter of the row, and the number of its matches has to be known: it is the weight of
/// the row among the left halves of the pairs. Those are found by the image of the row, since rows
/// that are merely equal may fare differently. The condition is evaluated once, in the inner join,
/// so that its failures count once.
final class ResidualSplit {
  private ResidualSplit() {}

  static Plan rewrite(Plan plan) {
    Plan over = Inputs.map(plan, ResidualSplit::rewrite);
    if (over instanceof Plan.MarkJoin join && join.residual() != null) {
      return split(join);
    }
    return over instanceof Plan.OuterJoin join && join.residual() != null ? split(join) : over;
  }

  private static Plan split(Plan.MarkJoin join) {
    Schema left = join.left().schema();
    List<Column> columns = new ArrayList<>(left.columns());
    columns.addAll(join.right().schema().columns());
    // Of rows that a condition on them alone turns away no keys are made.
    boolean guarding = !join.keys().stream().map(Plan.Key::left).allMatch(Expressions::isTotal);
    List<Expr> own = new ArrayList<>();
    List<Expr> rest = new ArrayList<>();
    for (Expr conjunct : Conjuncts.of(Objects.requireNonNull(join.residual()))) {
      SortedSet<Integer> read = Expressions.columns(conjunct);
      boolean onLeft = !read.isEmpty() && read.last() < left.size();
      (onLeft && (guarding || Expressions.isTotal(conjunct)) ? own : rest).add(conjunct);
    }
    Plan pairs =
        new Plan.Join(
            Conjuncts.filter(join.left(), own),
            join.right(),
            join.keys(),
            rest.isEmpty() ? null : Conjuncts.all(rest),
            new Schema(columns));
    Plan halves = new Plan.Project(pairs, columns(pairs.schema(), 0, left.size()), left);
    return marked(join.left(), halves, join.schema());
  }

  private static Plan split(Plan.OuterJoin join) {
    Schema schema = join.schema();
    int width = join.left().schema().size();
    Plan pairs = new Plan.Join(join.left(), join.right(), join.keys(), join.residual(), schema);
    List<Plan> parts = new ArrayList<>();
    parts.add(pairs);
    if (join.kept().left()) {
      parts.add(lonely(join.left(), pairs, 0, schema));
    }
    if (join.kept().right()) {
      parts.add(lonely(join.right(), pairs, width, schema));
    }
    return new Plan.UnionAll(parts, schema);
  }

  private static Plan lonely(Plan side, Plan pairs, int from, Schema schema) {
    int width = side.schema().size();
    Plan halves =
        new Plan.Project(pairs, columns(pairs.schema(), from, from + width), side.schema());
    List<Column> columns = new ArrayList<>(side.schema().columns());
    columns.add(new Column("mark", SqlType.BOOL));
    Expr mark = new Expr.Column(width, SqlType.BOOL);
    Plan unmarked = new Plan.Filter(marked(side, halves, new Schema(columns)), new Expr.Not(mark));
    List<Expr> padded = new ArrayList<>();
    for (int i = 0; i < schema.size(); i++) {
      SqlType type = schema.column(i).type();
      boolean own = i >= from && i < from + width;
      padded.add(own ? new Expr.Column(i - from, type) : new Expr.Literal(null, type));
    }
    return new Plan.Project(unmarked, padded, schema);
  }

  /// The rows of an input, marked by whether another input has the very same.
  private static Plan marked(Plan input, Plan others, Schema schema) {
    Plan.Key same = new Plan.Key(image(input), image(others));
    return new Plan.MarkJoin(input, others, List.of(same), null, schema);
  }

  private static Expr image(Plan input) {
    return new Expr.Image(columns(input.schema(), 0, input.schema().size()));
  }

  private static List<Expr> columns(Schema schema, int from, int to) {
    List<Expr> columns = new ArrayList<>();
    for (int i = from; i < to; i++) {
      columns.add(new Expr.Column(i, schema.column(i).type()));
    }
    return columns;
  }
}
