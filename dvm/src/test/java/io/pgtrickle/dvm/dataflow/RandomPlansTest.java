package io.pgtrickle.dvm.dataflow;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.rewrite.JoinTree;
import io.pgtrickle.dvm.plan.rewrite.Rewrites;
import io.pgtrickle.dvm.plan.rewrite.SubqueryOrder;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Random plans over random transactions: what the dataflow shows is the recomputation, cycle by
/// cycle.
final class RandomPlansTest {
  private static final int CYCLES = 2_000;
  private static final int SOAK_CYCLES = 50_000;
  private static final int OF_EACH = 5;
  private static final int ROWS = 5;
  private static final double WITH_ROWS = 0.6;

  @Test
  void randomPlansEqualTheirRecomputation() {
    check(1, CYCLES / OF_EACH, JoinTree.Choice.STORES_LESS);
  }

  @Test
  void soTheyDoWhereNoResultOfAJoinIsKept() {
    check(1, CYCLES / OF_EACH, (_, _) -> true);
  }

  @Test
  @Tag("soak")
  void manyMoreRandomPlansEqualTheirRecomputation() {
    long seed = Long.getLong("soak.seed", System.nanoTime());
    check(seed, SOAK_CYCLES / OF_EACH / 2, JoinTree.Choice.STORES_LESS);
    check(seed, SOAK_CYCLES / OF_EACH / 2, (_, _) -> true);
  }

  private static void check(long seed, int plans, JoinTree.Choice apart) {
    int withRows = 0;
    for (int i = 0; i < plans; i++) {
      withRows += checkPlan(seed + i, apart) ? 1 : 0;
    }
    assertThat((double) withRows / plans)
        .as("share of plans that have had rows")
        .isGreaterThan(WITH_ROWS);
  }

  /// Gives whether the plan has had rows.
  private static boolean checkPlan(long seed, JoinTree.Choice apart) {
    Plan plan = new RandomPlan(seed).next();
    Changes changes = new Changes(seed);
    Dataflow dataflow = new Dataflow(apart, Storage.onHeap(Runnable::run));
    dataflow.add(new View(1, 5001, "view", Rewrites.apply(plan), Shapes.SETTINGS));
    ZSet shown = ZSet.EMPTY;
    boolean rows = false;
    for (int cycle = 1; cycle <= OF_EACH; cycle++) {
      StepResult result = dataflow.step(changes.next(), _ -> true);
      shown = shown.plus(result.released().getOrDefault(1L, ZSet.EMPTY));
      Naive naive = new Naive(changes.contents, Shapes.SETTINGS);
      String where = "seed %d, cycle %d, %s".formatted(seed, cycle, plan);
      ZSet expected = naive.evaluate(SubqueryOrder.spelledOut(plan));
      assertThat(naive.failures()).as(where).isEmpty();
      assertThat(Tables.text(plan.schema(), shown))
          .as(where)
          .isEqualTo(Tables.text(plan.schema(), expected));
      rows |= !expected.isEmpty();
    }
    return rows;
  }

  /// Transactions over the three tables, of which two have a key.
  private static final class Changes {
    private final Map<Integer, ZSet> contents = new HashMap<>();
    private final Random random;

    Changes(long seed) {
      random = new Random(seed);
    }

    Map<Integer, ZSet> next() {
      Map<Integer, ZSet> deltas = new HashMap<>();
      deltas.put(Shapes.ORDERS_OID, change(Shapes.ORDERS_OID, Shapes.ORDERS, true));
      deltas.put(Shapes.CUSTOMERS_OID, change(Shapes.CUSTOMERS_OID, Shapes.CUSTOMERS, true));
      deltas.put(RandomPlan.EVENTS_OID, change(RandomPlan.EVENTS_OID, RandomPlan.EVENTS, false));
      return deltas;
    }

    private ZSet change(int relation, Schema schema, boolean keyed) {
      ZSet before = contents.getOrDefault(relation, ZSet.EMPTY);
      List<Row> present = new ArrayList<>();
      before.forEach(
          (row, weight) -> {
            for (long i = 0; i < weight; i++) {
              present.add(row);
            }
          });
      ZSet.Builder delta = new ZSet.Builder();
      for (int i = random.nextInt(4); i > 0 && !present.isEmpty(); i--) {
        delta.add(present.remove(random.nextInt(present.size())), -1);
      }
      Set<Object> ids = new HashSet<>();
      present.forEach(row -> ids.add(String.valueOf(schema.value(row, 0))));
      for (int i = random.nextInt(4); i > 0 && present.size() < ROWS; i--) {
        Row row = row(relation, schema);
        if (!keyed || ids.add(String.valueOf(schema.value(row, 0)))) {
          delta.add(row, 1);
          present.add(row);
        }
      }
      ZSet change = delta.build();
      contents.put(relation, before.plus(change));
      return change;
    }

    private Row row(int relation, Schema schema) {
      String id = String.valueOf(random.nextInt(5));
      return Tables.row(
          schema,
          switch (relation) {
            case Shapes.ORDERS_OID ->
                String.join("|", id, one("0", "1", "2", "3", "NULL"), amount(), text());
            case Shapes.CUSTOMERS_OID ->
                String.join("|", id, text(), one("0", "-0", "1.25", "NULL"));
            default -> String.join("|", one("0", "1", "2", "NULL"), text(), amount());
          });
    }

    private String amount() {
      return one("1", "1.0", "-2.50", "3", "NULL");
    }

    private String text() {
      return one("a", "b", "", "NULL");
    }

    private String one(String... of) {
      return of[random.nextInt(of.length)];
    }
  }
}
