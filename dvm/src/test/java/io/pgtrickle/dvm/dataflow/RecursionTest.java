package io.pgtrickle.dvm.dataflow;

import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_OID;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.call;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.filter;
import static io.pgtrickle.dvm.dataflow.Shapes.int4;
import static io.pgtrickle.dvm.dataflow.Shapes.project;
import static io.pgtrickle.dvm.dataflow.SubqueryShapes.equal;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.dvm.expr.Compiler;
import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.server.Server;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Recursions over graphs: what changes, what it costs, and what happens when there is no end.
final class RecursionTest {
  private static final Plan EDGES =
      project(ORDERS_SCAN, column(ORDERS_SCAN, 0), column(ORDERS_SCAN, 1));

  /// What is reachable from node 1.
  private static Plan reachable(boolean all) {
    return RecursionShapes.recursion(
        project(filter(EDGES, equal(column(EDGES, 0), int4(1))), column(EDGES, 1)),
        all,
        found -> {
          Plan pairs = Shapes.join(found, EDGES, null);
          Plan next = filter(pairs, equal(column(pairs, 0), column(pairs, 1)));
          return project(next, column(next, 2));
        });
  }

  private static final Plan CLOSURE = RecursionShapes.closure();

  private static Dataflow dataflow(Plan... plans) {
    Dataflow dataflow = new Dataflow(Runnable::run);
    for (int i = 0; i < plans.length; i++) {
      dataflow.add(
          new View(i + 1, 5001 + i, "v" + (i + 1), Shapes.runnable(plans[i]), Shapes.SETTINGS));
    }
    return dataflow;
  }

  private static ZSet edges(String... edges) {
    List<String> rows = new ArrayList<>();
    for (String edge : edges) {
      String[] parts = edge.split(" ", -1);
      rows.add("%s | %s | %s | 0 | x".formatted(parts[0], parts[1], parts[2]));
    }
    return Tables.zset(ORDERS, rows.toArray(String[]::new));
  }

  private static ZSet chain(int from, int to) {
    List<String> edges = new ArrayList<>();
    for (int n = from; n < to; n++) {
      edges.add("+1 %d %d".formatted(n, n + 1));
    }
    return edges(edges.toArray(String[]::new));
  }

  private static StepResult step(Dataflow dataflow, ZSet edges) {
    return dataflow.step(Map.of(ORDERS_OID, edges), _ -> true);
  }

  private static ZSet released(StepResult result, long view) {
    return result.released().getOrDefault(view, ZSet.EMPTY);
  }

  private static String text(StepResult result) {
    return Tables.text(Tables.schema(SqlType.INT4), released(result, 1));
  }

  private static long work(StepResult result) {
    return result.operators().stream().mapToLong(OperatorCount::rowsIn).sum();
  }

  @Test
  void whatOnlyACycleLeadsToGoesWithTheWayIntoIt() {
    Dataflow dataflow = dataflow(reachable(false));
    assertThat(text(step(dataflow, edges("+1 1 2", "+1 2 3", "+1 3 4", "+1 4 2"))))
        .isEqualTo("+1 | 2\n+1 | 3\n+1 | 4");
    assertThat(text(step(dataflow, edges("-1 1 2")))).isEqualTo("-1 | 2\n-1 | 3\n-1 | 4");
    assertThat(text(step(dataflow, edges("+1 1 3")))).isEqualTo("+1 | 2\n+1 | 3\n+1 | 4");
    assertThat(text(step(dataflow, edges("-1 4 2", "+1 4 5")))).isEqualTo("-1 | 2\n+1 | 5");
  }

  @Test
  void aRowThatIsFoundEarlierOrLaterStaysWhereItIsShown() {
    Dataflow dataflow = dataflow(reachable(false));
    step(dataflow, chain(1, 30));
    assertThat(text(step(dataflow, edges("+1 1 20")))).isEmpty();
    assertThat(text(step(dataflow, edges("-1 10 11"))))
        .isEqualTo(
            "-1 | 11\n-1 | 12\n-1 | 13\n-1 | 14\n-1 | 15\n-1 | 16\n-1 | 17\n-1 | 18\n-1 | 19");
    assertThat(text(step(dataflow, edges("+1 10 12", "-1 1 20"))))
        .isEqualTo("+1 | 12\n+1 | 13\n+1 | 14\n+1 | 15\n+1 | 16\n+1 | 17\n+1 | 18\n+1 | 19");
  }

  @Test
  void aChangeAtTheEndOfALongChainCostsNoMoreThanInAShortOne() {
    long[] costs = new long[2];
    for (int i = 0; i < 2; i++) {
      int length = i == 0 ? 10 : 2_000;
      Dataflow dataflow = dataflow(reachable(false));
      step(dataflow, chain(1, length));
      StepResult more = step(dataflow, chain(length, length + 1));
      assertThat(text(more)).isEqualTo("+1 | " + (length + 1));
      StepResult less = step(dataflow, edges("-1 %d %d".formatted(length - 1, length)));
      assertThat(text(less)).isEqualTo("-1 | %d\n-1 | %d".formatted(length, length + 1));
      costs[i] = work(more) + work(less);
    }
    assertThat(costs[1]).isEqualTo(costs[0]).isLessThan(60);
  }

  @Test
  void aChangeInALargeClosureCostsWhatItChanges() {
    Dataflow dataflow = dataflow(CLOSURE);
    int length = 80;
    StepResult first = step(dataflow, chain(1, length));
    assertThat(released(first, 1).size()).isEqualTo(length * (length - 1) / 2);
    // A second component, of which one edge goes.
    step(dataflow, chain(1_000, 1_003));
    StepResult change = step(dataflow, edges("-1 1001 1002"));
    assertThat(released(change, 1).size()).isEqualTo(4);
    assertThat(work(change)).isLessThan(60);
    StepResult end = step(dataflow, chain(length, length + 1));
    assertThat(released(end, 1).size()).isEqualTo(length);
    assertThat(work(end)).isLessThan(10L * length);
  }

  @Test
  void randomGraphsAreAsIfFoundFromScratch() {
    for (long seed = 1; seed <= 6; seed++) {
      Random random = new Random(seed);
      Dataflow dataflow = dataflow(CLOSURE, reachable(false));
      ZSet contents = ZSet.EMPTY;
      ZSet closure = ZSet.EMPTY;
      ZSet reached = ZSet.EMPTY;
      for (int epoch = 0; epoch < 60; epoch++) {
        ZSet.Builder delta = new ZSet.Builder();
        for (int i = random.nextInt(6); i > 0; i--) {
          ZSet edge = edges("+1 %d %d".formatted(1 + random.nextInt(14), 1 + random.nextInt(14)));
          boolean goes = random.nextInt(3) > 0 && contents.weightOf(edge.row(0)) > 0;
          delta.add(edge.row(0), goes ? -1 : 1);
          contents = contents.plus(goes ? edge.negate() : edge);
        }
        StepResult result = step(dataflow, delta.build());
        closure = closure.plus(released(result, 1));
        reached = reached.plus(released(result, 2));
        Naive naive = new Naive(Map.of(ORDERS_OID, contents), Shapes.SETTINGS);
        String where = "seed " + seed + ", epoch " + epoch;
        assertThat(closure).as(where).isEqualTo(naive.evaluate(CLOSURE));
        assertThat(reached).as(where).isEqualTo(naive.evaluate(reachable(false)));
      }
    }
  }

  @Test
  void rowsThatComeAgainAndAgainAreAFailureUntilTheyEnd() {
    Dataflow dataflow = dataflow(reachable(true));
    step(dataflow, edges("+1 1 2", "+1 2 3", "+1 3 4"));
    step(dataflow, edges("+1 4 2"));
    assertThat(dataflow.errors(1).sqlState()).isEqualTo("54000");
    step(dataflow, edges("+1 1 5"));
    assertThat(dataflow.errors(1).healed()).isFalse();
    assertThat(text(step(dataflow, edges("-1 4 2")))).isEqualTo("+1 | 5");
    assertThat(dataflow.errors(1).healed()).isTrue();
  }

  @Test
  void rowsThatMultiplyAreAFailureUntilTheyEnd() {
    Dataflow dataflow = dataflow(reachable(true));
    step(dataflow, edges("+1 1 2", "+1 2 3", "+1 3 4"));
    step(dataflow, edges("+3 4 2", "+1 2 4"));
    assertThat(dataflow.errors(1).sqlState()).isEqualTo("54000");
    assertThat(text(step(dataflow, edges("-3 4 2")))).isEqualTo("+1 | 4");
    assertThat(dataflow.errors(1).healed()).isTrue();
  }

  @Test
  void differentRowsWithoutEndAreAFailureToo() {
    Plan one = project(EDGES, column(EDGES, 0));
    Plan counting =
        RecursionShapes.recursion(
            one,
            false,
            found -> {
              Plan pairs = Shapes.join(found, EDGES, null);
              Plan next = filter(pairs, equal(column(pairs, 2), int4(0)));
              return project(next, call("int4pl", SqlType.INT4, column(next, 0), int4(1)));
            });
    Dataflow dataflow = dataflow(counting);
    step(dataflow, edges("+1 1 1"));
    step(dataflow, edges("+1 7 0"));
    assertThat(dataflow.errors(1).sqlState()).isEqualTo("54000");
    assertThat(released(step(dataflow, edges("-1 7 0")), 1)).isEqualTo(ZSet.EMPTY);
    assertThat(dataflow.errors(1).healed()).isTrue();
  }

  @Test
  void theLimitIsAMatterOfAnIterationAndItsRows() {
    RecursionLimit limit = new RecursionLimit(10, 60);
    assertThat(limit.allows(0, 1_000)).isTrue();
    assertThat(limit.allows(1, 60)).isTrue();
    assertThat(limit.allows(1, 61)).isFalse();
    assertThat(limit.allows(10, 6)).isTrue();
    assertThat(limit.allows(10, 7)).isFalse();
    assertThat(limit.allows(11, 1)).isFalse();
    assertThat(limit.allows(11, 0)).isTrue();
  }

  @Test
  void aStepThatFailsInALaterIterationChangesNothing() {
    boolean[] broken = new boolean[1];
    Expressions failing =
        (expression, input, settings) -> {
          Evaluator real = Compiler.compile(expression, input, settings);
          return row -> {
            Object value = real.evaluate(row);
            if (broken[0] && Long.valueOf(666).equals(value)) {
              throw new ArithmeticException("injected");
            }
            return value;
          };
        };
    Storage storage = Storage.onHeap(Runnable::run);
    Dataflow dataflow = new Dataflow(storage, new Labels(Server.none(), storage), failing);
    Plan counted =
        RecursionShapes.recursion(
            EDGES,
            false,
            found -> {
              Plan pairs = Shapes.join(found, EDGES, null);
              Plan next = filter(pairs, equal(column(pairs, 1), column(pairs, 2)));
              return project(
                  next, column(next, 0), call("int4pl", SqlType.INT4, column(next, 3), int4(0)));
            });
    View view = new View(1, 5001, "v1", Shapes.runnable(counted), Shapes.SETTINGS);
    dataflow.add(view);
    Dataflow reference = dataflow(counted);
    step(dataflow, chain(1, 9));
    step(reference, chain(1, 9));
    StateSize size = dataflow.stats().total();

    ZSet poison = edges("+1 9 10", "+1 10 666", "-1 3 4");
    broken[0] = true;
    assertThatThrownBy(() -> step(dataflow, poison)).isInstanceOf(StepFailed.class);
    assertThat(dataflow.stats().total()).isEqualTo(size);
    broken[0] = false;
    assertThat(step(dataflow, poison).released()).isEqualTo(step(reference, poison).released());
    ZSet after = edges("-1 10 666", "+1 3 4", "+1 5 1");
    assertThat(step(dataflow, after).released()).isEqualTo(step(reference, after).released());
    assertThat(dataflow.stats().total()).isEqualTo(reference.stats().total());
  }

  @Test
  void equalRecursionsAreOneUntilTheLastViewGoes() {
    Dataflow dataflow = dataflow(CLOSURE, project(CLOSURE, column(CLOSURE, 1)), reachable(false));
    assertThat(dataflow.explain(1, ExplainFormat.TEXT, Map.of()))
        .contains("Recursive union")
        .contains("Working table")
        .contains("shared with: v2");
    step(dataflow, chain(1, 4));
    dataflow.drop(1);
    StepResult next = step(dataflow, edges("+1 4 1"));
    assertThat(released(next, 2))
        .isEqualTo(
            Tables.zset(Tables.schema(SqlType.INT4), "+4 | 1", "+3 | 2", "+2 | 3", "+1 | 4"));
    dataflow.drop(2);
    dataflow.drop(3);
    assertThat(dataflow.stats().operators()).isZero();
  }
}
