package io.pgtrickle.dvm.plan;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// Tables are `p(id, x, y)` and `q(id, p_id)`, both with key `id`, and `n(a, b)` without one.
final class RowKeysTest {
  private final Plan p = scan(1, 3, List.of(0));
  private final Plan q = scan(2, 2, List.of(0));
  private final Plan n = scan(3, 2, List.of());

  @Test
  void aTableHasItsPrimaryKey() {
    assertThat(RowKeys.shortest(p)).contains(List.of(0));
    assertThat(RowKeys.shortest(n)).isEmpty();
  }

  @Test
  void aProjectionKeepsAKeyItPassesOnWhole() {
    assertThat(RowKeys.shortest(project(p, 2, 0))).contains(List.of(1));
    assertThat(RowKeys.shortest(project(p, 1, 2))).isEmpty();
  }

  @Test
  void aJoinToAKeyHasTheKeyOfTheOtherSide() {
    assertThat(RowKeys.shortest(join(q, p, 1, 0))).contains(List.of(0));
    assertThat(RowKeys.shortest(join(p, q, 0, 1))).contains(List.of(3));
  }

  @Test
  void aJoinOfNoKeyHasBoth() {
    assertThat(RowKeys.shortest(join(p, q, 1, 1))).contains(List.of(0, 3));
    assertThat(RowKeys.shortest(join(p, n, 0, 0))).isEmpty();
  }

  @Test
  void aColumnStandsForOneThatIsEqualToIt() {
    // p.id is projected away, q.id = p.id stays.
    Plan join = join(p, q, 0, 0);
    assertThat(RowKeys.shortest(project(join, 1, 3))).contains(List.of(1));
  }

  @Test
  void groupsAreAKeyAndAPrimaryKeyAmongThemIsEnough() {
    assertThat(RowKeys.shortest(group(n, 1, 0))).contains(List.of(0, 1));
    assertThat(RowKeys.shortest(group(p, 1, 0))).contains(List.of(1));
  }

  @Test
  void distinctRowsAreTheirOwnKey() {
    assertThat(RowKeys.shortest(new Plan.Distinct(n))).contains(List.of(0, 1));
  }

  @Test
  void aUnionHasNone() {
    assertThat(RowKeys.shortest(new Plan.UnionAll(List.of(q, q), q.schema()))).isEmpty();
  }

  @Test
  void aRecursionHasOneUnlessItKeepsDuplicates() {
    Plan found = new Plan.Working(q.schema());
    assertThat(RowKeys.shortest(new Plan.Recursion(q, found, true, q.schema()))).isEmpty();
    assertThat(RowKeys.shortest(new Plan.Recursion(q, found, false, q.schema())))
        .contains(IntStream.range(0, q.schema().size()).boxed().toList());
  }

  @Test
  void anOuterJoinNeedsTheKeyOfTheKeptSide() {
    assertThat(RowKeys.shortest(outer(q, p, Plan.Kept.LEFT, 1, 0))).contains(List.of(0));
    assertThat(RowKeys.shortest(outer(q, p, Plan.Kept.RIGHT, 1, 0))).contains(List.of(0, 2));
    assertThat(RowKeys.shortest(outer(p, q, Plan.Kept.LEFT, 0, 1))).contains(List.of(0, 3));
    assertThat(RowKeys.shortest(outer(q, p, Plan.Kept.BOTH, 1, 0))).isEmpty();
  }

  @Test
  void aColumnOfASideWithoutAMatchStandsForNoOther() {
    // q.id = p.id holds of pairs only, so p.id does not identify the rows.
    assertThat(RowKeys.shortest(project(outer(q, p, Plan.Kept.LEFT, 0, 0), 2, 3))).isEmpty();
  }

  @Test
  void groupsThatATablesKeyDeterminesAreLeftOut() {
    // q JOIN p ON q.p_id = p.id, grouped by p.x, p.id, q.p_id: only p.id tells, and q.p_id is
    // equal.
    assertThat(RowKeys.shortest(group(join(q, p, 1, 0), 3, 2, 1))).contains(List.of(1));
    // Grouped by p.x and q.p_id, which is p.id.
    assertThat(RowKeys.shortest(group(join(q, p, 1, 0), 3, 1))).contains(List.of(1));
    assertThat(RowKeys.shortest(group(join(q, p, 1, 0), 3, 4))).contains(List.of(0, 1));
  }

  @Test
  void aMissingSideIsDeterminedByItsOwnKeyAndByWhatItWasLookedForWith() {
    assertThat(RowKeys.shortest(group(outer(q, p, Plan.Kept.LEFT, 1, 0), 3, 2)))
        .contains(List.of(1));
    assertThat(RowKeys.shortest(group(outer(q, p, Plan.Kept.LEFT, 1, 0), 3, 1)))
        .contains(List.of(1));
    // p.x says nothing about q, and q.id is NULL beside a p without one.
    assertThat(RowKeys.shortest(group(outer(q, p, Plan.Kept.RIGHT, 1, 0), 1, 4)))
        .contains(List.of(0, 1));
    // Rows of p are missing and so are rows of q.
    assertThat(RowKeys.shortest(group(outer(q, p, Plan.Kept.BOTH, 1, 0), 3, 2)))
        .contains(List.of(1));
    assertThat(RowKeys.shortest(group(outer(q, p, Plan.Kept.BOTH, 1, 0), 3, 1)))
        .contains(List.of(0, 1));
  }

  @Test
  void aSideThatMayBeMissingAndHasNullsOfItsOwnDeterminesNothing() {
    // The key of the distinct rows may be NULL, with another value beside it than NULL.
    Plan grouped = new Plan.Aggregate(n, cols(0), List.of(), ints(2));
    assertThat(RowKeys.shortest(group(join(p, grouped, 1, 0), 4, 3))).contains(List.of(1));
    assertThat(RowKeys.shortest(group(outer(p, grouped, Plan.Kept.LEFT, 1, 0), 4, 3)))
        .contains(List.of(0, 1));
  }

  @Test
  void distinctRowsAreToldApartByAKeyAmongThem() {
    assertThat(RowKeys.shortest(new Plan.Distinct(project(join(q, p, 1, 0), 4, 3, 2))))
        .contains(List.of(2));
  }

  @Test
  void aLabelThatIsEqualTellsNoTextsApart() {
    Schema labeled = new Schema(List.of(new Column("l", SqlType.LABELED), ints(1).column(0)));
    Plan rows = new Plan.Scan(4, "t4", List.of(), labeled);
    Expr text = new Expr.Unlabeled(new Expr.Column(0, SqlType.LABELED), SqlType.TEXT);
    Plan distinct = new Plan.Distinct(rows, List.of(text));
    Plan counted =
        new Plan.Aggregate(
            distinct, List.of(new Expr.Column(0, SqlType.LABELED), col(1)), List.of(), labeled);
    assertThat(RowKeys.shortest(counted)).contains(List.of(0, 1));
  }

  private static Plan outer(Plan left, Plan right, Plan.Kept kept, int leftKey, int rightKey) {
    return join(left, right, leftKey, rightKey)
            instanceof Plan.Join(Plan l, Plan r, var keys, var residual, var schema)
        ? new Plan.OuterJoin(l, r, kept, keys, residual, schema)
        : left;
  }

  private static Plan scan(int relation, int width, List<Integer> key) {
    return new Plan.Scan(relation, "t" + relation, key, ints(width));
  }

  private static Schema ints(int width) {
    List<Column> columns = new ArrayList<>();
    for (int i = 0; i < width; i++) {
      columns.add(new Column("c" + i, SqlType.INT4));
    }
    return new Schema(columns);
  }

  private static Expr col(int index) {
    return new Expr.Column(index, SqlType.INT4);
  }

  private static List<Expr> cols(int... indexes) {
    List<Expr> columns = new ArrayList<>();
    for (int index : indexes) {
      columns.add(col(index));
    }
    return columns;
  }

  private static Plan project(Plan input, int... columns) {
    return new Plan.Project(input, cols(columns), ints(columns.length));
  }

  private static Plan group(Plan input, int... columns) {
    return new Plan.Aggregate(input, cols(columns), List.of(), ints(columns.length));
  }

  private static Plan join(Plan left, Plan right, int leftKey, int rightKey) {
    return new Plan.Join(
        left,
        right,
        List.of(new Plan.Key(col(leftKey), col(rightKey))),
        null,
        ints(left.schema().size() + right.schema().size()));
  }
}
