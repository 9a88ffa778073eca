package io.pgtrickle.bench;

import io.pgtrickle.bench.Consumer.Reading;
import io.pgtrickle.bench.EndToEnd.Scale;
import java.io.IOException;
import java.io.PrintStream;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/// How fast the log is read, and how much later than at all possible a commit is there: by the
/// sidecar's reader, by a bare consumer, and by Debezium.
///
/// All of them read the same log of rows that are committed already, one after the other, in
/// alternating order and after a round that is not counted. The bare consumer is what the server
/// and the driver allow.
final class Capture {
  private static final int ROUNDS = 3;
  private static final int RATE = 1_000;
  private static final String SLOT = "bench_latency";

  private Capture() {}

  static void measure(Scale scale, PrintStream out)
      throws SQLException, IOException, InterruptedException {
    try (Rig rig = Rig.withoutSidecar()) {
      Backlog.prepare(rig);
      try (Backlog backlog = Backlog.oneTransaction(rig, scale.capturedRows())) {
        rates("one transaction of " + Table.count(scale.capturedRows()) + " rows", backlog, out);
      }
      try (Backlog backlog = Backlog.smallTransactions(rig, scale.smallTransactions())) {
        rates(Table.count(scale.smallTransactions()) + " transactions of one row", backlog, out);
      }
    }
    latencies(scale.seconds(), out);
  }

  private static void rates(String workload, Backlog backlog, PrintStream out)
      throws SQLException, IOException, InterruptedException {
    List<Contender> contenders =
        List.of(
            new Contender(new BareConsumer()),
            new Contender(OurConsumer.decoding()),
            new Contender(OurConsumer.packing()),
            new Contender(new DebeziumConsumer()));
    for (int round = 0; round <= ROUNDS; round++) {
      for (Contender contender : round % 2 == 0 ? contenders : contenders.reversed()) {
        Reading reading = backlog.readBy(contender.consumer);
        if (round > 0) {
          contender.readings.add(reading);
        }
      }
    }
    Table table =
        new Table(
            workload,
            "rows/s: median (range)",
            "of bare",
            "server, s of processor per million rows",
            "consumer, s of processor per million rows");
    double rows = backlog.rows();
    List<Long> bare = contenders.getFirst().nanos();
    for (Contender contender : contenders) {
      List<Long> nanos = contender.nanos();
      table.row(
          contender.consumer.name(),
          "%s (%s–%s)"
              .formatted(
                  Table.count(rows / Table.median(nanos) * 1e9),
                  Table.count(rows / Collections.max(nanos) * 1e9),
                  Table.count(rows / Collections.min(nanos) * 1e9)),
          "%.0f %%".formatted(100 * Table.median(bare) / Table.median(nanos)),
          perMillion(rows, contender.readings.stream().map(Reading::serverSeconds).toList()),
          perMillion(rows, contender.readings.stream().map(Reading::ownSeconds).toList()));
    }
    table.print(out);
  }

  /// A consumer and how it did.
  private static final class Contender {
    private final Consumer consumer;
    private final List<Reading> readings = new ArrayList<>();

    Contender(Consumer consumer) {
      this.consumer = consumer;
    }

    List<Long> nanos() {
      return readings.stream().map(Reading::nanos).toList();
    }
  }

  private static String perMillion(double rows, List<Double> seconds) {
    double mean = seconds.stream().mapToDouble(Double::doubleValue).average().orElse(Double.NaN);
    return String.format(Locale.ROOT, "%.2f", mean * 1e6 / rows);
  }

  // ---- latency
  // ------------------------------------------------------------------------------------

  private static void latencies(int seconds, PrintStream out)
      throws SQLException, InterruptedException {
    Table table =
        new Table(
            "at " + Table.count(RATE) + " transactions/s, p50 / p99 in milliseconds",
            "commit sent → received",
            "commit acknowledged → received",
            "the client's own commit");
    try (Rig rig = Rig.withoutSidecar()) {
      LogFloor.prepare(rig);
      for (int round = 0; round <= ROUNDS; round++) {
        String label = round == 0 ? "" : ", round " + round;
        latency(rig, "bare consumer" + label, BareConsumer::stamp, seconds, round, table);
        latency(rig, "ours" + label, OurConsumer::stamp, seconds, round, table);
      }
    }
    table.print(out);
  }

  private static void latency(
      Rig rig, String name, LogFloor.Stamping consumer, int seconds, int round, Table table)
      throws SQLException, InterruptedException {
    LogFloor.Times times = LogFloor.times(rig, SLOT, RATE, RATE * seconds, consumer);
    if (round > 0) {
      table.row(
          name,
          LogFloor.spread(times.sent, times.received),
          LogFloor.spread(times.acknowledged, times.received),
          LogFloor.spread(times.sent, times.acknowledged));
    }
  }
}
