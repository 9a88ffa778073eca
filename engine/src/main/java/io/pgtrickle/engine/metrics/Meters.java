package io.pgtrickle.engine.metrics;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.TimeGauge;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/// Every meter of the sidecar.
///
/// A stream table has series from [#tableAdded] to [#tableDropped]; what is reported about any
/// other
/// name is ignored, so that a late report cannot bring a dropped table back.
///
/// Used by many threads.
public final class Meters implements AutoCloseable {
  private static final String TABLE = "stream_table";

  /// From the 0.3 ms a commit of the result costs to the half minute where freshness is lost.
  private static final Duration[] COMMIT_TO_VISIBLE_BUCKETS = {
    Duration.ofNanos(500_000),
    Duration.ofMillis(1),
    Duration.ofMillis(2),
    Duration.ofMillis(3),
    Duration.ofMillis(5),
    Duration.ofMillis(10),
    Duration.ofMillis(20),
    Duration.ofMillis(50),
    Duration.ofMillis(100),
    Duration.ofMillis(500),
    Duration.ofSeconds(1),
    Duration.ofSeconds(5),
    Duration.ofSeconds(30),
  };

  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final LongSupplier nanoTime;
  private final Map<String, TableMeters> tables = new ConcurrentHashMap<>();
  private final Map<String, Counter> refreshes = new ConcurrentHashMap<>();
  private final AtomicLong slotLagBytes = new AtomicLong();
  private final AtomicLong stateBytes = new AtomicLong();
  private final AtomicLong heldTables = new AtomicLong();
  private final AtomicLong streamConnected = new AtomicLong();
  private final Counter removedRows;
  private final Counter uncheckedRows;
  private final Timer checkpointPause;
  private final Timer checkpointDuration;
  private final JvmGcMetrics garbageCollection = new JvmGcMetrics();

  public Meters() {
    this(System::nanoTime);
  }

  Meters(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
    Gauge.builder("pgtrickle.slot.lag", slotLagBytes, AtomicLong::doubleValue)
        .description("WAL that the replication slot keeps back on the server")
        .baseUnit("bytes")
        .register(registry);
    Gauge.builder("pgtrickle.state", stateBytes, AtomicLong::doubleValue)
        .description("Operator state held by the sidecar")
        .baseUnit("bytes")
        .register(registry);
    Gauge.builder("pgtrickle.held", heldTables, AtomicLong::doubleValue)
        .description("Stream tables left out of applying because a write to them blocks or fails")
        .baseUnit("tables")
        .register(registry);
    Gauge.builder("pgtrickle.stream.connected", streamConnected, AtomicLong::doubleValue)
        .description("1 while the log is being read, 0 while not")
        .register(registry);
    removedRows =
        Counter.builder("pgtrickle.phd1.removed")
            .description("Rows found in a joining stream table that it should not hold; expected 0")
            .baseUnit("rows")
            .register(registry);
    uncheckedRows =
        Counter.builder("pgtrickle.phd1.unchecked")
            .description("Rows written to joining stream tables that were not checked for residue")
            .baseUnit("rows")
            .register(registry);
    checkpointPause =
        Timer.builder("pgtrickle.checkpoint.pause")
            .description("How long epochs wait for a checkpoint of operator state")
            .register(registry);
    checkpointDuration =
        Timer.builder("pgtrickle.checkpoint.duration")
            .description("From the start of a checkpoint until it is durable")
            .register(registry);
    new JvmMemoryMetrics().bindTo(registry);
    new JvmThreadMetrics().bindTo(registry);
    new ProcessorMetrics().bindTo(registry);
    new UptimeMetrics().bindTo(registry);
    garbageCollection.bindTo(registry);
  }

  /// A stream table exists from now on.
  ///
  /// @param name with its schema, as in the catalog
  /// @param freshnessLagNanos how far its contents are behind the source, asked at each scrape
  public void tableAdded(String name, LongSupplier freshnessLagNanos) {
    tables.computeIfAbsent(name, key -> new TableMeters(key, freshnessLagNanos));
  }

  /// A stream table is gone, and its series with it.
  public void tableDropped(String name) {
    TableMeters dropped = tables.remove(name);
    if (dropped != null) {
      dropped.all().forEach(registry::remove);
    }
  }

  /// A source transaction became visible in a stream table, so long after its commit.
  public void commitToVisible(String table, long nanos) {
    TableMeters meters = tables.get(table);
    if (meters != null) {
      meters.commitToVisible.record(Math.max(0, nanos), TimeUnit.NANOSECONDS);
      meters.latencies.record(nanos);
    }
  }

  /// A refresh of a stream table came to its end.
  public void refreshed(String table, Mode mode, Outcome outcome, long nanos) {
    TableMeters meters = tables.get(table);
    if (meters != null) {
      meters.refresh(mode, outcome).record(Math.max(0, nanos), TimeUnit.NANOSECONDS);
      refreshes
          .computeIfAbsent(mode.tag + ' ' + outcome.tag, _ -> refreshes(mode, outcome))
          .increment();
    }
  }

  /// Rows were written to a stream table.
  public void rowsApplied(String table, RowChange change, long rows) {
    TableMeters meters = tables.get(table);
    if (meters != null && rows > 0) {
      meters.applied(change).increment((double) rows);
    }
  }

  /// Rows that a stream table should not have held were removed from it.
  public void removedRows(long rows) {
    removedRows.increment((double) rows);
  }

  /// Rows were written whose weight could not be recomputed.
  public void uncheckedRows(long rows) {
    uncheckedRows.increment((double) rows);
  }

  /// Operator state was saved.
  ///
  /// @param pause how long epochs had to wait for it
  /// @param took until it was durable
  public void checkpointed(Duration pause, Duration took) {
    checkpointPause.record(pause);
    checkpointDuration.record(took);
  }

  public void slotLagBytes(long bytes) {
    slotLagBytes.set(bytes);
  }

  public void stateBytes(long bytes) {
    stateBytes.set(bytes);
  }

  /// Whether the log is being read.
  public void streamConnected(boolean connected) {
    streamConnected.set(connected ? 1 : 0);
  }

  /// Something happened to capture that people may have to know.
  public void captureEvent(String kind) {
    Counter.builder("pgtrickle.capture.events")
        .description("Lost connections and slots, alterations by others, lag")
        .baseUnit("events")
        .tag("kind", kind.toLowerCase(Locale.ROOT))
        .register(registry)
        .increment();
  }

  public void heldTables(long count) {
    heldTables.set(count);
  }

  /// Commit→visible of the last half to whole minute; empty for an unknown stream table.
  public Optional<Percentiles> commitToVisiblePercentiles(String table) {
    TableMeters meters = tables.get(table);
    return meters == null
        ? Optional.empty()
        : Optional.of(meters.latencies.percentiles(nanoTime.getAsLong()));
  }

  /// How far behind the source a stream table is; empty for an unknown one.
  public Optional<Duration> freshnessLag(String table) {
    TableMeters meters = tables.get(table);
    return meters == null
        ? Optional.empty()
        : Optional.of(Duration.ofNanos(meters.freshnessLagNanos.getAsLong()));
  }

  /// All meters in the text format of Prometheus.
  public String scrape() {
    return registry.scrape();
  }

  @Override
  public void close() {
    garbageCollection.close();
    registry.close();
  }

  private Counter refreshes(Mode mode, Outcome outcome) {
    return Counter.builder("pgtrickle.refreshes")
        .description("Refreshes that came to their end, over all stream tables")
        .baseUnit("refreshes")
        .tag("mode", mode.tag)
        .tag("outcome", outcome.tag)
        .register(registry);
  }

  /// How a refresh computed its result.
  public enum Mode {
    DIFFERENTIAL,
    FULL;

    private final String tag = name().toLowerCase(Locale.ROOT);
  }

  /// How a refresh ended.
  public enum Outcome {
    /// Its rows are visible.
    APPLIED,
    /// There was nothing to write.
    UNCHANGED,
    /// The table blocks; its output is kept.
    HELD,
    FAILED;

    private final String tag = name().toLowerCase(Locale.ROOT);
  }

  /// What happened to a row of a stream table.
  public enum RowChange {
    INSERT,
    UPDATE,
    DELETE;

    private final String tag = name().toLowerCase(Locale.ROOT);
  }

  /// A summary of recent latencies.
  public record Percentiles(long count, Duration p50, Duration p99) {}

  /// The series of one stream table.
  private final class TableMeters {
    private final String name;
    private final LongSupplier freshnessLagNanos;
    private final Latencies latencies = new Latencies(nanoTime.getAsLong());
    private final Timer commitToVisible;
    private final Meter freshness;
    private final Map<String, Timer> refresh = new ConcurrentHashMap<>();
    private final Map<RowChange, Counter> applied = new ConcurrentHashMap<>();

    TableMeters(String name, LongSupplier freshnessLagNanos) {
      this.name = name;
      this.freshnessLagNanos = freshnessLagNanos;
      commitToVisible =
          Timer.builder("pgtrickle.commit.to.visible")
              .description("From the commit of a source transaction to its effect being visible")
              .tag(TABLE, name)
              .serviceLevelObjectives(COMMIT_TO_VISIBLE_BUCKETS)
              .register(registry);
      freshness =
          TimeGauge.builder(
                  "pgtrickle.freshness.lag",
                  freshnessLagNanos,
                  TimeUnit.NANOSECONDS,
                  LongSupplier::getAsLong)
              .description("How far the contents of a stream table are behind its sources")
              .tag(TABLE, name)
              .strongReference(true)
              .register(registry);
    }

    Timer refresh(Mode mode, Outcome outcome) {
      return refresh.computeIfAbsent(
          mode.tag + ' ' + outcome.tag,
          _ ->
              Timer.builder("pgtrickle.refresh.duration")
                  .description("From the start of a refresh to its commit")
                  .tag(TABLE, name)
                  .tag("mode", mode.tag)
                  .tag("outcome", outcome.tag)
                  .register(registry));
    }

    Counter applied(RowChange change) {
      return applied.computeIfAbsent(
          change,
          _ ->
              Counter.builder("pgtrickle.applied")
                  .description("Rows written to a stream table")
                  .baseUnit("rows")
                  .tag(TABLE, name)
                  .tag("op", change.tag)
                  .register(registry));
    }

    List<Meter> all() {
      List<Meter> meters = new ArrayList<>();
      meters.add(commitToVisible);
      meters.add(freshness);
      meters.addAll(refresh.values());
      meters.addAll(applied.values());
      return meters;
    }
  }
}
