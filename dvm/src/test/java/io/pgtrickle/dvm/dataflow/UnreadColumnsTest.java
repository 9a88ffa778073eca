package io.pgtrickle.dvm.dataflow;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.plan.ColumnsRead;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.rewrite.Rewrites;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// What is in columns that a plan does not read makes no difference, even when a row has something
/// else in them when it goes than when it came.
final class UnreadColumnsTest {
  private static final int EPOCHS = 25;
  private static final Map<Integer, Schema> SCHEMAS =
      Map.of(Shapes.ORDERS_OID, Shapes.ORDERS, Shapes.CUSTOMERS_OID, Shapes.CUSTOMERS);

  /// Of each shape all columns, and each column alone.
  static Stream<Arguments> plans() {
    return Shapes.all().entrySet().stream()
        .flatMap(
            shape -> {
              Plan plan = shape.getValue();
              Stream<Arguments> whole = Stream.of(Arguments.of(shape.getKey(), plan));
              Stream<Arguments> narrow =
                  Stream.iterate(0, i -> i < plan.schema().size(), i -> i + 1)
                      .map(
                          i ->
                              Arguments.of(
                                  shape.getKey() + ", column " + i,
                                  Shapes.project(plan, Shapes.column(plan, i))));
              return Stream.concat(whole, narrow);
            });
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("plans")
  void whatNobodyReadsMayBeAnything(String name, Plan bound) {
    Plan plan = Rewrites.apply(bound);
    Map<Integer, Set<String>> read = ColumnsRead.of(plan);
    Dataflow plain = new Dataflow(Runnable::run);
    plain.add(new View(1, 5001, name, plan, Shapes.SETTINGS));
    Dataflow dataflow = new Dataflow(Runnable::run);
    dataflow.add(new View(1, 5001, name, plan, Shapes.SETTINGS));
    Random random = new Random(name.hashCode());
    Script script = new Script(random.nextLong());
    ZSet shown = ZSet.EMPTY;
    for (int epoch = 1; epoch <= EPOCHS; epoch++) {
      Map<Integer, ZSet> deltas = script.next();
      Map<Integer, ZSet> others = new HashMap<>();
      deltas.forEach(
          (relation, delta) ->
              others.put(
                  relation,
                  scrambled(
                      delta,
                      SCHEMAS.getOrDefault(relation, Shapes.ORDERS),
                      read.getOrDefault(relation, Set.of()),
                      random)));
      StepResult expected = plain.step(deltas, _ -> true);
      StepResult result = dataflow.step(others, _ -> true);
      assertThat(result.released()).as("epoch %d", epoch).isEqualTo(expected.released());
      assertThat(dataflow.errors(1)).isEqualTo(plain.errors(1));
      shown = shown.plus(result.released().getOrDefault(1L, ZSet.EMPTY));
      if (plain.errors(1).healed()) {
        shown.forEach(
            (row, weight) -> {
              OptionalLong found = dataflow.weight(1, row);
              assertThat(found).as("look-up of %s", row).isEqualTo(plain.weight(1, row));
              assertThat(found.orElse(weight)).as("look-up of %s", row).isEqualTo(weight);
            });
      }
    }
  }

  // Every row of a delta by itself: a row that goes has other values than when it came.
  private static ZSet scrambled(ZSet delta, Schema schema, Set<String> read, Random random) {
    ZSet.Builder rows = new ZSet.Builder();
    delta.forEach(
        (row, weight) -> {
          @Nullable Object[] values = schema.values(row);
          for (int i = 0; i < values.length; i++) {
            if (!read.contains(schema.column(i).name())) {
              values[i] =
                  random.nextInt(4) == 0
                      ? null
                      : schema.codec(i).fromText(Integer.toString(random.nextInt(100)));
            }
          }
          rows.add(schema.pack(values), weight);
        });
    return rows.build();
  }

  @Test
  void aProjectionAboveAScanSaysWhatIsRead() {
    Plan narrow = Shapes.project(Shapes.ORDERS_SCAN, Shapes.column(Shapes.ORDERS_SCAN, 2));
    assertThat(ColumnsRead.of(narrow)).containsExactly(Map.entry(Shapes.ORDERS_OID, Set.of("c2")));
    Plan both = Shapes.join(narrow, Shapes.CUSTOMERS_SCAN, null);
    assertThat(ColumnsRead.of(both))
        .containsEntry(Shapes.ORDERS_OID, Set.of("c2"))
        .containsEntry(Shapes.CUSTOMERS_OID, Set.of("c0", "c1", "c2"));
    Plan count = Shapes.project(Shapes.ORDERS_SCAN);
    assertThat(ColumnsRead.of(count)).containsExactly(Map.entry(Shapes.ORDERS_OID, Set.of()));
  }

  @Test
  void whatIsScrambledIsWhatNobodyReads() {
    ZSet before = Tables.zset(Shapes.ORDERS, "+1 | 7 | 1 | 5 | a");
    ZSet after = scrambled(before, Shapes.ORDERS, Set.of("c0", "c3"), new Random(3));
    Row row = after.row(0);
    assertThat(List.of(Shapes.ORDERS.toText(row).split(" \\| "))).startsWith("7").endsWith("a");
    assertThat(after).isNotEqualTo(before);
  }
}
