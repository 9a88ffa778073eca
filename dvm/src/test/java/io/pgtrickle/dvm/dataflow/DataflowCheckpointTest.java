package io.pgtrickle.dvm.dataflow;

import static io.pgtrickle.dvm.dataflow.Shapes.CUSTOMERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_OID;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.aggregate;
import static io.pgtrickle.dvm.dataflow.Shapes.call;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.filter;
import static io.pgtrickle.dvm.dataflow.Shapes.group;
import static io.pgtrickle.dvm.dataflow.Shapes.int4;
import static io.pgtrickle.dvm.dataflow.Shapes.join;
import static io.pgtrickle.dvm.dataflow.Tables.zset;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.dataflow.Restored.Refusal;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.state.Capture;
import io.pgtrickle.dvm.state.Origin;
import io.pgtrickle.dvm.state.Saved;
import io.pgtrickle.dvm.state.StateDirectory;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.ZSet;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DataflowCheckpointTest {
  private static final Origin ORIGIN = new Origin("7312", 1);
  private static final Bytes FRONTIER = Bytes.copyOf(new byte[] {1, 2, 3});
  private static final Plan JOINED = join(ORDERS_SCAN, CUSTOMERS_SCAN, null, 1, 0);
  private static final Plan PER_CUSTOMER =
      group(
          ORDERS_SCAN,
          List.of(column(ORDERS_SCAN, 1)),
          aggregate(AggregateCall.Kind.COUNT_ROWS, SqlType.INT8, null));

  @TempDir Path path;

  private static View view(long id, Plan plan) {
    return new View(id, (int) (9000 + id), "v" + id, plan, Shapes.SETTINGS);
  }

  private static Plan scanOf(View view) {
    return new Plan.Scan(view.relation(), "public." + view.name(), List.of(), view.plan().schema());
  }

  private static void save(Dataflow dataflow, StateDirectory directory) {
    Capture capture = directory.capture(ORIGIN, FRONTIER);
    dataflow.save(capture);
    capture.write();
  }

  @Test
  void aRestoredDataflowGoesOnLikeOneThatWasNeverAway() {
    List<View> views = new ArrayList<>();
    Shapes.all().forEach((_, plan) -> views.add(view(views.size() + 1, Shapes.runnable(plan))));
    // One over another, so that a released delta crosses the restart as well.
    View lower = view(views.size() + 1, PER_CUSTOMER);
    views.add(lower);
    views.add(view(views.size() + 1, new Plan.Distinct(scanOf(lower))));

    for (long seed = 1; seed <= 2; seed++) {
      Path place = path.resolve("seed" + seed);
      Random random = new Random(seed);
      Script script = new Script(seed);
      Dataflow reference = new Dataflow(Runnable::run);
      views.forEach(reference::add);
      StateDirectory directory = StateDirectory.open(place);
      Dataflow tried = new Dataflow(Storage.of(directory, 0, Runnable::run));
      views.forEach(tried::add);
      for (int epoch = 1; epoch <= 60; epoch++) {
        if (random.nextInt(5) == 0) {
          save(tried, directory);
          tried.close();
          directory.close();
          directory = StateDirectory.open(place);
          tried = new Dataflow(Storage.of(directory, 0, Runnable::run));
          Saved saved = directory.saved().orElseThrow();
          assertThat(saved.frontier()).isEqualTo(FRONTIER);
          Restored restored = tried.restore(saved, views);
          assertThat(restored.refused()).isEmpty();
          assertThat(restored.views()).hasSize(views.size());
        }
        Map<Integer, ZSet> deltas = script.next();
        long due = random.nextInt(4);
        StepResult expected = reference.step(deltas, id -> id % 4 != due);
        StepResult result = tried.step(deltas, id -> id % 4 != due);
        String where = "seed " + seed + ", epoch " + epoch;
        assertThat(result.released()).as(where).isEqualTo(expected.released());
        assertThat(result.errors()).as(where).isEqualTo(expected.errors());
        assertThat(tried.errors(1)).as(where).isEqualTo(reference.errors(1));
      }
      assertThat(tried.stats().operators()).isEqualTo(reference.stats().operators());
      tried.close();
      directory.close();
    }
  }

  @Test
  void anotherDefinitionIsBuiltAnewAndSoIsWhatReadsIt() {
    View kept = view(1, JOINED);
    View changed = view(2, PER_CUSTOMER);
    View reader = view(3, new Plan.Distinct(scanOf(changed)));
    View late = view(4, ORDERS_SCAN);
    try (StateDirectory directory = StateDirectory.open(path)) {
      Dataflow dataflow = new Dataflow(Runnable::run);
      List.of(kept, changed, reader).forEach(dataflow::add);
      dataflow.step(Map.of(ORDERS_OID, zset(ORDERS, "+1 | 1 | 7 | 1 | a")), _ -> true);
      save(dataflow, directory);

      Plan other =
          filter(PER_CUSTOMER, call("int4gt", SqlType.BOOL, column(PER_CUSTOMER, 0), int4(0)));
      Dataflow restored = new Dataflow(Storage.of(directory, 0, Runnable::run));
      Restored result =
          restored.restore(
              directory.saved().orElseThrow(), List.of(reader, kept, view(2, other), late));
      assertThat(result.views()).containsExactly(1L);
      assertThat(result.refused())
          .isEqualTo(
              Map.of(
                  2L, new Refusal.PlanChanged(),
                  3L, new Refusal.Upstream(2),
                  4L, new Refusal.NotSaved()));
      assertThat(restored.views()).containsExactly(kept);
      restored.close();
    }
  }

  @Test
  void damageRefusesTheViewsItConcernsAndNoOther() throws IOException {
    View joined = view(1, JOINED);
    View grouped = view(2, PER_CUSTOMER);
    View customers = view(3, new Plan.Distinct(CUSTOMERS_SCAN));
    List<View> views = List.of(joined, grouped, customers);
    Script script = new Script(4);
    try (StateDirectory directory = StateDirectory.open(path)) {
      Dataflow dataflow = new Dataflow(Runnable::run);
      views.forEach(dataflow::add);
      for (int epoch = 0; epoch < 12; epoch++) {
        dataflow.step(script.next(), _ -> true);
      }
      save(dataflow, directory);
    }
    Path file;
    try (Stream<Path> files = Files.list(path)) {
      file = files.filter(f -> f.toString().endsWith(".run")).findFirst().orElseThrow();
    }
    byte[] whole = Files.readAllBytes(file);
    TreeMap<String, Integer> outcomes = new TreeMap<>();
    for (int at = 0; at < whole.length; at += 97) {
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        channel.write(ByteBuffer.wrap(new byte[] {(byte) ~whole[at]}), at);
      }
      try (StateDirectory directory = StateDirectory.open(path)) {
        Dataflow restored = new Dataflow(Storage.of(directory, 0, Runnable::run));
        Restored result = restored.restore(directory.saved().orElseThrow(), views);
        result.refused().values().forEach(r -> assertThat(r).isInstanceOf(Refusal.Damaged.class));
        assertThat(result.views().size() + result.refused().size()).isEqualTo(3);
        outcomes.merge(new TreeSet<>(result.views()).toString(), 1, Integer::sum);
        assertThat(restored.views())
            .extracting(View::id)
            .containsExactlyElementsOf(new TreeSet<>(result.views()));
        restored.close();
      }
      Files.write(file, whole);
    }
    // Each arrangement was hit; none is shared by all three views.
    assertThat(outcomes.keySet()).contains("[2, 3]", "[1, 3]", "[1, 2]").doesNotContain("[]");
    Files.delete(file);
    try (StateDirectory directory = StateDirectory.open(path)) {
      Dataflow restored = new Dataflow(Storage.of(directory, 0, Runnable::run));
      assertThat(restored.restore(directory.saved().orElseThrow(), views).refused()).hasSize(3);
    }
  }

  @Test
  void damageInALargeRunFailsTheStepThatFindsItForTheViewsItConcerns() throws IOException {
    List<View> views = List.of(view(1, new Plan.Distinct(ORDERS_SCAN)), view(2, CUSTOMERS_SCAN));
    try (StateDirectory directory = StateDirectory.open(path)) {
      Dataflow dataflow = new Dataflow(Runnable::run);
      views.forEach(dataflow::add);
      dataflow.step(Map.of(ORDERS_OID, orders(0, 20_000, 1)), _ -> true);
      save(dataflow, directory);
    }
    Path large;
    try (Stream<Path> files = Files.list(path)) {
      large = files.filter(f -> f.toFile().length() > 512 * 1024).findFirst().orElseThrow();
    }
    try (FileChannel channel = FileChannel.open(large, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(new byte[] {0x55, 0x55, 0x55, 0x55}), Files.size(large) / 2);
    }
    try (StateDirectory directory = StateDirectory.open(path)) {
      Dataflow dataflow = new Dataflow(Storage.of(directory, 0, Runnable::run));
      assertThat(dataflow.restore(directory.saved().orElseThrow(), views).refused()).isEmpty();
      assertThatThrownBy(() -> dataflow.step(Map.of(ORDERS_OID, orders(0, 20_000, 100)), _ -> true))
          .isInstanceOfSatisfying(
              StepFailed.class, failed -> assertThat(failed.views()).containsExactly(1L))
          .hasCauseInstanceOf(StateDamaged.class);
      dataflow.drop(1);
      ZSet customer = zset(Shapes.CUSTOMERS, "+1 | 1 | north | 1");
      assertThat(
              dataflow.step(Map.of(Shapes.CUSTOMERS_OID, customer), _ -> true).released().get(2L))
          .isEqualTo(customer);
      dataflow.close();
    }
  }

  private static ZSet orders(int from, int to, int stride) {
    ZSet.Builder rows = new ZSet.Builder();
    for (int i = from; i < to; i += stride) {
      rows.addAll(zset(ORDERS, "+1 | " + i + " | 7 | 1 | a note of some length"));
    }
    return rows.build();
  }

  @Test
  void namesSayWhatAPlanIs() {
    assertThat(Identity.of(new Plan.Distinct(JOINED)))
        .isEqualTo(Identity.of(new Plan.Distinct(join(ORDERS_SCAN, CUSTOMERS_SCAN, null, 1, 0))));
    List<Object> different =
        List.of(
            JOINED,
            join(ORDERS_SCAN, CUSTOMERS_SCAN, null, 0, 0),
            new Expr.Literal("a", SqlType.TEXT),
            new Expr.Literal("a, type=SqlType", SqlType.TEXT),
            new Expr.Literal(1L, SqlType.INT4),
            new Expr.Literal(1L, SqlType.INT8),
            new Expr.Literal("1", SqlType.INT8),
            List.of("ab", "c"),
            List.of("a", "bc"),
            List.of(List.of("a"), "b"),
            Map.of(1, "a"),
            Map.of("a", 1));
    assertThat(different.stream().map(Identity::of).distinct()).hasSize(different.size());
  }
}
