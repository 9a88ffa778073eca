package io.pgtrickle.dvm.dataflow;

import static io.pgtrickle.dvm.dataflow.Shapes.call;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.rewrite.Rewrites;
import io.pgtrickle.dvm.state.Capture;
import io.pgtrickle.dvm.state.Origin;
import io.pgtrickle.dvm.state.Saved;
import io.pgtrickle.dvm.state.StateDirectory;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.PgInterval;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Filters on the clock under histories of changes and times, against the query evaluated with a
/// constant in the place of the clock.
final class TemporalNodeTest {
  private static final int EVENTS_OID = 700;
  private static final Schema EVENTS =
      Schema.of(
          new Column("id", SqlType.INT4),
          new Column("at", SqlType.TIMESTAMPTZ),
          new Column("ttl", SqlType.INTERVAL));
  private static final Plan SCAN = new Plan.Scan(EVENTS_OID, "public.events", List.of(), EVENTS);
  private static final Instant START = Instant.parse("2026-11-21T12:00:00Z");
  private static final Instant POSTGRES_EPOCH = Instant.parse("2000-01-01T00:00:00Z");

  private static final Expr NOW = new Expr.Clock(Expr.Reading.NOW);
  private static final Expr ID = Shapes.column(SCAN, 0);
  private static final Expr AT = Shapes.column(SCAN, 1);
  private static final Expr TTL = Shapes.column(SCAN, 2);

  private static Expr test(String name, Expr left, Expr right) {
    return call("timestamptz_" + name, SqlType.BOOL, left, right);
  }

  private static Expr plus(Expr time, Expr span) {
    return call("timestamptz_pl_interval", SqlType.TIMESTAMPTZ, time, span);
  }

  private static Expr ago(int seconds) {
    Expr span = new Expr.Literal(new PgInterval(0, 0, seconds * 1_000_000L), SqlType.INTERVAL);
    return call("timestamptz_mi_interval", SqlType.TIMESTAMPTZ, NOW, span);
  }

  private static Plan filter(Expr... conditions) {
    return new Plan.Filter(SCAN, new Expr.And(List.of(conditions)));
  }

  private static Map<String, Plan> plans() {
    Map<String, Plan> plans = new LinkedHashMap<>();
    Expr recent = test("gt", AT, ago(5));
    plans.put("recent", filter(recent));
    plans.put("due", filter(test("le", AT, NOW)));
    plans.put("window", filter(test("ge", AT, ago(3)), test("lt", AT, NOW)));
    plans.put("valid", filter(test("gt", plus(AT, TTL), NOW)));
    plans.put("recent or kept", filter(new Expr.Or(List.of(recent, new Expr.IsNull(TTL)))));
    plans.put("this moment", filter(test("eq", AT, NOW)));
    plans.put(
        "may fail",
        new Plan.Filter(
            filter(recent),
            call("int4lt", SqlType.BOOL, call("int4div", SqlType.INT4, ID, ID), Shapes.int4(2))));
    plans.put("far future", filter(test("lt", AT, plus(NOW, TTL))));
    plans.put(
        "count",
        Shapes.group(
            filter(recent),
            List.of(),
            Shapes.aggregate(AggregateCall.Kind.COUNT_ROWS, SqlType.INT8, null)));
    plans.put("distinct", new Plan.Distinct(Shapes.project(filter(recent), ID)));
    plans.put("self join", Shapes.join(filter(recent), filter(test("le", AT, NOW)), null, 0, 0));
    plans.put(
        "recursion",
        RecursionShapes.recursion(
            SCAN,
            false,
            found -> {
              Plan some =
                  new Plan.Filter(
                      found,
                      new Expr.And(
                          List.of(
                              test("gt", Shapes.column(found, 1), ago(5)),
                              call(
                                  "int4lt",
                                  SqlType.BOOL,
                                  Shapes.column(found, 0),
                                  Shapes.int4(4)))));
              return Shapes.project(
                  some,
                  call("int4pl", SqlType.INT4, Shapes.column(some, 0), Shapes.int4(1)),
                  Shapes.column(some, 1),
                  Shapes.column(some, 2));
            }));
    return plans;
  }

  private static final Map<String, Plan> PLANS = plans();

  private static long micros(Instant time) {
    return Duration.between(POSTGRES_EPOCH, time).toNanos() / 1000;
  }

  private static Row row(long id, @Nullable Long at, @Nullable PgInterval ttl) {
    return EVENTS.pack(id, at, ttl);
  }

  /// The plan with a constant for the clock.
  private static Plan at(Plan plan, Instant time) {
    Expr now = new Expr.Literal(micros(time), SqlType.TIMESTAMPTZ);
    return switch (plan) {
      case Plan.Filter(Plan input, Expr condition) ->
          new Plan.Filter(
              at(input, time),
              io.pgtrickle.dvm.expr.Expressions.map(
                  condition, node -> node instanceof Expr.Clock ? now : node));
      case Plan.Aggregate(Plan input, var groups, var calls, var schema) ->
          new Plan.Aggregate(at(input, time), groups, calls, schema);
      case Plan.Distinct(Plan input, var keys) -> new Plan.Distinct(at(input, time), keys);
      case Plan.Recursion(Plan base, Plan step, var all, var schema, _) ->
          new Plan.Recursion(at(base, time), at(step, time), all, schema);
      case Plan.Project(Plan input, var columns, var schema) ->
          new Plan.Project(at(input, time), columns, schema);
      case Plan.Join(Plan left, Plan right, var keys, var residual, var schema) ->
          new Plan.Join(at(left, time), at(right, time), keys, residual, schema);
      default -> plan;
    };
  }

  /// Some copies of a row, at so many milliseconds after the epoch before.
  record Change(Row row, int copies) {}

  record Epoch(int later, List<Change> changes) {}

  @Provide
  Arbitrary<String> names() {
    return Arbitraries.of(PLANS.keySet());
  }

  @Provide
  Arbitrary<List<Epoch>> histories() {
    long start = micros(START);
    Arbitrary<Long> at =
        Arbitraries.frequencyOf(
            net.jqwik.api.Tuple.of(1, Arbitraries.of(Long.MAX_VALUE, Long.MIN_VALUE)),
            net.jqwik.api.Tuple.of(
                8, Arbitraries.longs().between(-8, 12).map(s -> start + s * 1_000_000)));
    Arbitrary<PgInterval> ttl =
        Arbitraries.of(
            new PgInterval(0, 0, 2_000_000),
            new PgInterval(0, 0, 0),
            new PgInterval(0, 0, -1_000_000),
            new PgInterval(292_250 * 12, 0, 0));
    Arbitrary<Change> change =
        Combinators.combine(
                Arbitraries.longs().between(0, 3),
                at.injectNull(0.1),
                ttl.injectNull(0.2),
                Arbitraries.of(1, 1, 2, -1, -1, -2))
            .as((id, time, span, copies) -> new Change(row(id, time, span), copies));
    return Combinators.combine(
            Arbitraries.of(0, 0, 1, 500, 1000, 1000, 2500, 7000), change.list().ofMaxSize(5))
        .as(Epoch::new)
        .list()
        .ofMaxSize(8);
  }

  @Property(tries = 400, edgeCases = EdgeCasesMode.NONE)
  void everyTimeShowsWhatTheQueryIsThen(
      @ForAll("names") String name, @ForAll("histories") List<Epoch> history) {
    Plan plan = Optional.ofNullable(PLANS.get(name)).orElseThrow();
    Dataflow dataflow = new Dataflow(Runnable::run);
    dataflow.add(new View(1, 5001, name, Rewrites.apply(plan), Shapes.SETTINGS));
    ZSet contents = ZSet.EMPTY;
    ZSet shown = ZSet.EMPTY;
    Instant time = START;
    for (Epoch epoch : history) {
      ZSet.Builder changes = new ZSet.Builder();
      for (Change change : epoch.changes()) {
        long copies = Math.max(change.copies(), -contents.weightOf(change.row()));
        ZSet delta = new ZSet.Builder().add(change.row(), copies).build();
        contents = contents.plus(delta);
        changes.addAll(delta);
      }
      time = time.plusMillis(epoch.later());
      ZSet released =
          dataflow
              .step(Map.of(EVENTS_OID, changes.build()), time, _ -> true)
              .released()
              .getOrDefault(1L, ZSet.EMPTY);
      shown = shown.plus(released);
      Naive naive = new Naive(Map.of(EVENTS_OID, contents), Shapes.SETTINGS);
      ZSet expected = naive.evaluate(at(plan, time));
      assertThat(dataflow.errors(1).healed()).isEqualTo(naive.failures().isEmpty());
      if (naive.failures().isEmpty()) {
        assertThat(Tables.text(plan.schema(), shown))
            .isEqualTo(Tables.text(plan.schema(), expected));
      }
      Instant now = time;
      assertThat(dataflow.nextChange().filter(next -> !next.isAfter(now))).isEmpty();
    }
  }

  private static Dataflow dataflow(String name) {
    Dataflow dataflow = new Dataflow(Runnable::run);
    dataflow.add(view(name));
    return dataflow;
  }

  private static View view(String name) {
    Plan plan = Rewrites.apply(Optional.ofNullable(PLANS.get(name)).orElseThrow());
    return new View(1, 5001, name, plan, Shapes.SETTINGS);
  }

  private static ZSet rows(int count, int secondsApart) {
    ZSet.Builder rows = new ZSet.Builder();
    for (int i = 0; i < count; i++) {
      rows.add(row(i, micros(START) + (long) i * secondsApart * 1_000_000, null), 1);
    }
    return rows.build();
  }

  private static int stepTo(Dataflow dataflow, Instant time) {
    return dataflow.step(Map.of(), time, _ -> true).released().getOrDefault(1L, ZSet.EMPTY).size();
  }

  @Test
  void theWorkIsThatOfTheRowsWhoseTimeHasCome() {
    Dataflow dataflow = dataflow("due");
    dataflow.step(Map.of(EVENTS_OID, rows(10_000, 1)), START.minusSeconds(1), _ -> true);
    assertThat(dataflow.nextChange()).contains(START);
    StepResult result = dataflow.step(Map.of(), START.plusSeconds(4), _ -> true);
    assertThat(result.released().values()).singleElement().extracting(ZSet::size).isEqualTo(5);
    assertThat(result.operators())
        .allSatisfy(count -> assertThat(count.rowsIn() + count.rowsOut()).isLessThan(20));
    assertThat(dataflow.nextChange()).contains(START.plusSeconds(5));
    assertThat(dataflow.step(Map.of(), START.plusMillis(4500), _ -> true).operators()).isEmpty();
  }

  @Test
  void rowsThatWillNotChangeAreNotKept() {
    Dataflow dataflow = dataflow("recent");
    dataflow.step(Map.of(EVENTS_OID, rows(1000, 0)), START.plusSeconds(5), _ -> true);
    assertThat(dataflow.stats().total().rows()).isZero();
    assertThat(dataflow.nextChange()).isEmpty();
    assertThat(dataflow.step(Map.of(EVENTS_OID, rows(1000, 0).negate()), _ -> true).released())
        .isEmpty();
  }

  @Test
  void theTimeDoesNotGoBack() {
    Dataflow dataflow = dataflow("recent");
    stepTo(dataflow, START);
    assertThatThrownBy(() -> stepTo(dataflow, START.minusMillis(1)))
        .hasMessageContaining("goes back");
  }

  @Test
  void aRestoredDataflowKnowsWhatIsToCome(@TempDir Path path) {
    try (StateDirectory directory = StateDirectory.open(path);
        Dataflow before = new Dataflow(Storage.of(directory, 0, Runnable::run))) {
      before.add(view("window"));
      before.step(Map.of(EVENTS_OID, rows(10, 1)), START.plusSeconds(2), _ -> true);
      Capture capture =
          directory.capture(new Origin("7312", 1), Bytes.copyOf(new byte[] {1, 2, 3}));
      before.save(capture);
      capture.write();
    }
    try (StateDirectory again = StateDirectory.open(path);
        Dataflow after = new Dataflow(Storage.of(again, 0, Runnable::run))) {
      Saved saved = again.saved().orElseThrow();
      assertThat(after.restore(saved, List.of(view("window"))).views()).containsExactly(1L);
      assertThat(after.nextChange()).contains(START.plusSeconds(2).plusNanos(1000));
      // Row 2 comes, then rows 3 to 5 come and 0 to 1 go.
      assertThat(stepTo(after, START.plusSeconds(3))).isEqualTo(1);
      assertThat(stepTo(after, START.plusMillis(5500))).isEqualTo(6);
    }
  }

  @Test
  void anAdoptedViewGoesOnAtTheLaterTime() {
    Dataflow main = dataflow("recent");
    main.step(Map.of(EVENTS_OID, rows(10, 1)), START.plusSeconds(6), _ -> true);
    Dataflow build = new Dataflow(Runnable::run);
    View over = view("due");
    build.add(new View(2, 5002, "beside", over.plan(), over.settings()));
    build.load(Map.of(EVENTS_OID, rows(10, 1)), START.plusSeconds(2));
    main.adopt(build);
    ZSet shown =
        main.step(Map.of(), START.plusSeconds(7), _ -> true)
            .released()
            .getOrDefault(2L, ZSet.EMPTY);
    assertThat(shown.size()).isEqualTo(8);
  }
}
