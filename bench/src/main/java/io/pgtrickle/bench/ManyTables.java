package io.pgtrickle.bench;

import io.pgtrickle.bench.EndToEnd.Scale;
import java.io.IOException;
import java.io.PrintStream;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/// What many stream tables cost: creating and restoring them, having them while nothing happens,
/// and a change that concerns one of them only, beside none and beside all the others.
final class ManyTables {
  private static final int BASES = 20;
  private static final int PER_TRANSACTION = 100;
  private static final int CHANGES = 300;
  private static final int WARM_UP = 200;
  // More than an interval of checkpoints.
  private static final int SETTLING = 60;
  private static final long PRECISION = TimeUnit.MINUTES.toNanos(1);
  private static final String ALONE = "SELECT id, note FROM lonely";

  private final Rig rig;
  private final int tables;

  private ManyTables(Rig rig, int tables) {
    this.rig = rig;
    this.tables = tables;
  }

  static void measure(Scale scale, PrintStream out)
      throws SQLException, IOException, InterruptedException {
    try (Rig rig = Rig.start()) {
      new ManyTables(rig, scale.baseRows() / 1_000).measure(scale.seconds(), out);
    }
  }

  private void measure(int seconds, PrintStream out)
      throws SQLException, IOException, InterruptedException {
    createBases();
    rig.createStreamTable("alone", ALONE);
    follow(WARM_UP);
    Histogram before = follow(CHANGES);
    double idleBefore = idle(seconds);
    long begin = System.nanoTime();
    create();
    long creating = System.nanoTime() - begin;
    long memory = rig.sidecarMemory("VmRSS");
    double idle = idle(seconds);
    follow(WARM_UP);
    Histogram after = follow(CHANGES);
    Histogram all = followAll();
    rig.stopSidecar();
    long restart = rig.startSidecar();
    rig.syncAll();
    rig.requireEqual("alone", ALONE);
    for (int i : new int[] {0, tables / 2, tables - 1}) {
      rig.requireEqual("st_" + i, query(i));
    }
    Table table =
        new Table("a stream table beside", "commit sent → visible, p50 / p99 ms", "idle, % of one");
    table.row("none", Table.percentiles(before), percent(idleBefore));
    table.row(Table.count(tables) + " others", Table.percentiles(after), percent(idle));
    table.print(out);
    Table whole = new Table(Table.count(tables) + " over " + BASES + " base tables", "");
    whole.row("creating them, ms", Table.millis(creating));
    whole.row("resident, MiB", Table.count((double) (memory >> 20)));
    whole.row(
        "a row of one base table changed, of which %d read, p50 / p99 ms".formatted(tables / BASES),
        Table.percentiles(all));
    whole.row("restart after an orderly stop, ms", Table.millis(restart));
    whole.print(out);
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.2f", 100 * share);
  }

  private void createBases() throws SQLException {
    for (int i = 0; i < BASES; i++) {
      rig.execute(
          """
          CREATE TABLE base_%1$d (id int PRIMARY KEY, kind int NOT NULL, amount int NOT NULL);
          INSERT INTO base_%1$d SELECT i, i %% 50, i FROM generate_series(1, 1000) i;
          """
              .formatted(i));
    }
    rig.execute(
        """
        CREATE TABLE lonely (id int PRIMARY KEY, note int NOT NULL);
        INSERT INTO lonely SELECT i, 0 FROM generate_series(1, 1000) i;
        """);
    rig.execute("VACUUM ANALYZE");
  }

  // Groupings, filters and joins in turns, each another query.
  private static String query(int i) {
    int base = i % BASES;
    int variant = i / BASES;
    return switch (variant % 3) {
      case 0 ->
          "SELECT kind %% %d AS k, count(*) AS n, sum(amount) AS total FROM base_%d GROUP BY 1"
              .formatted(2 + variant, base);
      case 1 -> "SELECT id, amount FROM base_%d WHERE kind = %d".formatted(base, variant);
      default ->
          "SELECT a.id, a.amount, b.kind FROM base_%d a JOIN base_%d b ON b.id = a.id AND a.kind = %d"
              .formatted(base, (base + 1) % BASES, variant);
    };
  }

  private void create() throws SQLException {
    for (int from = 0; from < tables; from += PER_TRANSACTION) {
      Map<String, String> queries = new LinkedHashMap<>();
      for (int i = from; i < Math.min(tables, from + PER_TRANSACTION); i++) {
        queries.put("st_" + i, query(i));
      }
      rig.createStreamTables(queries);
    }
  }

  /// The share of one processor that the sidecar takes while nobody writes, once what was created
  /// has been saved and compiled.
  private double idle(int seconds) throws InterruptedException {
    TimeUnit.SECONDS.sleep(SETTLING);
    double before = rig.sidecarSeconds();
    TimeUnit.SECONDS.sleep(seconds);
    return (rig.sidecarSeconds() - before) / seconds;
  }

  private Histogram follow(int changes) throws SQLException {
    return changes(
        changes,
        "UPDATE lonely SET note = ? WHERE id = ?",
        "SELECT 1 FROM alone WHERE note = ? AND id = ?");
  }

  private Histogram followAll() throws SQLException {
    return changes(
        CHANGES,
        "UPDATE base_0 SET amount = 1000000 + ? WHERE id = ?",
        "SELECT 1 FROM st_%d WHERE amount = 1000000 + ? AND id = ?".formatted(BASES));
  }

  /// Changes one row at a time and waits until that is seen.
  private Histogram changes(int changes, String change, String look) throws SQLException {
    Histogram times = new Histogram(PRECISION, 3);
    try (Connection connection = rig.connect();
        PreparedStatement changing = connection.prepareStatement(change);
        PreparedStatement looking = connection.prepareStatement(look)) {
      for (int i = 1; i <= changes; i++) {
        // Of the kind that the stream table looked at keeps.
        int id = 1 + i % 20 * 50;
        long sent = System.nanoTime();
        execute(changing, i, id);
        while (!isFound(looking, i, id)) {
          if (System.nanoTime() - sent > PRECISION) {
            throw new IllegalStateException("a change was not seen within a minute: " + change);
          }
        }
        times.recordValue(System.nanoTime() - sent);
      }
    }
    return times;
  }

  private static void execute(PreparedStatement statement, int value, int id) throws SQLException {
    statement.setInt(1, value);
    statement.setInt(2, id);
    statement.executeUpdate();
  }

  private static boolean isFound(PreparedStatement statement, int value, int id)
      throws SQLException {
    statement.setInt(1, value);
    statement.setInt(2, id);
    try (ResultSet rows = statement.executeQuery()) {
      return rows.next();
    }
  }
}
