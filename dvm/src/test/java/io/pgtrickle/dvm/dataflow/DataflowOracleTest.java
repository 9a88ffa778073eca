package io.pgtrickle.dvm.dataflow;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Every operator against recomputation from scratch, over random histories.
final class DataflowOracleTest {
  private static final int EPOCHS = 40;
  private static final int SEEDS = 8;

  static Stream<Arguments> shapes() {
    return Shapes.all().entrySet().stream().map(e -> Arguments.of(e.getKey(), e.getValue()));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("shapes")
  void theSumOfReleasedDeltasIsTheQueryOverTheSumOfInputDeltas(String name, Plan plan) {
    for (long seed = 1; seed <= SEEDS; seed++) {
      Dataflow dataflow = new Dataflow(Runnable::run);
      dataflow.add(new View(1, 5001, name, Shapes.runnable(plan), Shapes.SETTINGS));
      Script script = new Script(seed);
      ZSet shown = ZSet.EMPTY;
      for (int epoch = 1; epoch <= EPOCHS; epoch++) {
        StepResult result = dataflow.step(script.next(), _ -> true);
        shown = shown.plus(result.released().getOrDefault(1L, ZSet.EMPTY));

        Naive naive = new Naive(script.contents(), Shapes.SETTINGS);
        ZSet expected = naive.evaluate(plan);
        String where = "seed " + seed + ", epoch " + epoch;
        assertThat(dataflow.errors(1).healed()).as(where).isEqualTo(naive.failures().isEmpty());
        if (naive.failures().isEmpty()) {
          assertThat(Tables.text(plan.schema(), shown))
              .as(where)
              .isEqualTo(Tables.text(plan.schema(), expected));
        } else {
          assertThat(dataflow.errors(1).sqlState()).as(where).isIn(naive.failures());
          assertThat(result.released()).as(where).isEmpty();
        }
      }
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("shapes")
  void takingEveryRowAwayLeavesTheQueryOverNothing(String name, Plan plan) {
    Dataflow dataflow = new Dataflow(Runnable::run);
    dataflow.add(new View(1, 5001, name, Shapes.runnable(plan), Shapes.SETTINGS));
    Script script = new Script(99);
    ZSet shown = ZSet.EMPTY;
    for (int epoch = 0; epoch < 20; epoch++) {
      shown =
          shown.plus(
              dataflow.step(script.next(), _ -> true).released().getOrDefault(1L, ZSet.EMPTY));
    }
    Map<Integer, ZSet> rest = new HashMap<>();
    script.contents().forEach((relation, rows) -> rest.put(relation, rows.negate()));
    shown = shown.plus(dataflow.step(rest, _ -> true).released().getOrDefault(1L, ZSet.EMPTY));
    assertThat(dataflow.errors(1).healed()).isTrue();
    assertThat(Tables.text(plan.schema(), shown))
        .isEqualTo(Tables.text(plan.schema(), new Naive(Map.of(), Shapes.SETTINGS).evaluate(plan)));
  }
}
