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

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.rewrite.Rewrites;
import io.pgtrickle.dvm.state.Capture;
import io.pgtrickle.dvm.state.Origin;
import io.pgtrickle.dvm.state.Saved;
import io.pgtrickle.dvm.state.StateDirectory;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class SharingTest {
  private static final Plan JOINED = join(ORDERS_SCAN, CUSTOMERS_SCAN, null, 1, 0);
  private static final Plan LEFT =
      Shapes.outerJoin(ORDERS_SCAN, CUSTOMERS_SCAN, Plan.Kept.LEFT, null, 1, 0);

  @TempDir Path path;

  private static View view(long id, Plan bound) {
    return new View(id, (int) (9000 + id), "v" + id, Rewrites.apply(bound), Shapes.SETTINGS);
  }

  private static Dataflow of(List<View> views) {
    Dataflow dataflow = new Dataflow(Runnable::run);
    views.forEach(dataflow::add);
    return dataflow;
  }

  static Stream<Arguments> shapes() {
    return Shapes.all().entrySet().stream()
        .filter(shape -> Shapes.runnable(shape.getValue()).joins())
        .map(shape -> Arguments.of(shape.getKey(), shape.getValue()));
  }

  /// Of a shape each column in a view of its own, and two columns in one that comes later.
  @ParameterizedTest(name = "{0}")
  @MethodSource("shapes")
  void whatIsSharedIsWhatEachHasAlone(String name, Plan plan) {
    List<View> alone = new ArrayList<>();
    for (int i = 0; i < plan.schema().size(); i++) {
      alone.add(view(i + 1, project(plan, column(plan, i))));
    }
    View late = view(100, project(plan, column(plan, plan.schema().size() - 1), column(plan, 0)));
    Dataflow reference = of(alone);
    Dataflow tried = of(Sharing.among(List.of(), alone));
    assertThat(tried.stats().operators()).isLessThanOrEqualTo(reference.stats().operators());
    Script script = new Script(name.hashCode());
    Map<Long, ZSet> shown = new HashMap<>();
    StateDirectory directory = StateDirectory.open(path);
    for (int epoch = 1; epoch <= 24; epoch++) {
      if (epoch == 9) {
        adopt(reference, List.of(late), script.contents(), shown);
        adopt(tried, Sharing.among(tried.views(), List.of(late)), script.contents(), shown);
      }
      if (epoch == 14) {
        // Whoever was shared with may go.
        reference.drop(1);
        tried.drop(1);
      }
      if (epoch == 18) {
        List<View> views = new ArrayList<>(alone);
        views.add(late);
        views.removeIf(view -> view.id() == 1);
        tried = restarted(tried, directory, views);
      }
      Map<Integer, ZSet> deltas = script.next();
      StepResult expected = reference.step(deltas, _ -> true);
      StepResult result = tried.step(deltas, _ -> true);
      assertThat(result.released()).as("epoch %d", epoch).isEqualTo(expected.released());
      assertThat(result.errors()).as("epoch %d", epoch).isEqualTo(expected.errors());
      result.released().forEach((id, delta) -> shown.merge(id, delta, ZSet::plus));
      requireFound(tried, shown);
    }
    tried.close();
    directory.close();
  }

  private static void adopt(
      Dataflow main, List<View> views, Map<Integer, ZSet> contents, Map<Long, ZSet> shown) {
    Dataflow build = of(views);
    build.load(contents);
    shown.putAll(build.step(Map.of(), _ -> true).released());
    main.adopt(build);
  }

  private static Dataflow restarted(Dataflow was, StateDirectory directory, List<View> views) {
    Capture capture = directory.capture(new Origin("7312", 1), Bytes.copyOf(new byte[] {1}));
    was.save(capture);
    capture.write();
    was.close();
    Saved saved = directory.saved().orElseThrow();
    Dataflow dataflow = new Dataflow(Storage.of(directory, 0, Runnable::run));
    Restored restored =
        dataflow.restore(saved, views.stream().map(view -> Sharing.asSaved(saved, view)).toList());
    assertThat(restored.refused()).isEmpty();
    return dataflow;
  }

  private static void requireFound(Dataflow dataflow, Map<Long, ZSet> shown) {
    for (View view : dataflow.views()) {
      if (dataflow.errors(view.id()).healed()) {
        shown
            .getOrDefault(view.id(), ZSet.EMPTY)
            .forEach(
                (row, weight) ->
                    assertThat(dataflow.weight(view.id(), row).orElse(weight)).isEqualTo(weight));
      }
    }
  }

  @Test
  void joinsOfTheSameRowsAreMadeOnce() {
    for (Plan joined : List.of(JOINED, LEFT)) {
      List<View> alone =
          List.of(
              view(1, project(joined, column(joined, 0), column(joined, 5))),
              view(2, project(joined, column(joined, 0), column(joined, 2), column(joined, 6))),
              view(3, project(joined, column(joined, 0), column(joined, 3))));
      assertThat(joins(of(alone), Set.of(1L, 2L, 3L))).isEqualTo(3);
      assertThat(joins(of(Sharing.among(List.of(), alone)), Set.of(1L, 2L, 3L))).isEqualTo(1);
    }
  }

  @Test
  void oneThatComesLaterTakesWhatIsThere() {
    View wide = view(1, project(JOINED, column(JOINED, 0), column(JOINED, 2), column(JOINED, 5)));
    View narrow = view(2, project(JOINED, column(JOINED, 5), column(JOINED, 0)));
    View wider = view(3, JOINED);
    List<View> added = Sharing.among(List.of(wide), List.of(narrow));
    assertThat(added.getFirst().plan()).isNotEqualTo(narrow.plan());
    Dataflow dataflow = of(List.of(wide, added.getFirst()));
    assertThat(joins(dataflow, Set.of(1L, 2L))).isEqualTo(1);
    // What is there does not change because of one that needs more.
    assertThat(Sharing.among(List.of(wide), List.of(wider))).containsExactly(wider);
  }

  @Test
  void whatIsOnlyCountedStaysACount() {
    // Of the orders nothing but the key: one row for each customer, however many orders.
    Plan counted = project(JOINED, column(JOINED, 5));
    Plan told = project(JOINED, column(JOINED, 5), column(JOINED, 3));
    List<View> views = List.of(view(1, counted), view(2, told));
    assertThat(Sharing.among(List.of(), views).getFirst().widths().keySet())
        .noneMatch(wanted -> wanted.core().base().equals(ORDERS_SCAN));
  }

  @Test
  void otherRowsAreNotShared() {
    Plan some = Shapes.filter(ORDERS_SCAN, new Expr.IsNull(column(ORDERS_SCAN, 2)));
    Plan joined = join(some, CUSTOMERS_SCAN, null, 1, 0);
    List<View> views =
        List.of(
            view(1, project(JOINED, column(JOINED, 0), column(JOINED, 5))),
            view(2, project(joined, column(joined, 3), column(joined, 5))));
    assertThat(Sharing.among(List.of(), views)).isEqualTo(views);
  }

  private static long joins(Dataflow dataflow, Set<Long> views) {
    return views.stream()
        .flatMap(view -> dataflow.explain(view, ExplainFormat.TEXT, Map.of()).lines())
        .filter(line -> line.contains("Join") || line.contains("Left join"))
        .map(line -> line.replaceAll(".*?#(\\d+).*", "$1"))
        .distinct()
        .count();
  }

  /// What looks rows up must not leave nodes behind that nobody feeds.
  @Test
  void lookingRowsUpMakesNoNodes() {
    Plan noted = Shapes.filter(ORDERS_SCAN, new Expr.Not(new Expr.IsNull(column(ORDERS_SCAN, 3))));
    Plan joined = join(noted, CUSTOMERS_SCAN, null, 1, 0);
    View view = view(1, project(joined, column(joined, 0), column(joined, 5)));
    Dataflow dataflow = of(List.of(view));
    dataflow.step(
        Map.of(
            ORDERS_OID, zset(ORDERS, "+1 | 7 | 1 | 5 | a"),
            CUSTOMERS_OID, zset(CUSTOMERS, "+1 | 1 | north | 0")),
        _ -> true);
    int before = dataflow.stats().operators();
    assertThat(dataflow.weight(1, row(view.plan().schema(), "7 | north"))).hasValue(1);
    assertThat(dataflow.stats().operators()).isEqualTo(before);
    // One that has for a node what is a part of another in the first.
    View later =
        new View(
            2,
            9002,
            "later",
            new Plan.Project(
                ORDERS_SCAN,
                List.of(column(ORDERS_SCAN, 0), column(ORDERS_SCAN, 1), column(ORDERS_SCAN, 3)),
                Schema.of(ORDERS.column(0), ORDERS.column(1), ORDERS.column(3))),
            Shapes.SETTINGS);
    Dataflow build = of(List.of(later));
    build.load(Map.of(ORDERS_OID, zset(ORDERS, "+1 | 7 | 1 | 5 | a")));
    build.step(Map.of(), _ -> true);
    dataflow.adopt(build);
    StepResult result =
        dataflow.step(Map.of(ORDERS_OID, zset(ORDERS, "+1 | 8 | 1 | 5 | b")), _ -> true);
    assertThat(result.released()).containsKey(2L);
  }
}
