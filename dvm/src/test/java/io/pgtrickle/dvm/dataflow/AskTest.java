package io.pgtrickle.dvm.dataflow;

import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_OID;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.call;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.int4;
import static io.pgtrickle.dvm.dataflow.Shapes.project;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.dvm.TrickleException.AnswersUnavailable;
import io.pgtrickle.dvm.TrickleException.StorageUnavailable;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.SetCall;
import io.pgtrickle.dvm.server.Answer;
import io.pgtrickle.dvm.server.Inquiry;
import io.pgtrickle.dvm.server.Server;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The server of these tests shouts: it answers a text with the text in capitals and an exclamation
/// mark, NULL with NULL, and raises an error for `bad`.
final class AskTest {
  private static final Inquiry SHOUT =
      new Inquiry(
          Inquiry.Form.VALUE,
          "shout(a.p1)",
          List.of(SqlType.TEXT),
          Schema.of(new Column("value", SqlType.TEXT)),
          new Inquiry.Context("ada", Map.of(), Map.of()));
  private static final Expr NOTE = column(ORDERS_SCAN, 3);

  private static final class Shouting implements Server {
    private final List<List<String>> asked = new ArrayList<>();
    private @Nullable RuntimeException away;

    @Override
    public List<Answer> ask(Inquiry inquiry, List<Row> arguments) {
      if (away != null) {
        throw away;
      }
      asked.add(arguments.stream().map(row -> inquiry.arguments().toText(row)).toList());
      return arguments.stream().map(row -> answer(inquiry, row)).toList();
    }

    private static Answer answer(Inquiry inquiry, Row arguments) {
      Object text = inquiry.arguments().value(arguments, 0);
      if ("bad".equals(text)) {
        return new Answer.Failed("P0001", "no shouting");
      }
      String answer =
          text == null ? null : ((String) text).toUpperCase(java.util.Locale.ROOT) + "!";
      return new Answer.Rows(List.of(inquiry.answer().pack(answer)));
    }
  }

  private final Shouting server = new Shouting();
  private final Dataflow dataflow = new Dataflow(Storage.onHeap(Runnable::run), server);

  private String step(Plan plan, String... orders) {
    ZSet delta =
        dataflow
            .step(Map.of(ORDERS_OID, Tables.zset(ORDERS, orders)), _ -> true)
            .released()
            .getOrDefault(1L, ZSet.EMPTY);
    ViewErrors errors = dataflow.errors(1);
    return errors.healed()
        ? Tables.text(plan.schema(), delta)
        : "ERROR " + errors.sqlState() + " " + errors.message();
  }

  private Plan view(Plan plan) {
    dataflow.add(new View(1, 5001, "view", plan, Shapes.SETTINGS));
    return plan;
  }

  private static Plan shouting(Expr argument) {
    return new Plan.Ask(ORDERS_SCAN, List.of(new Plan.Asked(SHOUT, List.of(argument))));
  }

  private static Expr shouted() {
    return Plan.Ask.answer(ORDERS, 0, SqlType.TEXT);
  }

  @Test
  void rowsAreAnsweredAndRetracted() {
    Plan plan = view(project(shouting(NOTE), column(ORDERS_SCAN, 0), shouted()));
    assertThat(step(plan, "+1 | 1 | 1 | 1 | ho", "+1 | 2 | 1 | 1 | NULL"))
        .isEqualTo("+1 | 1 | HO!\n+1 | 2 | NULL");
    assertThat(step(plan, "-1 | 1 | 1 | 1 | ho")).isEqualTo("-1 | 1 | HO!");
  }

  @Test
  void equalArgumentsAreAskedAboutOnceInAStep() {
    Plan plan = view(project(shouting(NOTE), column(ORDERS_SCAN, 0), shouted()));
    step(plan, "+1 | 1 | 1 | 1 | a", "+1 | 2 | 1 | 1 | b", "+1 | 3 | 1 | 1 | a");
    assertThat(server.asked).hasSize(1);
    assertThat(server.asked.getFirst()).containsExactlyInAnyOrder("a", "b");
  }

  @Test
  void plainTextsAreReadAndOnlyOthersAreAskedAbout() {
    Inquiry dated =
        new Inquiry(
            Inquiry.Form.VALUE,
            "a.p1::date",
            List.of(SqlType.TEXT),
            Schema.of(new Column("value", SqlType.DATE)),
            SHOUT.context());
    List<String> asked = new ArrayList<>();
    Server dates =
        (inquiry, arguments) -> {
          arguments.forEach(row -> asked.add(inquiry.arguments().toText(row)));
          return arguments.stream()
              .<Answer>map(_ -> new Answer.Rows(List.of(inquiry.answer().pack(0L))))
              .toList();
        };
    Plan ask =
        new Plan.Ask(ORDERS_SCAN, List.of(new Plan.Asked(dated, List.of(NOTE), SqlType.DATE)));
    Dataflow reading = new Dataflow(Storage.onHeap(Runnable::run), dates);
    Plan plan = project(ask, column(ORDERS_SCAN, 0), Plan.Ask.answer(ORDERS, 0, SqlType.DATE));
    reading.add(new View(1, 5001, "view", plan, Shapes.SETTINGS));
    ZSet rows =
        Tables.zset(
            ORDERS,
            "+1 | 1 | 1 | 1 | 2024-02-29",
            "+1 | 2 | 1 | 1 | the third of May",
            "+1 | 3 | 1 | 1 | 2/29/24",
            "+1 | 4 | 1 | 1 | NULL");
    StepResult result = reading.step(Map.of(ORDERS_OID, rows), _ -> true);
    assertThat(asked).containsExactly("the third of May");
    assertThat(Tables.text(plan.schema(), result.released().getOrDefault(1L, ZSet.EMPTY)))
        .isEqualTo("+1 | 1 | 2024-02-29\n+1 | 2 | 2000-01-01\n+1 | 3 | 2024-02-29\n+1 | 4 | NULL");
    ZSet impossible = Tables.zset(ORDERS, "+1 | 5 | 1 | 1 | 2024-02-30");
    reading.step(Map.of(ORDERS_OID, impossible), _ -> true);
    assertThat(asked).hasSize(1);
    assertThat(reading.errors(1).sqlState()).isEqualTo("22008");
    assertThat(reading.errors(1).message())
        .isEqualTo("date/time field value out of range: \"2024-02-30\"");
  }

  @Test
  void argumentsAreToldApartAsTheyDisplay() {
    Inquiry written =
        new Inquiry(
            Inquiry.Form.VALUE,
            "written(a.p1)",
            List.of(SqlType.NUMERIC),
            Schema.of(new Column("value", SqlType.TEXT)),
            SHOUT.context());
    Server text =
        (inquiry, arguments) ->
            arguments.stream()
                .<Answer>map(
                    row ->
                        new Answer.Rows(
                            List.of(inquiry.answer().pack(inquiry.arguments().toText(row)))))
                .toList();
    Plan ask =
        new Plan.Ask(
            ORDERS_SCAN, List.of(new Plan.Asked(written, List.of(column(ORDERS_SCAN, 2)))));
    Dataflow exact = new Dataflow(Storage.onHeap(Runnable::run), text);
    Plan plan = project(ask, shouted());
    exact.add(new View(1, 5001, "view", plan, Shapes.SETTINGS));
    ZSet rows = Tables.zset(ORDERS, "+1 | 1 | 1 | 1.0 | a", "+1 | 2 | 1 | 1.00 | a");
    StepResult result = exact.step(Map.of(ORDERS_OID, rows), _ -> true);
    ZSet output = result.released().getOrDefault(1L, ZSet.EMPTY);
    assertThat(Tables.text(plan.schema(), output)).isEqualTo("+1 | 1.0\n+1 | 1.00");
  }

  @Test
  void anErrorOfTheServerIsOneOfTheRowAndHeals() {
    Plan plan = view(project(shouting(NOTE), shouted()));
    assertThat(step(plan, "+1 | 1 | 1 | 1 | bad", "+1 | 2 | 1 | 1 | a"))
        .isEqualTo("ERROR P0001 no shouting");
    assertThat(step(plan, "-1 | 1 | 1 | 1 | bad")).isEqualTo("+1 | A!");
  }

  @Test
  void anErrorThatIsNotAskedForIsNone() {
    Expr harmless =
        new Expr.Case(
            List.of(
                new Expr.When(
                    call("int4eq", SqlType.BOOL, column(ORDERS_SCAN, 0), int4(1)),
                    new Expr.Literal("hm", SqlType.TEXT))),
            shouted(),
            SqlType.TEXT);
    Plan plan = view(project(shouting(NOTE), harmless));
    assertThat(step(plan, "+1 | 1 | 1 | 1 | bad", "+1 | 2 | 1 | 1 | a"))
        .isEqualTo("+1 | A!\n+1 | hm");
  }

  @Test
  void anErrorOfAnArgumentIsOneOfTheAnswer() {
    Expr quotient = call("int4div", SqlType.INT4, int4(1), column(ORDERS_SCAN, 1));
    Expr text =
        new Expr.Case(
            List.of(new Expr.When(call("int4eq", SqlType.BOOL, quotient, int4(7)), NOTE)),
            NOTE,
            SqlType.TEXT);
    Plan plan = view(project(shouting(text), shouted()));
    assertThat(step(plan, "+1 | 1 | 0 | 1 | a")).startsWith("ERROR 22012");
    assertThat(server.asked).isEmpty();
    assertThat(step(plan, "-1 | 1 | 0 | 1 | a", "+1 | 1 | 1 | 1 | a")).isEqualTo("+1 | A!");
  }

  @Test
  void anAnswerIsAnArgumentOfTheNextInquiry() {
    Plan.Ask once = (Plan.Ask) shouting(NOTE);
    Plan twice =
        new Plan.Ask(
            ORDERS_SCAN,
            List.of(once.inquiries().getFirst(), new Plan.Asked(SHOUT, List.of(shouted()))));
    Plan plan = view(project(twice, Plan.Ask.answer(ORDERS, 1, SqlType.TEXT)));
    assertThat(step(plan, "+1 | 1 | 1 | 1 | a")).isEqualTo("+1 | A!!");
    assertThat(step(plan, "+1 | 2 | 1 | 1 | bad")).isEqualTo("ERROR P0001 no shouting");
  }

  static Stream<RuntimeException> reasons() {
    return Stream.of(
        new AnswersUnavailable("08006", "gone", null),
        new StorageUnavailable("no space left", null));
  }

  @ParameterizedTest
  @MethodSource("reasons")
  void aStepThatCannotAskLeavesEverythingAsItWasAndCanBeRunAgain(RuntimeException reason) {
    Plan asked = project(shouting(NOTE), column(ORDERS_SCAN, 1), shouted());
    Plan plan = view(new Plan.Distinct(asked));
    step(plan, "+1 | 1 | 1 | 1 | a");
    server.away = reason;
    assertThatThrownBy(() -> step(plan, "-1 | 1 | 1 | 1 | a", "+1 | 2 | 2 | 1 | b"))
        .isSameAs(reason);
    server.away = null;
    assertThat(step(plan, "-1 | 1 | 1 | 1 | a", "+1 | 2 | 2 | 1 | b"))
        .isEqualTo("-1 | 1 | A!\n+1 | 2 | B!");
  }

  // ---- rows
  // ----------------------------------------------------------------------------------------

  private static final Inquiry LETTERS =
      new Inquiry(
          Inquiry.Form.ROWS,
          "letters(a.p1)",
          List.of(SqlType.TEXT),
          Schema.of(new Column("letter", SqlType.TEXT), new Column("n", SqlType.INT8)),
          SHOUT.context());

  /// A row for every letter, with its number; an error for `bad`.
  private static Answer letters(Inquiry inquiry, Row arguments) {
    Object text = inquiry.arguments().value(arguments, 0);
    if ("bad".equals(text)) {
      return new Answer.Failed("P0001", "no letters");
    }
    List<Row> rows = new ArrayList<>();
    for (char letter : text == null ? new char[0] : ((String) text).toCharArray()) {
      rows.add(inquiry.answer().pack(String.valueOf(letter), rows.size() + 1L));
    }
    return new Answer.Rows(rows);
  }

  private static Plan spelled(boolean kept, @Nullable Expr condition) {
    SetCall call =
        new SetCall(
            new Expr.Call(
                new Signature(7, "public", "letters", List.of(25), 25, true, 'i'),
                List.of(NOTE),
                SqlType.TEXT,
                0),
            true,
            List.of(LETTERS.answer().column(0)));
    Plan.Unfold rows = new Plan.Unfold(ORDERS_SCAN, List.of(call), true);
    Plan.Unfold asked =
        new Plan.Unfold(
            ORDERS_SCAN,
            rows.calls(),
            true,
            kept,
            condition,
            new Plan.AskedRows(LETTERS, List.of(NOTE)),
            rows.schema());
    return project(asked, column(asked, 0), column(asked, 4), column(asked, 5));
  }

  private String spell(Dataflow spelling, Plan plan, String... orders) {
    ZSet delta =
        spelling
            .step(Map.of(ORDERS_OID, Tables.zset(ORDERS, orders)), _ -> true)
            .released()
            .getOrDefault(1L, ZSet.EMPTY);
    ViewErrors errors = spelling.errors(1);
    return errors.healed()
        ? Tables.text(plan.schema(), delta)
        : "ERROR " + errors.sqlState() + " " + errors.message();
  }

  private static Dataflow spelling(Plan plan) {
    Dataflow dataflow =
        new Dataflow(
            Storage.onHeap(Runnable::run),
            (inquiry, arguments) -> arguments.stream().map(row -> letters(inquiry, row)).toList());
    dataflow.add(new View(1, 5001, "view", plan, Shapes.SETTINGS));
    return dataflow;
  }

  @Test
  void rowsOfFunctionsComeAndGoWithTheirRow() {
    Plan plan = spelled(false, null);
    Dataflow spelling = spelling(plan);
    assertThat(spell(spelling, plan, "+2 | 1 | 1 | 1 | ab", "+1 | 2 | 1 | 1 | NULL"))
        .isEqualTo("+2 | 1 | a | 1\n+2 | 1 | b | 2");
    assertThat(spell(spelling, plan, "-1 | 1 | 1 | 1 | ab", "+1 | 1 | 1 | 1 | ac"))
        .isEqualTo("-1 | 1 | b | 2\n+1 | 1 | c | 2");
  }

  @Test
  void aRowWithoutPartnersIsKept() {
    Plan plan =
        spelled(true, call("int8gt", SqlType.BOOL, new Expr.Column(5, SqlType.INT8), int8(1)));
    Dataflow spelling = spelling(plan);
    assertThat(
            spell(
                spelling,
                plan,
                "+1 | 1 | 1 | 1 | ab",
                "+1 | 2 | 1 | 1 | a",
                "+1 | 3 | 1 | 1 | NULL"))
        .isEqualTo("+1 | 1 | b | 2\n+1 | 2 | NULL | NULL\n+1 | 3 | NULL | NULL");
    assertThat(spell(spelling, plan, "-1 | 2 | 1 | 1 | a")).isEqualTo("-1 | 2 | NULL | NULL");
  }

  @Test
  void anErrorOfAFunctionIsOneOfItsRow() {
    Plan plan = spelled(false, null);
    Dataflow spelling = spelling(plan);
    assertThat(spell(spelling, plan, "+1 | 1 | 1 | 1 | bad", "+1 | 2 | 1 | 1 | a"))
        .isEqualTo("ERROR P0001 no letters");
    assertThat(spell(spelling, plan, "-1 | 1 | 1 | 1 | bad")).isEqualTo("+1 | 2 | a | 1");
  }

  private static Expr int8(long value) {
    return new Expr.Literal(value, SqlType.INT8);
  }
}
