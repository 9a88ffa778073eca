package io.pgtrickle.bench;

import io.pgtrickle.bench.EndToEnd.Scale;
import java.io.IOException;
import java.io.PrintStream;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/// What the writers of a database lose by it: transactions per second of some clients, while the
/// sidecar maintains two stream tables over what they write, and while there is none.
///
/// The transaction is that of TPC-B as pgbench has it. Rounds with and without alternate; before
/// each the same is done for as long without being counted, because a sidecar that has just been
/// started compiles its own code more than it does anything else. Where the sidecar runs on the
/// server's own processors, as here, its work is in the figure too.
final class PrimaryCost {
  private static final int CLIENTS = 4;
  private static final int ROUNDS = 5;
  private static final int ACCOUNTS_PER_BRANCH = 100_000;
  private static final int TELLERS_PER_BRANCH = 10;

  private static final String ACCOUNTS =
      "SELECT bid, count(*) AS n, sum(abalance) AS total FROM pgbench_accounts GROUP BY bid";
  private static final String HISTORY =
      "SELECT tid, bid, count(*) AS n, sum(delta) AS total FROM pgbench_history GROUP BY tid, bid";

  private final Rig rig;
  private final int branches;

  private PrimaryCost(Rig rig, int branches) {
    this.rig = rig;
    this.branches = branches;
  }

  static void measure(Scale scale, PrintStream out)
      throws SQLException, IOException, InterruptedException {
    int branches = Math.max(1, scale.baseRows() / ACCOUNTS_PER_BRANCH);
    try (Rig rig = Rig.start()) {
      new PrimaryCost(rig, branches).measure(scale.seconds(), out);
    }
  }

  private void measure(int seconds, PrintStream out)
      throws SQLException, IOException, InterruptedException {
    createTables();
    rig.createStreamTable("by_branch", ACCOUNTS);
    rig.createStreamTable("by_teller", HISTORY);
    List<Long> with = new ArrayList<>();
    List<Long> without = new ArrayList<>();
    double sidecarSeconds = 0;
    double walsenderSeconds = 0;
    // The first round warms up.
    for (int round = 0; round <= ROUNDS; round++) {
      write(seconds);
      rig.syncAll();
      rig.execute("CHECKPOINT");
      double sidecarBefore = rig.sidecarSeconds();
      double walsenderBefore = Stopwatch.serverSeconds(rig, slot());
      long following = write(seconds);
      double sidecarUsed = rig.sidecarSeconds() - sidecarBefore;
      double walsenderUsed = Stopwatch.serverSeconds(rig, slot()) - walsenderBefore;
      rig.stopSidecar();
      write(seconds);
      rig.execute("CHECKPOINT");
      long alone = write(seconds);
      rig.startSidecar();
      if (round > 0) {
        with.add(following);
        without.add(alone);
        sidecarSeconds += sidecarUsed / (ROUNDS * seconds);
        walsenderSeconds += walsenderUsed / (ROUNDS * seconds);
      }
    }
    rig.syncAll();
    rig.requireEqual("by_branch", ACCOUNTS);
    rig.requireEqual("by_teller", HISTORY);
    Table table =
        new Table(
            CLIENTS + " clients, " + Table.count(branches * ACCOUNTS_PER_BRANCH) + " accounts",
            "transactions/s: median (range)");
    table.row("without a sidecar", rates(without, seconds));
    table.row("with the sidecar and two stream tables", rates(with, seconds));
    table.print(out);
    out.printf(
        Locale.ROOT,
        "Of one processor took the sidecar %.0f %%, its walsender %.0f %%%n",
        100 * sidecarSeconds,
        100 * walsenderSeconds);
    List<Double> ratios = new ArrayList<>();
    for (int i = 0; i < ROUNDS; i++) {
      ratios.add((double) with.get(i) / without.get(i));
    }
    out.printf(
        Locale.ROOT,
        "Of the medians: %.1f %%; of each pair of rounds: %s%n",
        100 * Table.median(with) / Table.median(without),
        String.join(
            ", ",
            ratios.stream().map(r -> String.format(Locale.ROOT, "%.1f %%", 100 * r)).toList()));
  }

  private String slot() throws SQLException {
    return rig.text("SELECT slot_name FROM pgtrickle_internal.pgt_progress");
  }

  private static String rates(List<Long> counts, int seconds) {
    return "%s (%s–%s)"
        .formatted(
            Table.count(Table.median(counts) / seconds),
            Table.count(counts.stream().mapToDouble(n -> (double) n / seconds).min().orElse(0)),
            Table.count(counts.stream().mapToDouble(n -> (double) n / seconds).max().orElse(0)));
  }

  private void createTables() throws SQLException {
    rig.execute(
        """
        CREATE TABLE pgbench_branches (bid int PRIMARY KEY, bbalance int, filler char(88))
          WITH (fillfactor = 100);
        CREATE TABLE pgbench_tellers (tid int PRIMARY KEY, bid int, tbalance int, filler char(84));
        CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84));
        CREATE TABLE pgbench_history (
          tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
        INSERT INTO pgbench_branches SELECT i, 0, '' FROM generate_series(1, %1$d) i;
        INSERT INTO pgbench_tellers
          SELECT i, 1 + (i - 1) / %2$d, 0, '' FROM generate_series(1, %1$d * %2$d) i;
        INSERT INTO pgbench_accounts
          SELECT i, 1 + (i - 1) / %3$d, 0, '' FROM generate_series(1, %1$d * %3$d) i;
        """
            .formatted(branches, TELLERS_PER_BRANCH, ACCOUNTS_PER_BRANCH));
    rig.execute("VACUUM ANALYZE");
  }

  /// Returns how many transactions all clients committed in so many seconds.
  private long write(int seconds) throws InterruptedException {
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    try (ExecutorService threads = Executors.newFixedThreadPool(CLIENTS)) {
      List<Future<Long>> clients = new ArrayList<>();
      for (int client = 0; client < CLIENTS; client++) {
        Random random = new Random(client);
        clients.add(threads.submit(() -> write(random, until)));
      }
      long transactions = 0;
      for (Future<Long> client : clients) {
        transactions += client.get();
      }
      return transactions;
    } catch (ExecutionException e) {
      throw new IllegalStateException("a client failed", e.getCause());
    }
  }

  private long write(Random random, long until) throws SQLException {
    long transactions = 0;
    try (Connection connection = rig.connect();
        PreparedStatement account =
            connection.prepareStatement(
                "UPDATE pgbench_accounts SET abalance = abalance + ? WHERE aid = ?");
        PreparedStatement balance =
            connection.prepareStatement("SELECT abalance FROM pgbench_accounts WHERE aid = ?");
        PreparedStatement teller =
            connection.prepareStatement(
                "UPDATE pgbench_tellers SET tbalance = tbalance + ? WHERE tid = ?");
        PreparedStatement branch =
            connection.prepareStatement(
                "UPDATE pgbench_branches SET bbalance = bbalance + ? WHERE bid = ?");
        PreparedStatement history =
            connection.prepareStatement(
                "INSERT INTO pgbench_history (tid, bid, aid, delta, mtime)"
                    + " VALUES (?, ?, ?, ?, localtimestamp)")) {
      connection.setAutoCommit(false);
      for (; System.nanoTime() < until; transactions++) {
        int aid = 1 + random.nextInt(branches * ACCOUNTS_PER_BRANCH);
        int tid = 1 + random.nextInt(branches * TELLERS_PER_BRANCH);
        int bid = 1 + random.nextInt(branches);
        int delta = random.nextInt(10_001) - 5_000;
        update(account, delta, aid);
        balance.setInt(1, aid);
        balance.executeQuery().close();
        update(teller, delta, tid);
        update(branch, delta, bid);
        history.setInt(1, tid);
        history.setInt(2, bid);
        history.setInt(3, aid);
        history.setInt(4, delta);
        history.executeUpdate();
        connection.commit();
      }
    }
    return transactions;
  }

  private static void update(PreparedStatement statement, int delta, int key) throws SQLException {
    statement.setInt(1, delta);
    statement.setInt(2, key);
    statement.executeUpdate();
  }
}
