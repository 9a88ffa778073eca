package io.pgtrickle.dvm.plan.rewrite;

import static io.pgtrickle.dvm.plan.rewrite.Algebra.and;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.col;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.divided;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.equal;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.filter;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.join;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.key;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.less;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.narrow;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.scan;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.value;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.plan.Plan;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// Facts refer to three dimensions by their columns 1, 2 and 3; dimensions have their keys first.
final class JoinTreeTest {
  private static final JoinTree.Choice ALWAYS = (_, _) -> true;

  private final Plan facts = scan(1, 4);
  private final Plan a = keyed(2, 6);
  private final Plan b = keyed(3, 6);
  private final Plan c = keyed(4, 6);

  private static Plan keyed(int relation, int columns) {
    Plan.Scan scan = (Plan.Scan) scan(relation, columns);
    return new Plan.Scan(scan.relation(), scan.name(), List.of(0), scan.schema());
  }

  private static Optional<JoinTree> tree(Plan join, JoinTree.Choice choice) {
    return JoinTree.of((Plan.Join) join, choice);
  }

  private Plan star() {
    Plan two = join(join(facts, a, null, key(col(1), col(0))), b, null, key(col(2), col(0)));
    return join(two, c, null, key(col(3), col(0)));
  }

  @Test
  void aStarIsOneJoinWhoseFactsAreArrangedByEachDimension() {
    JoinTree tree = tree(star(), JoinTree.Choice.STORES_LESS).orElseThrow();
    assertThat(tree.units()).containsExactly(facts, a, b, c);
    assertThat(tree.edges())
        .containsExactly(
            new JoinTree.Edge(0, 1, List.of(key(col(1), col(0)))),
            new JoinTree.Edge(0, 2, List.of(key(col(2), col(0)))),
            new JoinTree.Edge(0, 3, List.of(key(col(3), col(0)))));
    assertThat(tree.path(2)).first().isEqualTo(new JoinTree.Hop(tree.edges().get(1), 2, 0));
    assertThat(tree.path(2)).extracting(JoinTree.Hop::to).containsExactlyInAnyOrder(0, 1, 3);
    // What is loaded at once is joined by the path of the largest.
    assertThat(tree.bySize()).last().isEqualTo(0);
  }

  @Test
  void aSnowflakeLeadsFromDimensionToDimension() {
    Plan outer = join(a, b, null, key(col(1), col(0)));
    Plan plan = join(facts, outer, null, key(col(1), col(0)));
    JoinTree tree = tree(plan, ALWAYS).orElseThrow();
    assertThat(tree.edges())
        .containsExactlyInAnyOrder(
            new JoinTree.Edge(1, 2, List.of(key(col(1), col(0)))),
            new JoinTree.Edge(0, 1, List.of(key(col(1), col(0)))));
    assertThat(tree.path(2)).extracting(JoinTree.Hop::to).containsExactly(1, 0);
  }

  @Test
  void whatAFilterMakesSmallIsKept() {
    Plan few = filter(a, equal(col(1), value(7)));
    Plan two = join(facts, few, null, key(col(1), col(0)));
    Plan plan = join(two, b, null, key(col(2), col(0)));
    assertThat(tree(plan, JoinTree.Choice.STORES_LESS)).isEmpty();
    assertThat(tree(plan, ALWAYS).orElseThrow().units()).containsExactly(facts, few, b);
  }

  @Test
  void whatIsNarrowerThanItsUnitIsKept() {
    Plan two = narrow(join(facts, a, null, key(col(1), col(0))), 2);
    Plan plan = join(two, b, null, key(col(0), col(0)));
    assertThat(tree(plan, JoinTree.Choice.STORES_LESS)).isEmpty();
    assertThat(tree(plan, ALWAYS).orElseThrow().edges().getLast())
        .isEqualTo(new JoinTree.Edge(0, 2, List.of(key(col(2), col(0)))));
  }

  @Test
  void aKeyOverTwoUnitsNeedsThemJoined() {
    Plan two = join(facts, a, null, key(col(1), col(0)));
    Plan plan = join(two, b, null, key(col(2), col(0)), key(col(5), col(1)));
    assertThat(tree(plan, ALWAYS)).isEmpty();
  }

  @Test
  void whatMayFailIsEvaluatedForTheRowsOfTheJoinAsItIs() {
    Plan two = join(facts, a, less(divided(col(0), col(5)), value(1)), key(col(1), col(0)));
    assertThat(tree(join(two, b, null, key(col(2), col(0))), ALWAYS)).isEmpty();
    Plan computed = join(facts, a, null, key(divided(col(1), col(2)), col(0)));
    assertThat(tree(join(computed, b, null, key(col(2), col(0))), ALWAYS)).isEmpty();
  }

  @Test
  void conditionsAreOverTheColumnsOfAllUnits() {
    Plan two = join(facts, a, less(col(0), col(5)), key(col(1), col(0)));
    Plan shown = narrow(two, 2, 0, 5);
    Plan plan =
        join(shown, b, and(less(col(1), col(4)), less(col(2), col(5))), key(col(0), col(0)));
    JoinTree tree = tree(plan, ALWAYS).orElseThrow();
    assertThat(tree.conditions())
        .containsExactly(less(col(0), col(5)), less(col(0), col(11)), less(col(5), col(12)));
    assertThat(tree.output()).startsWith(2, 0, 5).endsWith(10, 11, 12, 13, 14, 15);
  }

  @Test
  void itHasABoundedNumberOfUnits() {
    Plan plan = join(facts, a, null, key(col(1), col(0)));
    for (int i = 0; i < 12; i++) {
      plan = join(plan, keyed(10 + i, 2), null, key(col(2), col(0)));
    }
    assertThat(tree(plan, ALWAYS).orElseThrow().units()).hasSizeLessThanOrEqualTo(8);
  }
}
