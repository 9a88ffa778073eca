package io.pgtrickle.bench;

import io.pgtrickle.bench.EndToEnd.Scale;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/// How long it takes until every stream table is live again, from the start of the process: with
/// the state of an orderly stop, with that of a checkpoint and the log since, and without any.
///
/// Starting the JVM and connecting is in all of them; what that costs is measured with no stream
/// table.
final class Restart {
  private static final String TOTALS =
      """
      SELECT a.region, e.kind, count(*) AS events, sum(e.amount) AS total
      FROM events e JOIN accounts a ON a.id = e.account
      GROUP BY a.region, e.kind\
      """;
  private static final String JOINED =
      """
      SELECT e.id, e.amount, e.kind, a.region FROM events e JOIN accounts a ON a.id = e.account
      WHERE e.kind <> 'void'\
      """;

  private Restart() {}

  static void measure(Scale scale, PrintStream out)
      throws SQLException, IOException, InterruptedException {
    int rows = scale.baseRows();
    try (Rig rig = Rig.start()) {
      rig.stopSidecar();
      long nothing = rig.startSidecar();
      rig.execute(
          """
          CREATE TABLE accounts (id int PRIMARY KEY, region text NOT NULL);
          CREATE TABLE events (
            id bigint PRIMARY KEY, account int NOT NULL, kind text NOT NULL,
            amount numeric(12,2) NOT NULL);
          INSERT INTO accounts SELECT i, 'region ' || i %% 50 FROM generate_series(1, 10000) i;
          INSERT INTO events SELECT i, 1 + i %% 10000, (ARRAY['buy','sell','give','void'])[1 + i %% 4],
            (i %% 100000) / 100.0 FROM generate_series(1, %d) i;
          """
              .formatted(rows));
      rig.createStreamTable("totals", TOTALS);
      rig.createStreamTable("joined", JOINED);
      Table table = new Table("restart", "until live, ms");
      table.row("no stream table", Table.millis(nothing));
      rig.stopSidecar();
      long bytes = bytes(rig.directory());
      table.row("after an orderly stop", Table.millis(rig.startSidecar()));
      int changed = rows / 10;
      rig.execute("SELECT pgtrickle.set_config('checkpoint_interval', '1 h')");
      rig.execute("SELECT pgtrickle.set_config('checkpoint_wal', '1048576')");
      rig.stopSidecar();
      rig.startSidecar();
      rig.execute("UPDATE events SET amount = amount + 1 WHERE id <= " + changed);
      rig.sync("joined");
      rig.killSidecar();
      table.row(
          "killed, with " + Table.count(changed) + " changed rows since the checkpoint",
          Table.millis(rig.startSidecar()));
      check(rig);
      rig.stopSidecar();
      delete(rig.directory());
      table.row("without state", Table.millis(rig.startSidecar()));
      check(rig);
      out.println(
          "%s rows in the base tables, %s bytes of state on disk"
              .formatted(Table.count(rows), Table.count((double) bytes)));
      table.print(out);
      checkpoints(rig, changed, out);
    }
  }

  // What checkpoints cost while a tenth of the rows is changed, one row in ten each time.
  private static void checkpoints(Rig rig, int changed, PrintStream out)
      throws SQLException, IOException, InterruptedException {
    rig.execute("SELECT pgtrickle.set_config('checkpoint_interval', '500 ms')");
    for (int round = 0; round < 10; round++) {
      rig.execute(
          "UPDATE events SET amount = amount + 1 WHERE id %% 10 = %d AND id <= %d"
              .formatted(round, changed));
      rig.sync("joined");
    }
    Metrics metrics = rig.metrics();
    double count = metrics.sum("pgtrickle_checkpoint_duration_seconds_count", "");
    Table table =
        new Table("checkpoints", "pause, mean ms", "pause, longest ms", "duration, mean ms");
    table.row(
        Table.count(count),
        Table.millis(metrics.sum("pgtrickle_checkpoint_pause_seconds_sum", "") / count * 1e9),
        Table.millis(metrics.sum("pgtrickle_checkpoint_pause_seconds_max", "") * 1e9),
        Table.millis(metrics.sum("pgtrickle_checkpoint_duration_seconds_sum", "") / count * 1e9));
    table.print(out);
    check(rig);
  }

  private static void check(Rig rig) throws SQLException {
    rig.sync("totals");
    rig.sync("joined");
    rig.requireEqual("totals", TOTALS);
    rig.requireEqual("joined", JOINED);
  }

  private static List<Path> files(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      return files.filter(Files::isRegularFile).sorted(Comparator.reverseOrder()).toList();
    }
  }

  private static long bytes(Path directory) throws IOException {
    long bytes = 0;
    for (Path file : files(directory)) {
      bytes += Files.size(file);
    }
    return bytes;
  }

  private static void delete(Path directory) throws IOException {
    for (Path file : files(directory)) {
      Files.delete(file);
    }
  }
}
