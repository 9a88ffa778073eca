package io.pgtrickle.dvm.dataflow;

import static io.pgtrickle.dvm.dataflow.Shapes.CUSTOMERS;
import static io.pgtrickle.dvm.dataflow.Shapes.CUSTOMERS_OID;
import static io.pgtrickle.dvm.dataflow.Shapes.CUSTOMERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_OID;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.aggregate;
import static io.pgtrickle.dvm.dataflow.Shapes.call;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.group;
import static io.pgtrickle.dvm.dataflow.Shapes.int4;
import static io.pgtrickle.dvm.dataflow.Shapes.join;
import static io.pgtrickle.dvm.dataflow.Shapes.project;
import static io.pgtrickle.dvm.dataflow.Tables.zset;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.expr.Compiler;
import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.rewrite.Rewrites;
import io.pgtrickle.dvm.server.Server;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

final class DataflowTest {
  private static final Plan JOINED = join(ORDERS_SCAN, CUSTOMERS_SCAN, null, 1, 0);
  private static final Plan PER_CUSTOMER =
      group(
          ORDERS_SCAN,
          List.of(column(ORDERS_SCAN, 1)),
          aggregate(AggregateCall.Kind.COUNT_ROWS, SqlType.INT8, null));

  private static View view(long id, Plan plan) {
    return new View(id, (int) (9000 + id), "v" + id, plan, Shapes.SETTINGS);
  }

  private static Plan scanOf(View view) {
    return new Plan.Scan(view.relation(), "public." + view.name(), List.of(), view.plan().schema());
  }

  private static Map<Integer, ZSet> orders(String... rows) {
    return Map.of(ORDERS_OID, zset(ORDERS, rows));
  }

  private static Map<Integer, ZSet> customers(String... rows) {
    return Map.of(CUSTOMERS_OID, zset(CUSTOMERS, rows));
  }

  private static Dataflow withMemory(int rows) {
    Storage storage = Storage.onHeap(Runnable::run);
    // Of rows of the join.
    return new Dataflow(storage, new Labels(Server.none(), storage), rows * 150L);
  }

  private static String[] ordersOf(int customer, int count) {
    return IntStream.range(0, count)
        .mapToObj(i -> "+1 | %d | %d | 1 | a".formatted(customer * 1000 + i, customer))
        .toArray(String[]::new);
  }

  @Test
  void aRowThatYieldsMoreThanThereIsMemoryForFailsTheViewThatMakesSoMuchOfIt() {
    Dataflow dataflow = withMemory(100);
    dataflow.add(view(1, PER_CUSTOMER));
    dataflow.add(view(2, JOINED));
    dataflow.add(view(3, CUSTOMERS_SCAN));
    dataflow.load(orders(ordersOf(7, 4)));
    for (int i = 0; i < 200; i += 50) {
      String[] piece = Arrays.copyOfRange(ordersOf(8, 200), i, i + 50);
      dataflow.step(orders(piece), _ -> true);
    }
    assertThatThrownBy(() -> dataflow.step(customers("+1 | 8 | ada | 0.5"), _ -> true))
        .isInstanceOfSatisfying(
            StepFailed.class,
            failed -> {
              assertThat(failed.isTooLarge()).isTrue();
              assertThat(failed.views()).containsExactly(2L);
              assertThat(failed).hasMessageContaining("PGTRICKLE_HEAP");
            });
    assertThat(
            Objects.requireNonNull(
                    dataflow.step(customers("+1 | 7 | bob | 0.5"), _ -> true).released().get(2L))
                .size())
        .isEqualTo(4);
    dataflow.drop(2);
    assertThat(dataflow.step(customers("+1 | 8 | ada | 0.5"), _ -> true).released())
        .containsOnlyKeys(3L);
  }

  @Test
  void whatWaitsForItsReleaseAndIsMoreThanThereIsMemoryForIsNotReleased() {
    View lower = view(1, ORDERS_SCAN);
    View upper = view(2, scanOf(lower));
    Dataflow dataflow = withMemory(100);
    dataflow.add(lower);
    dataflow.add(upper);
    dataflow.add(view(3, CUSTOMERS_SCAN));
    for (int customer = 0; customer < 10; customer++) {
      dataflow.load(orders(ordersOf(customer, 50)));
    }
    assertThatThrownBy(() -> dataflow.step(customers("+1 | 8 | ada | 0.5"), _ -> true))
        .isInstanceOfSatisfying(
            StepFailed.class,
            failed -> assertThat(failed.views()).containsExactlyInAnyOrder(1L, 2L));
    assertThat(dataflow.step(customers("+1 | 8 | ada | 0.5"), id -> id == 3).released())
        .containsOnlyKeys(3L);
    assertThat(dataflow.pendingRows(1)).isEqualTo(500);
  }

  @Test
  void whatOneOperatorHasReadMakesRoomForWhatTheNextYields() {
    Dataflow dataflow = withMemory(100);
    Plan plan = ORDERS_SCAN;
    for (int i = 0; i < 20; i++) {
      plan = new Plan.Distinct(plan);
    }
    dataflow.add(view(1, plan));
    assertThat(
            Objects.requireNonNull(
                    dataflow.step(orders(ordersOf(7, 60)), _ -> true).released().get(1L))
                .size())
        .isEqualTo(60);
  }

  @Test
  void aViewOverAViewChangesInTheStepThatReleasesTheOther() {
    View lower = view(1, PER_CUSTOMER);
    Plan over = scanOf(lower);
    View upper =
        view(
            2,
            group(
                over,
                List.of(column(over, 1)),
                aggregate(AggregateCall.Kind.COUNT_ROWS, SqlType.INT8, null)));
    Dataflow dataflow = new Dataflow(Runnable::run);
    dataflow.add(upper);
    dataflow.add(lower);

    StepResult first =
        dataflow.step(
            orders("+1 | 1 | 7 | 1 | a", "+1 | 2 | 7 | 1 | a", "+1 | 3 | 8 | 1 | a"), _ -> true);
    assertThat(first.released().keySet()).containsExactly(1L, 2L);
    assertThat(first.released().get(2L))
        .isEqualTo(zset(upper.plan().schema(), "+1 | 2 | 1", "+1 | 1 | 1"));

    StepResult held = dataflow.step(orders("-1 | 1 | 7 | 1 | a"), id -> id == 2);
    assertThat(held.released()).isEmpty();
    assertThat(dataflow.pendingRows(1)).isEqualTo(2);
    assertThat(dataflow.pendingRows(2)).isZero();

    StepResult later = dataflow.step(Map.of(), _ -> true);
    assertThat(later.released().get(2L))
        .isEqualTo(zset(upper.plan().schema(), "-1 | 2 | 1", "-1 | 1 | 1", "+1 | 1 | 2"));
  }

  @Test
  void aDiamondSeesBothArmsOfOneEpochAtOnce() {
    View left = view(1, project(ORDERS_SCAN, column(ORDERS_SCAN, 0), column(ORDERS_SCAN, 1)));
    View right = view(2, PER_CUSTOMER);
    View top = view(3, join(scanOf(left), scanOf(right), null, 1, 0));
    Dataflow dataflow = new Dataflow(Runnable::run);
    List.of(left, right, top).forEach(dataflow::add);
    dataflow.step(orders("+1 | 1 | 7 | 1 | a"), _ -> true);
    StepResult result = dataflow.step(orders("+1 | 2 | 7 | 1 | a"), _ -> true);
    assertThat(result.released().get(3L))
        .isEqualTo(
            zset(
                top.plan().schema(),
                "-1 | 1 | 7 | 7 | 1",
                "+1 | 1 | 7 | 7 | 2",
                "+1 | 2 | 7 | 7 | 2"));
  }

  @Test
  void viewsThatReadEachOtherAreRefused() {
    Dataflow dataflow = new Dataflow(Runnable::run);
    Plan ofTwo = new Plan.Scan(9002, "public.v2", List.of(), ORDERS);
    Plan ofOne = new Plan.Scan(9001, "public.v1", List.of(), ORDERS);
    dataflow.add(view(1, ofTwo));
    assertThatThrownBy(() -> dataflow.add(view(2, ofOne)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("read itself");
    assertThat(dataflow.views()).hasSize(1);
    assertThatThrownBy(() -> dataflow.add(view(3, new Plan.Scan(9003, "s", List.of(), ORDERS))))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void pendingOutputConsolidates() {
    Dataflow dataflow = new Dataflow(Runnable::run);
    dataflow.add(view(1, ORDERS_SCAN));
    for (int i = 0; i < 30; i++) {
      assertThat(dataflow.step(orders("+1 | " + i + " | 7 | 1 | a"), _ -> false).released())
          .isEmpty();
    }
    for (int i = 1; i < 30; i++) {
      dataflow.step(orders("-1 | " + i + " | 7 | 1 | a"), _ -> false);
    }
    assertThat(dataflow.step(Map.of(), _ -> true).released())
        .isEqualTo(Map.of(1L, zset(ORDERS, "+1 | 0 | 7 | 1 | a")));
    assertThat(dataflow.step(Map.of(), _ -> true).released()).isEmpty();
    assertThat(dataflow.pendingRows(1)).isZero();
  }

  @Test
  void anErrorFreezesTheViewAndItsRetractionHealsIt() {
    Plan plan =
        project(
            ORDERS_SCAN,
            column(ORDERS_SCAN, 0),
            call("int4div", SqlType.INT4, int4(12), column(ORDERS_SCAN, 1)));
    Dataflow dataflow = new Dataflow(Runnable::run);
    dataflow.add(view(1, plan));
    dataflow.add(view(2, ORDERS_SCAN));
    dataflow.step(orders("+1 | 1 | 3 | 1 | a"), _ -> true);

    StepResult broken =
        dataflow.step(orders("+2 | 2 | 0 | 1 | a", "+1 | 3 | 4 | 1 | a"), _ -> true);
    assertThat(broken.released().keySet()).containsExactly(2L);
    assertThat(broken.errors())
        .isEqualTo(Map.of(1L, new ViewErrors(2, "22012", "division by zero")));

    StepResult still = dataflow.step(orders("-1 | 2 | 0 | 1 | a", "-1 | 1 | 3 | 1 | a"), _ -> true);
    assertThat(still.errors()).hasEntrySatisfying(1L, e -> assertThat(e.rows()).isEqualTo(1));
    assertThat(still.released()).doesNotContainKey(1L);
    assertThat(dataflow.step(orders("+1 | 9 | 1 | 1 | a"), _ -> true).errors()).isEmpty();

    StepResult healed = dataflow.step(orders("-1 | 2 | 0 | 1 | a"), _ -> true);
    assertThat(healed.errors()).containsEntry(1L, ViewErrors.NONE);
    assertThat(healed.released().get(1L))
        .isEqualTo(zset(plan.schema(), "-1 | 1 | 4", "+1 | 3 | 3", "+1 | 9 | 12"));
  }

  @Test
  void aSumOutOfRangeIsAnErrorOfItsGroupThatHeals() {
    Schema big = Tables.schema(SqlType.INT4, SqlType.INT8);
    Plan scan = new Plan.Scan(77, "public.big", List.of(), big);
    // sum(int4) as bigint cannot overflow with few rows, so the weights do it.
    Plan plan =
        group(
            project(scan, column(scan, 0)),
            List.of(),
            aggregate(
                AggregateCall.Kind.SUM,
                SqlType.INT8,
                new io.pgtrickle.dvm.expr.Expr.Column(0, SqlType.INT4)));
    Dataflow dataflow = new Dataflow(Runnable::run);
    dataflow.add(view(1, plan));
    dataflow.step(Map.of(77, zset(big, "+1 | 5 | 0")), _ -> true);
    ZSet huge = zset(big, "+" + Long.MAX_VALUE / 4 + " | 2147483647 | 0");
    StepResult broken = dataflow.step(Map.of(77, huge), _ -> true);
    assertThat(broken.errors())
        .hasEntrySatisfying(1L, e -> assertThat(e.sqlState()).isEqualTo("22003"));
    StepResult healed =
        dataflow.step(Map.of(77, huge.negate().plus(zset(big, "+1 | 2 | 0"))), _ -> true);
    assertThat(healed.errors()).containsEntry(1L, ViewErrors.NONE);
    assertThat(healed.released().get(1L)).isEqualTo(zset(plan.schema(), "-1 | 5", "+1 | 7"));
  }

  @Test
  void equalSubplansAreOneOperator() {
    Dataflow dataflow = new Dataflow(Runnable::run);
    dataflow.add(view(1, group(JOINED, List.of(column(JOINED, 5)))));
    int alone = dataflow.stats().operators();
    StateSize before = load(dataflow, 200).stats().total();

    Dataflow both = new Dataflow(Runnable::run);
    both.add(view(1, group(JOINED, List.of(column(JOINED, 5)))));
    both.add(view(2, project(JOINED, column(JOINED, 0), column(JOINED, 4))));
    assertThat(both.stats().operators()).isEqualTo(alone + 1);
    assertThat(load(both, 200).stats().total()).isEqualTo(before);
    assertThat(both.explain(2, ExplainFormat.TEXT, Map.of()))
        .contains("Join")
        .contains("shared with: v1");
    assertThat(both.explain(2, ExplainFormat.JSON, Map.of())).contains("\"shared_with\":[\"v1\"]");
  }

  @Test
  void aGraphForGraphvizHasOneNodePerOperator() {
    Dataflow dataflow = new Dataflow(Runnable::run);
    dataflow.add(view(1, project(JOINED, column(JOINED, 0), column(JOINED, 4))));
    String dot = load(dataflow, 20).explain(1, ExplainFormat.DOT, Map.of());
    assertThat(dot).startsWith("digraph \"v1\" {").endsWith("}\n").contains("\\nlast step: ");
    List<String> declared = nodes(dot.lines().filter(line -> line.contains("[label=")));
    assertThat(declared).hasSizeGreaterThan(3).doesNotHaveDuplicates();
    assertThat(nodes(dot.lines().filter(line -> line.contains(" -> "))))
        .isNotEmpty()
        .isSubsetOf(declared);
  }

  private static List<String> nodes(Stream<String> lines) {
    return lines
        .flatMap(line -> Pattern.compile("^  (n\\d+)|-> (n\\d+)").matcher(line).results())
        .map(found -> found.group(1) == null ? found.group(2) : found.group(1))
        .toList();
  }

  private static Dataflow load(Dataflow dataflow, int rows) {
    ZSet.Builder orders = new ZSet.Builder();
    ZSet.Builder customers = new ZSet.Builder();
    for (int i = 0; i < rows; i++) {
      orders.addAll(zset(ORDERS, "+1 | " + i + " | " + i % 10 + " | 5 | a"));
      customers.addAll(zset(CUSTOMERS, "+1 | " + i + " | north | 0"));
    }
    dataflow.step(Map.of(ORDERS_OID, orders.build(), CUSTOMERS_OID, customers.build()), _ -> true);
    return dataflow;
  }

  @Test
  void droppingAViewFreesWhatOnlyItUsed() {
    Dataflow dataflow = new Dataflow(Runnable::run);
    dataflow.add(view(1, PER_CUSTOMER));
    int alone = dataflow.stats().operators();
    dataflow.add(view(2, new Plan.Distinct(JOINED)));
    load(dataflow, 50);
    dataflow.drop(2);
    assertThat(dataflow.stats().operators()).isEqualTo(alone);
    assertThat(dataflow.stats().views().keySet()).containsExactly(1L);
    assertThat(dataflow.step(customers("-1 | 1 | north | 0"), _ -> true).operators()).isEmpty();
    assertThat(dataflow.step(orders("-1 | 1 | 1 | 5 | a"), _ -> true).released())
        .isEqualTo(Map.of(1L, zset(PER_CUSTOMER.schema(), "-1 | 1 | 5", "+1 | 1 | 4")));
    dataflow.drop(1);
    assertThat(dataflow.stats().operators()).isZero();
  }

  @Test
  void adoptingIsTheSameAsHavingBuiltTogether() {
    List<Plan> plans = Shapes.all().values().stream().map(Shapes::runnable).toList();
    Dataflow together = new Dataflow(Runnable::run);
    Dataflow main = new Dataflow(Runnable::run);
    for (int i = 0; i < plans.size(); i++) {
      together.add(view(i, plans.get(i)));
      if (i % 2 == 0) {
        main.add(view(i, plans.get(i)));
      }
    }
    Script script = new Script(5);
    for (int epoch = 0; epoch < 10; epoch++) {
      Map<Integer, ZSet> deltas = script.next();
      together.step(deltas, _ -> false);
      main.step(deltas, _ -> false);
    }
    Dataflow beside = new Dataflow(Runnable::run);
    for (int i = 1; i < plans.size(); i += 2) {
      beside.add(view(i, plans.get(i)));
    }
    // The pieces of a first copy, then an epoch, then the hand-over.
    script
        .contents()
        .forEach(
            (relation, rows) ->
                rows.forEach(
                    (row, weight) ->
                        beside.load(
                            Map.of(relation, new ZSet.Builder().add(row, weight).build()))));
    Map<Integer, ZSet> replayed = script.next();
    together.step(replayed, _ -> false);
    main.step(replayed, _ -> false);
    beside.step(replayed, _ -> false);
    int apart = main.stats().operators() + beside.stats().operators();
    main.adopt(beside);
    assertThat(beside.views()).isEmpty();
    // What look-ups need beyond the plans depends on what was there when a view was built.
    assertThat(main.stats().operators())
        .isBetween(together.stats().operators(), together.stats().operators() + 5)
        .isLessThan(apart);

    for (int epoch = 0; epoch < 10; epoch++) {
      Map<Integer, ZSet> deltas = script.next();
      StepResult expected = together.step(deltas, _ -> true);
      StepResult actual = main.step(deltas, _ -> true);
      assertThat(actual.released()).as("epoch " + epoch).isEqualTo(expected.released());
      assertThat(actual.errors()).as("epoch " + epoch).isEqualTo(expected.errors());
    }
  }

  @Test
  void anAdoptedViewReadsAViewThatIsThereAlready() {
    View lower = view(1, PER_CUSTOMER);
    Dataflow main = new Dataflow(Runnable::run);
    main.add(lower);
    ZSet shown = main.step(orders("+1 | 1 | 7 | 1 | a"), _ -> true).released().get(1L);

    Dataflow beside = new Dataflow(Runnable::run);
    Plan over = scanOf(lower);
    View upper = view(2, new Plan.Distinct(project(over, column(over, 1))));
    beside.add(upper);
    beside.load(Map.of(lower.relation(), shown));
    main.adopt(beside);

    assertThat(main.step(Map.of(), _ -> true).released())
        .isEqualTo(Map.of(2L, zset(upper.plan().schema(), "+1 | 1")));
    assertThat(main.step(orders("+1 | 2 | 7 | 1 | a"), _ -> true).released().get(2L))
        .isEqualTo(zset(upper.plan().schema(), "-1 | 1", "+1 | 2"));
    assertThatThrownBy(() -> main.step(Map.of(lower.relation(), shown), _ -> true))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aViewThatComesLateMustBeBuiltBeside() {
    Dataflow dataflow = new Dataflow(Runnable::run);
    dataflow.add(view(1, ORDERS_SCAN));
    dataflow.step(orders("+1 | 1 | 7 | 1 | a"), _ -> true);
    assertThatThrownBy(() -> dataflow.add(view(2, ORDERS_SCAN)))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void aFailingStepChangesNothingAndNamesTheViews() {
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
    // Fails above the join, when its arrangements and other views have staged their changes.
    Plan fragile =
        project(
            JOINED, column(JOINED, 5), call("int4pl", SqlType.INT4, column(JOINED, 0), int4(0)));
    Dataflow dataflow =
        new Dataflow(
            Storage.onHeap(Runnable::run),
            new Labels(Server.none(), Storage.onHeap(Runnable::run)),
            failing);
    Dataflow reference = new Dataflow(Runnable::run);
    View upper = view(3, new Plan.Distinct(scanOf(view(1, fragile))));
    for (View view : List.of(view(1, fragile), view(2, PER_CUSTOMER), upper, view(4, JOINED))) {
      dataflow.add(view);
      reference.add(view);
    }
    load(dataflow, 40);
    load(reference, 40);

    Map<Integer, ZSet> poison =
        Map.of(
            ORDERS_OID,
            zset(ORDERS, "+1 | 666 | 3 | 5 | a", "-1 | 4 | 4 | 5 | a"),
            CUSTOMERS_OID,
            zset(CUSTOMERS, "-1 | 3 | north | 0", "+1 | 3 | south | 0"));
    broken[0] = true;
    StateSize size = dataflow.stats().total();
    assertThatThrownBy(() -> dataflow.step(poison, _ -> true))
        .isInstanceOfSatisfying(
            StepFailed.class,
            failed -> assertThat(failed.views()).containsExactlyInAnyOrder(1L, 3L))
        .hasRootCauseMessage("injected");
    assertThat(dataflow.stats().total()).isEqualTo(size);

    // The host drops what failed and runs the same step again; the others lose nothing.
    dataflow.drop(1);
    dataflow.drop(3);
    reference.drop(1);
    reference.drop(3);
    assertThat(dataflow.step(poison, _ -> true).released())
        .isEqualTo(reference.step(poison, _ -> true).released());
    Map<Integer, ZSet> next = orders("-1 | 666 | 3 | 5 | a");
    assertThat(dataflow.step(next, _ -> true).released())
        .isEqualTo(reference.step(next, _ -> true).released());
  }

  @Test
  void deletingARowThatIsNotThereIsDamage() {
    for (Plan plan : List.of(JOINED, new Plan.Distinct(ORDERS_SCAN), PER_CUSTOMER)) {
      Dataflow dataflow = new Dataflow(Runnable::run);
      dataflow.add(view(1, plan));
      dataflow.step(orders("+1 | 1 | 7 | 1 | a"), _ -> true);
      assertThatThrownBy(() -> dataflow.step(orders("-1 | 1 | 8 | 1 | a"), _ -> true))
          .as(plan.toString())
          .isInstanceOf(StepFailed.class)
          .hasCauseInstanceOf(StateDamaged.class);
      assertThat(dataflow.step(orders("-1 | 1 | 7 | 1 | a"), _ -> true).errors()).isEmpty();
    }
  }

  @Test
  void workIsProportionalToTheChangeAndIdleViewsCostNothing() {
    Dataflow dataflow = new Dataflow(Runnable::run);
    dataflow.add(view(1, JOINED));
    dataflow.add(
        view(
            2,
            group(
                JOINED,
                List.of(column(JOINED, 5)),
                aggregate(AggregateCall.Kind.MAX, SqlType.INT4, column(JOINED, 0)))));
    for (int i = 3; i < 300; i++) {
      dataflow.add(
          view(i, group(new Plan.Scan(20_000 + i, "t" + i, List.of(), ORDERS), List.of())));
    }
    load(dataflow, 2000);
    StepResult result = dataflow.step(orders("+1 | 5000 | 3 | 5 | a"), _ -> true);
    long touched = result.operators().stream().mapToLong(c -> c.rowsIn() + c.rowsOut()).sum();
    assertThat(touched).isLessThan(30);
    assertThat(result.operators()).hasSizeLessThan(12);
    // The customer has 200 orders: the output is the work.
    StepResult fanned =
        dataflow.step(customers("-1 | 3 | north | 0", "+1 | 3 | south | 0"), _ -> true);
    assertThat(fanned.released())
        .hasEntrySatisfying(1L, delta -> assertThat(delta.size()).isEqualTo(402));
    assertThat(fanned.operators().stream().mapToLong(OperatorCount::rowsIn).max().orElse(0))
        .isLessThan(900);
  }

  @Test
  void aGlobalAggregateHasItsRowBeforeAnyInput() {
    Plan plan =
        group(
            ORDERS_SCAN,
            List.of(),
            aggregate(AggregateCall.Kind.COUNT_ROWS, SqlType.INT8, null),
            aggregate(AggregateCall.Kind.SUM, SqlType.NUMERIC, column(ORDERS_SCAN, 2)));
    Dataflow dataflow = new Dataflow(Runnable::run);
    dataflow.add(view(1, plan));
    assertThat(dataflow.step(Map.of(), _ -> true).released())
        .isEqualTo(Map.of(1L, zset(plan.schema(), "+1 | 0 | NULL")));
    assertThat(dataflow.step(orders("+1 | 1 | 7 | 1.50 | a"), _ -> true).released().get(1L))
        .isEqualTo(zset(plan.schema(), "-1 | 0 | NULL", "+1 | 1 | 1.50"));
    assertThat(dataflow.step(orders("-1 | 1 | 7 | 1.50 | a"), _ -> true).released().get(1L))
        .isEqualTo(zset(plan.schema(), "+1 | 0 | NULL", "-1 | 1 | 1.50"));
  }

  /// Arrangements of the same rows by the same key have names of columns that nobody reads.
  @Test
  void namesOfColumnsDoNotKeepViewsApart() {
    Plan amounts =
        Shapes.filter(ORDERS_SCAN, new Expr.Not(new Expr.IsNull(column(ORDERS_SCAN, 2))));
    Plan greatest =
        group(
            ORDERS_SCAN,
            List.of(),
            aggregate(AggregateCall.Kind.MAX, SqlType.NUMERIC, column(ORDERS_SCAN, 2)));
    Plan each =
        group(
            amounts,
            List.of(column(ORDERS_SCAN, 2)),
            aggregate(AggregateCall.Kind.COUNT_ROWS, SqlType.INT8, null));
    Dataflow dataflow = new Dataflow(Runnable::run);
    dataflow.add(view(1, Rewrites.apply(greatest)));
    ZSet first = zset(ORDERS, "+1 | 1 | 1 | 5 | a");
    dataflow.step(Map.of(ORDERS_OID, first), _ -> true);
    Dataflow build = new Dataflow(Runnable::run);
    build.add(view(2, Rewrites.apply(each)));
    build.load(Map.of(ORDERS_OID, first));
    build.step(Map.of(), _ -> true);
    dataflow.adopt(build);
    StepResult result =
        dataflow.step(Map.of(ORDERS_OID, zset(ORDERS, "+1 | 2 | 1 | 5 | a")), _ -> true);
    assertThat(result.released()).containsOnlyKeys(2L);
  }
}
