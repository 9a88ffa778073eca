package io.pgtrickle.dvm.dataflow;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.rewrite.OrderLabels;
import io.pgtrickle.dvm.plan.rewrite.Orderings;
import io.pgtrickle.dvm.server.Answer;
import io.pgtrickle.dvm.server.Inquiry;
import io.pgtrickle.dvm.server.Server;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.type.TypeOrder;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Every operator with text and numbers of which only the server knows the order, against
/// recomputation that knows it.
final class OrderLabelsTest {
  private static final int EPOCHS = 25;
  private static final Schema ANSWER = Schema.of(new Column("value", SqlType.LABELED));

  /// Has values of some types labelled.
  private record Labeling(Set<TypeKind> kinds) implements Orderings {
    @Override
    public Optional<Inquiry> order(SqlType type) {
      return kinds.contains(type.kind())
          ? Optional.of(
              new Inquiry(
                  Inquiry.Form.LABEL,
                  Inquiry.parameter(0),
                  List.of(SqlType.of(type.oid())),
                  ANSWER,
                  new Inquiry.Context("ada", Map.of(), Map.of())))
          : Optional.empty();
    }

    @Override
    public Optional<Inquiry> equality(SqlType type) {
      return order(type);
    }
  }

  /// Ranks values by the order that the engine has for them.
  private static final class Ranks implements Server {
    @Override
    public List<Answer> ask(Inquiry inquiry, List<Row> arguments) {
      assertThat(inquiry.form()).isEqualTo(Inquiry.Form.RANK);
      SqlType type = inquiry.parameters().getFirst();
      TreeSet<Object> distinct = new TreeSet<>((l, r) -> TypeOrder.compare(type, l, r));
      List<Object> values =
          arguments.stream().map(row -> inquiry.arguments().values(row)[0]).toList();
      distinct.addAll(values);
      return values.stream()
          .map(value -> (long) distinct.headSet(value, true).size())
          .<Answer>map(rank -> new Answer.Rows(List.of(inquiry.answer().pack(rank))))
          .toList();
    }
  }

  private static Dataflow dataflow() {
    Storage storage = Storage.onHeap(Runnable::run);
    return new Dataflow(storage, new Labels(new Ranks(), storage));
  }

  static Stream<Arguments> shapes() {
    return Shapes.all().entrySet().stream()
        .filter(e -> asks(labeled(e.getKey(), e.getValue())))
        .map(e -> Arguments.of(e.getKey(), e.getValue(), labeled(e.getKey(), e.getValue())));
  }

  // Numerics may be equal and display differently. Where they are added up they are numbers, which
  // nothing that is labelled ever is.
  private static Plan labeled(String name, Plan plan) {
    boolean addsUp = name.startsWith("all aggregates") || name.contains("RANGE of numerics");
    Set<TypeKind> kinds =
        addsUp
            ? Set.of(TypeKind.TEXT, TypeKind.BPCHAR)
            : Set.of(TypeKind.TEXT, TypeKind.BPCHAR, TypeKind.NUMERIC);
    return OrderLabels.rewrite(Shapes.runnable(plan), new Labeling(kinds));
  }

  private static boolean asks(Plan plan) {
    return plan instanceof Plan.Ask || plan.inputs().stream().anyMatch(OrderLabelsTest::asks);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("shapes")
  void labelsMakeNoDifference(String name, Plan plan, Plan labeled) {
    assertThat(labeled.schema()).isEqualTo(plan.schema());
    Dataflow dataflow = dataflow();
    dataflow.add(new View(1, 5001, name, labeled, Shapes.SETTINGS));
    Script script = new Script(7);
    ZSet shown = ZSet.EMPTY;
    for (int epoch = 1; epoch <= EPOCHS; epoch++) {
      StepResult result = dataflow.step(script.next(), _ -> true);
      shown = shown.plus(result.released().getOrDefault(1L, ZSet.EMPTY));
      Naive naive = new Naive(script.contents(), Shapes.SETTINGS);
      ZSet expected = naive.evaluate(plan);
      assertThat(dataflow.errors(1).healed())
          .as("epoch %d", epoch)
          .isEqualTo(naive.failures().isEmpty());
      if (naive.failures().isEmpty()) {
        assertThat(Tables.text(plan.schema(), shown))
            .as("epoch %d", epoch)
            .isEqualTo(Tables.text(plan.schema(), expected));
      }
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("shapes")
  void takingEveryRowAwayLeavesTheQueryOverNothing(String name, Plan plan, Plan labeled) {
    Dataflow dataflow = dataflow();
    dataflow.add(new View(1, 5001, name, labeled, Shapes.SETTINGS));
    Script script = new Script(98);
    ZSet shown = ZSet.EMPTY;
    for (int epoch = 0; epoch < 10; epoch++) {
      shown =
          shown.plus(
              dataflow.step(script.next(), _ -> true).released().getOrDefault(1L, ZSet.EMPTY));
    }
    Map<Integer, ZSet> rest = new HashMap<>();
    script.contents().forEach((relation, rows) -> rest.put(relation, rows.negate()));
    shown = shown.plus(dataflow.step(rest, _ -> true).released().getOrDefault(1L, ZSet.EMPTY));
    assertThat(Tables.text(plan.schema(), shown))
        .isEqualTo(Tables.text(plan.schema(), new Naive(Map.of(), Shapes.SETTINGS).evaluate(plan)));
  }
}
