package io.pgtrickle.engine.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.engine.metrics.Meters.Mode;
import io.pgtrickle.engine.metrics.Meters.Outcome;
import io.pgtrickle.engine.metrics.Meters.RowChange;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class MetersTest {
  private final AtomicLong clock = new AtomicLong();
  private final Meters meters = new Meters(clock::get);

  @AfterEach
  void close() {
    meters.close();
  }

  @Test
  void commitToVisibleIsAHistogramOfThirteenBuckets() {
    meters.tableAdded("public.a", () -> 0);
    meters.commitToVisible("public.a", TimeUnit.MICROSECONDS.toNanos(1_500));
    List<String> buckets = lines("pgtrickle_commit_to_visible_seconds_bucket");
    assertThat(buckets).hasSize(14);
    assertThat(buckets)
        .anyMatch(line -> line.contains("le=\"0.001\"") && line.endsWith(" 0"))
        .anyMatch(line -> line.contains("le=\"0.002\"") && line.endsWith(" 1"))
        .anyMatch(line -> line.contains("le=\"+Inf\"") && line.endsWith(" 1"));
  }

  @Test
  void everyMeterOfOursHasTheNameThatDashboardsUse() {
    meters.tableAdded("public.a", () -> TimeUnit.MILLISECONDS.toNanos(250));
    meters.refreshed("public.a", Mode.DIFFERENTIAL, Outcome.APPLIED, 1_000_000);
    meters.rowsApplied("public.a", RowChange.INSERT, 7);
    meters.removedRows(2);
    meters.uncheckedRows(3);
    meters.slotLagBytes(4096);
    meters.stateBytes(1024);
    meters.heldTables(1);
    assertThat(meters.scrape().lines())
        .contains(
            "pgtrickle_freshness_lag_seconds{stream_table=\"public.a\"} 0.25",
            "pgtrickle_refreshes_total{mode=\"differential\",outcome=\"applied\"} 1.0",
            "pgtrickle_applied_rows_total{op=\"insert\",stream_table=\"public.a\"} 7.0",
            "pgtrickle_phd1_removed_rows_total 2.0",
            "pgtrickle_phd1_unchecked_rows_total 3.0",
            "pgtrickle_slot_lag_bytes 4096.0",
            "pgtrickle_state_bytes 1024.0",
            "pgtrickle_held_tables 1.0");
    assertThat(lines("pgtrickle_refresh_duration_seconds_count")).hasSize(1);
    assertThat(lines("jvm_memory_used_bytes")).isNotEmpty();
  }

  @Test
  void everyMeterOfOursIsDescribed() {
    meters.tableAdded("public.a", () -> 0);
    meters.refreshed("public.a", Mode.FULL, Outcome.FAILED, 1);
    meters.rowsApplied("public.a", RowChange.DELETE, 1);
    List<String> help =
        meters.scrape().lines().filter(line -> line.startsWith("# HELP pgtrickle_")).toList();
    assertThat(help).hasSizeGreaterThanOrEqualTo(9);
    assertThat(help).allMatch(line -> line.split(" ", 4).length == 4);
  }

  @Test
  void thePhd1CounterIsThereBeforeAnythingWasRemoved() {
    assertThat(meters.scrape().lines()).contains("pgtrickle_phd1_removed_rows_total 0.0");
  }

  @Test
  void aDroppedTableTakesItsSeriesWithIt() {
    meters.tableAdded("public.a", () -> 0);
    meters.tableAdded("public.b", () -> 0);
    meters.commitToVisible("public.a", 1);
    meters.refreshed("public.a", Mode.FULL, Outcome.APPLIED, 1);
    meters.rowsApplied("public.a", RowChange.UPDATE, 1);
    meters.tableDropped("public.a");
    assertThat(meters.scrape()).doesNotContain("public.a").contains("public.b");
  }

  @Test
  void lateReportsDoNotBringADroppedTableBack() {
    meters.tableAdded("public.a", () -> 0);
    meters.tableDropped("public.a");
    meters.commitToVisible("public.a", 1);
    meters.refreshed("public.a", Mode.FULL, Outcome.APPLIED, 1);
    meters.rowsApplied("public.a", RowChange.INSERT, 1);
    assertThat(meters.scrape()).doesNotContain("public.a");
    assertThat(meters.commitToVisiblePercentiles("public.a")).isEmpty();
  }

  @Test
  void percentilesAreThoseOfWhatWasReported() {
    meters.tableAdded("public.a", () -> 0);
    for (int i = 1; i <= 100; i++) {
      meters.commitToVisible("public.a", TimeUnit.MILLISECONDS.toNanos(i));
    }
    Meters.Percentiles latency = meters.commitToVisiblePercentiles("public.a").orElseThrow();
    assertThat(latency.count()).isEqualTo(100);
    assertThat(latency.p50()).isBetween(Duration.ofMillis(49), Duration.ofMillis(51));
    assertThat(latency.p99()).isBetween(Duration.ofMillis(98), Duration.ofMillis(100));
  }

  @Test
  void percentilesForgetWhatIsTwoWindowsOld() {
    meters.tableAdded("public.a", () -> 0);
    meters.commitToVisible("public.a", TimeUnit.SECONDS.toNanos(9));
    assertThat(count()).isEqualTo(1);

    clock.addAndGet(TimeUnit.SECONDS.toNanos(31));
    meters.commitToVisible("public.a", 1);
    assertThat(count()).isEqualTo(2);

    clock.addAndGet(TimeUnit.SECONDS.toNanos(31));
    assertThat(count()).isEqualTo(1);

    clock.addAndGet(TimeUnit.SECONDS.toNanos(61));
    assertThat(count()).isZero();
  }

  private long count() {
    return meters.commitToVisiblePercentiles("public.a").orElseThrow().count();
  }

  private List<String> lines(String prefix) {
    return meters.scrape().lines().filter(line -> line.startsWith(prefix)).toList();
  }
}
