package io.pgtrickle.dvm.dataflow;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.rewrite.OrderLabels;
import io.pgtrickle.dvm.plan.rewrite.Orderings;
import io.pgtrickle.dvm.server.Answer;
import io.pgtrickle.dvm.server.Inquiry;
import io.pgtrickle.dvm.server.Server;
import io.pgtrickle.dvm.state.OrderedDictionary;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.Labeled;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.type.TypeOrder;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.ArrayList;
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

  /// Labels values by the order that the engine has for them.
  private static final class Labels implements Server {
    private final Map<Inquiry, OrderedDictionary> dictionaries = new HashMap<>();

    @Override
    public List<Answer> ask(Inquiry inquiry, List<Row> arguments) {
      SqlType type = inquiry.parameters().getFirst();
      OrderedDictionary dictionary =
          dictionaries.computeIfAbsent(
              inquiry, _ -> new OrderedDictionary(Storage.onHeap(Runnable::run)));
      List<Bytes> values = new ArrayList<>();
      for (Row row : arguments) {
        Object value = inquiry.arguments().value(row, 0);
        if (value != null) {
          values.add(Labeled.payload(type, value));
        }
      }
      Map<Bytes, Bytes> labels = dictionary.labels(values, sorted -> ranks(type, sorted));
      return arguments.stream()
          .<Answer>map(
              row -> {
                Object value = inquiry.arguments().value(row, 0);
                Object answer =
                    value == null
                        ? null
                        : Labeled.of(labels.get(Labeled.payload(type, value)), type, value);
                return new Answer.Rows(List.of(ANSWER.pack(answer)));
              })
          .toList();
    }

    private static int[] ranks(SqlType type, List<Bytes> values) {
      TreeSet<Object> distinct = new TreeSet<>((l, r) -> TypeOrder.compare(type, l, r));
      List<Object> all = values.stream().map(value -> read(type, value)).toList();
      distinct.addAll(all);
      return all.stream().mapToInt(value -> distinct.headSet(value, true).size()).toArray();
    }

    private static Object read(SqlType type, Bytes value) {
      return TypeCodec.of(type).readPayload(value.toArray(), 0, value.size());
    }
  }

  static Stream<Arguments> shapes() {
    return Shapes.all().entrySet().stream()
        .map(e -> Arguments.of(e.getKey(), e.getValue(), labeled(e.getKey(), e.getValue())))
        .filter(each -> asks((Plan) each.get()[2]));
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
    Dataflow dataflow = new Dataflow(Storage.onHeap(Runnable::run), new Labels());
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
    Dataflow dataflow = new Dataflow(Storage.onHeap(Runnable::run), new Labels());
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
