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
import io.pgtrickle.dvm.server.Answer;
import io.pgtrickle.dvm.server.Inquiry;
import io.pgtrickle.dvm.server.Server;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class PointLookupTest {
  static Stream<Arguments> shapes() {
    return Shapes.all().entrySet().stream().map(e -> Arguments.of(e.getKey(), e.getValue()));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("shapes")
  void theRecomputedWeightIsTheTrueOne(String name, Plan plan) {
    // The tables are small enough for every row of a joining view to be judged.
    boolean judged = Shapes.runnable(plan).joins() && !RecursionShapes.all().containsKey(name);
    for (long seed = 1; seed <= 3; seed++) {
      Dataflow dataflow = new Dataflow(Runnable::run);
      dataflow.add(new View(1, 5001, name, Shapes.runnable(plan), Shapes.SETTINGS));
      Script script = new Script(seed);
      Set<Row> everSeen = new TreeSet<>();
      for (int epoch = 1; epoch <= 15; epoch++) {
        dataflow.step(script.next(), _ -> true);
        ZSet expected = new Naive(script.contents(), Shapes.SETTINGS).evaluate(plan);
        expected.forEach((row, _) -> everSeen.add(row));
        if (!dataflow.errors(1).healed()) {
          // A table is not written while its query fails.
          continue;
        }
        for (Row row : everSeen) {
          OptionalLong weight = dataflow.weight(1, row);
          String where = "seed " + seed + ", epoch " + epoch + ", " + plan.schema().toText(row);
          if (judged) {
            assertThat(weight).as(where).isPresent();
          }
          if (weight.isPresent()) {
            assertThat(weight.getAsLong()).as(where).isEqualTo(expected.weightOf(row));
          }
        }
      }
    }
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

  private static Dataflow of(Plan plan, Server server, String... orders) {
    Dataflow dataflow = new Dataflow(Storage.onHeap(Runnable::run), server);
    dataflow.add(new View(1, 5001, "v", plan, Shapes.SETTINGS));
    dataflow.step(
        Map.of(
            ORDERS_OID, zset(ORDERS, orders),
            CUSTOMERS_OID, zset(CUSTOMERS, "+1 | 1 | north | 0", "+1 | 2 | south | 0")),
        _ -> true);
    return dataflow;
  }

  @Test
  void aRowThatShowsNoKeyIsFoundByWhatItShowsOfOneSide() {
    Plan joined = join(ORDERS_SCAN, CUSTOMERS_SCAN, null, 1, 0);
    Plan plan = project(joined, column(joined, 2), column(joined, 5));
    Dataflow dataflow =
        of(
            plan,
            Server.none(),
            "+1 | 7 | 1 | 5.0 | a",
            "+1 | 8 | 1 | 5.0 | b",
            "+1 | 9 | 2 | 5 | c",
            "+1 | 10 | 2 | NULL | d");
    assertThat(dataflow.weight(1, row(plan.schema(), "5.0 | north"))).hasValue(2);
    assertThat(dataflow.weight(1, row(plan.schema(), "5 | north"))).hasValue(0);
    assertThat(dataflow.weight(1, row(plan.schema(), "5 | south"))).hasValue(1);
    assertThat(dataflow.weight(1, row(plan.schema(), "6 | south"))).hasValue(0);
    assertThat(dataflow.weight(1, row(plan.schema(), "NULL | south"))).hasValue(1);
    assertThat(dataflow.weight(1, row(plan.schema(), "NULL | north"))).hasValue(0);
  }

  // One row in each of more orders and customers than are looked at without a key, and some beside.
  private static Dataflow fullyJoined(Plan plan, String... orders) {
    Dataflow dataflow = new Dataflow(Runnable::run);
    dataflow.add(new View(1, 5001, "v", plan, Shapes.SETTINGS));
    ZSet.Builder many = new ZSet.Builder();
    ZSet.Builder others = new ZSet.Builder();
    for (int i = 0; i < 1_500; i++) {
      many.addAll(zset(ORDERS, "+1 | " + (100 + i) + " | " + (5_000 + i) + " | " + i + " | a" + i));
      others.addAll(zset(CUSTOMERS, "+1 | " + (100 + i) + " | r" + i + " | 0"));
    }
    many.addAll(zset(ORDERS, orders));
    others.addAll(
        zset(CUSTOMERS, "+1 | 1 | north | 0", "+1 | 2 | south | 0", "+1 | 3 | south | 1"));
    dataflow.step(Map.of(ORDERS_OID, many.build(), CUSTOMERS_OID, others.build()), _ -> true);
    return dataflow;
  }

  @Test
  void aRowThatAnOuterJoinKeepsIsFoundByWhatItShows() {
    Plan joined = Shapes.outerJoin(ORDERS_SCAN, CUSTOMERS_SCAN, Plan.Kept.BOTH, null, 1, 0);
    Plan plan = project(joined, column(joined, 3), column(joined, 5));
    Dataflow dataflow =
        fullyJoined(plan, "+1 | 7 | 1 | 5 | x", "+1 | 8 | 77 | 5 | x", "+1 | 9 | NULL | 5 | x");
    assertThat(dataflow.weight(1, row(plan.schema(), "x | north"))).hasValue(1);
    assertThat(dataflow.weight(1, row(plan.schema(), "x | NULL"))).hasValue(2);
    assertThat(dataflow.weight(1, row(plan.schema(), "y | NULL"))).hasValue(0);
    assertThat(dataflow.weight(1, row(plan.schema(), "NULL | south"))).hasValue(2);
    assertThat(dataflow.weight(1, row(plan.schema(), "NULL | north"))).hasValue(0);
    assertThat(dataflow.weight(1, row(plan.schema(), "NULL | r7"))).hasValue(1);
  }

  @Test
  void aSideOfWhichNothingIsShownIsLookedAtWholeIfItIsSmall() {
    Plan joined = Shapes.outerJoin(ORDERS_SCAN, CUSTOMERS_SCAN, Plan.Kept.BOTH, null, 1, 0);
    Plan plan = project(joined, column(joined, 3));
    String[] orders = {"+1 | 7 | 1 | 5 | x", "+1 | 8 | 77 | 5 | y", "+1 | 9 | 3 | 5 | NULL"};
    Dataflow large = fullyJoined(plan, orders);
    assertThat(large.weight(1, row(plan.schema(), "x"))).hasValue(1);
    assertThat(large.weight(1, row(plan.schema(), "NULL"))).isEmpty();
    Dataflow small = of(plan, Server.none(), orders);
    assertThat(small.weight(1, row(plan.schema(), "x"))).hasValue(1);
    // An order without a note and a customer without an order.
    assertThat(small.weight(1, row(plan.schema(), "NULL"))).hasValue(2);
  }

  @Test
  void moreRowsThanAStepAllowsAreNotLookedAt() {
    Plan joined = join(ORDERS_SCAN, CUSTOMERS_SCAN, null, 1, 0);
    Plan plan = project(joined, column(joined, 3), column(joined, 5));
    String[] orders = new String[4_000];
    for (int i = 0; i < orders.length; i++) {
      orders[i] = "+1 | " + i + " | 1 | 5 | same";
    }
    Dataflow dataflow = of(plan, Server.none(), orders);
    Row same = row(plan.schema(), "same | north");
    assertThat(dataflow.weight(1, same)).hasValue(4_000);
    int answered = 1;
    while (dataflow.weight(1, same).isPresent()) {
      answered++;
    }
    assertThat(answered).isBetween(5, 30);
    dataflow.step(Map.of(), _ -> true);
    assertThat(dataflow.weight(1, same)).hasValue(4_000);
  }

  @Test
  void anAnswerThatIsStillKnownIsTakenForGiven() {
    Inquiry shout =
        new Inquiry(
            Inquiry.Form.VALUE,
            "shout(a.p1)",
            List.of(SqlType.TEXT),
            Schema.of(new Column("value", SqlType.TEXT)),
            new Inquiry.Context("ada", Map.of(), Map.of()));
    Set<Object> forgotten = new HashSet<>();
    Server shouting =
        new Server() {
          @Override
          public List<Answer> ask(Inquiry inquiry, List<Row> arguments) {
            return arguments.stream().map(row -> answer(inquiry, row)).toList();
          }

          @Override
          public Optional<Answer> recall(Inquiry inquiry, Row arguments) {
            return forgotten.contains(inquiry.arguments().value(arguments, 0))
                ? Optional.empty()
                : Optional.of(answer(inquiry, arguments));
          }

          private Answer answer(Inquiry inquiry, Row row) {
            return new Answer.Rows(
                List.of(inquiry.answer().pack(inquiry.arguments().value(row, 0) + "!")));
          }
        };
    Plan joined = join(ORDERS_SCAN, CUSTOMERS_SCAN, null, 1, 0);
    Plan ask = new Plan.Ask(joined, List.of(new Plan.Asked(shout, List.of(column(joined, 3)))));
    Plan plan =
        project(
            ask, column(ask, 0), column(ask, 5), Plan.Ask.answer(joined.schema(), 0, SqlType.TEXT));
    Dataflow dataflow = of(plan, shouting, "+1 | 7 | 1 | 5 | a", "+1 | 8 | 2 | 5 | b");
    assertThat(dataflow.weight(1, row(plan.schema(), "7 | north | a!"))).hasValue(1);
    assertThat(dataflow.weight(1, row(plan.schema(), "7 | north | b!"))).hasValue(0);
    forgotten.add("a");
    assertThat(dataflow.weight(1, row(plan.schema(), "7 | north | a!"))).isEmpty();
    assertThat(dataflow.weight(1, row(plan.schema(), "8 | south | b!"))).hasValue(1);
  }
}
