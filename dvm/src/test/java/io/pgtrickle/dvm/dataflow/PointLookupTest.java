package io.pgtrickle.dvm.dataflow;

import static io.pgtrickle.dvm.dataflow.Shapes.CUSTOMERS;
import static io.pgtrickle.dvm.dataflow.Shapes.CUSTOMERS_OID;
import static io.pgtrickle.dvm.dataflow.Shapes.CUSTOMERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_OID;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.join;
import static io.pgtrickle.dvm.dataflow.Shapes.project;
import static io.pgtrickle.dvm.dataflow.Tables.row;
import static io.pgtrickle.dvm.dataflow.Tables.zset;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class PointLookupTest {
  // A computed key, rows that cannot be bound, or no arrangement: these may answer "unknown".
  private static final Set<String> MAY_BE_UNKNOWN =
      Set.of(
          "scan",
          "filter",
          "computed projection",
          "projection that merges rows",
          "division that fails for some rows",
          "cross product",
          "union all",
          "distinct",
          "distinct over a join",
          "having",
          "values",
          // Nothing is arranged for rows that are not joined.
          "unfold",
          "unfold under a condition",
          "unfold numbered, in step",
          "unfold with failures",
          "unfold with one row",
          "unfold with one row and more",
          "unfold keeping rows",
          "unfold keeping rows under a condition",
          "unfold keeping rows under a condition that fails",
          "unfold of what was unfolded",
          // Has no rows as soon as there is an order without a customer.
          "not in a set with NULLs",
          // Arrays and JSON have no keys.
          "collected values, grouped",
          "collected values, global",
          // The place of a row depends on all others.
          "top",
          "top with ties",
          "top with offset",
          "all but the first",
          "distinct on",
          "none at all",
          "scalar over a correlated top",
          "INTERSECT",
          "INTERSECT ALL",
          "EXCEPT",
          "EXCEPT ALL",
          "join and aggregate");

  static Stream<Arguments> shapes() {
    return Shapes.all().entrySet().stream().map(e -> Arguments.of(e.getKey(), e.getValue()));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("shapes")
  void theRecomputedWeightIsTheTrueOne(String name, Plan plan) {
    for (long seed = 1; seed <= 3; seed++) {
      Dataflow dataflow = new Dataflow(Runnable::run);
      dataflow.add(new View(1, 5001, name, Shapes.runnable(plan), Shapes.SETTINGS));
      Script script = new Script(seed);
      Set<Row> everSeen = new TreeSet<>();
      int answers = 0;
      for (int epoch = 1; epoch <= 15; epoch++) {
        dataflow.step(script.next(), _ -> true);
        ZSet expected = new Naive(script.contents(), Shapes.SETTINGS).evaluate(plan);
        expected.forEach((row, _) -> everSeen.add(row));
        for (Row row : everSeen) {
          OptionalLong weight = dataflow.weight(1, row);
          String where = "seed " + seed + ", epoch " + epoch + ", " + plan.schema().toText(row);
          if (weight.isPresent()) {
            answers++;
            assertThat(weight.getAsLong()).as(where).isEqualTo(expected.weightOf(row));
          }
        }
      }
      if (!MAY_BE_UNKNOWN.contains(name) && !hasWindows(plan)) {
        assertThat(answers).as("seed " + seed).isPositive();
      }
    }
  }

  /// The place of a row in a window depends on all others.
  private static boolean hasWindows(Plan plan) {
    return plan instanceof Plan.Window
        || plan.inputs().stream().anyMatch(PointLookupTest::hasWindows);
  }

  @Test
  void aRowOfATopLevelJoinIsAnsweredWhateverColumnsItShows() {
    Plan joined = join(ORDERS_SCAN, CUSTOMERS_SCAN, null, 1, 0);
    // Neither side of the join key is shown, so the order's primary key has to lead the way.
    Plan plan = project(joined, column(joined, 0), column(joined, 5));
    Dataflow dataflow = new Dataflow(Runnable::run);
    dataflow.add(new View(1, 5001, "v", plan, Shapes.SETTINGS));
    dataflow.step(
        Map.of(
            ORDERS_OID, zset(ORDERS, "+1 | 7 | 1 | 5 | a", "+1 | 8 | NULL | 5 | b"),
            CUSTOMERS_OID, zset(CUSTOMERS, "+1 | 1 | north | 0")),
        _ -> true);
    assertThat(dataflow.weight(1, row(plan.schema(), "7 | north"))).hasValue(1);
    assertThat(dataflow.weight(1, row(plan.schema(), "7 | south"))).hasValue(0);
    assertThat(dataflow.weight(1, row(plan.schema(), "8 | north"))).hasValue(0);
    assertThat(dataflow.weight(1, row(plan.schema(), "9 | north"))).hasValue(0);
  }

  @Test
  void aKeyThatMatchesTooManyRowsIsNotAnswered() {
    Plan joined = join(ORDERS_SCAN, ORDERS_SCAN, null, 1, 1);
    Plan plan = project(joined, column(joined, 1));
    Dataflow dataflow = new Dataflow(Runnable::run);
    dataflow.add(new View(1, 5001, "v", plan, Shapes.SETTINGS));
    ZSet.Builder orders = new ZSet.Builder();
    for (int i = 0; i < 120; i++) {
      orders.addAll(zset(ORDERS, "+1 | " + i + " | 1 | 5 | a"));
    }
    orders.addAll(zset(ORDERS, "+1 | 1000 | 2 | 5 | a"));
    dataflow.step(Map.of(ORDERS_OID, orders.build()), _ -> true);
    assertThat(dataflow.weight(1, row(plan.schema(), "1"))).isEmpty();
    assertThat(dataflow.weight(1, row(plan.schema(), "2"))).hasValue(1);
  }
}
