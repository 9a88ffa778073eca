package io.pgtrickle.bench;

import io.pgtrickle.bench.EndToEnd.Scale;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import io.pgtrickle.engine.apply.ResidueCheck;
import io.pgtrickle.engine.apply.StorageCatalog;
import io.pgtrickle.engine.apply.StreamTable;
import java.io.IOException;
import java.io.PrintStream;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/// What the PH-D1 residue check adds to an epoch of a top-level join, by touched rows.
///
/// The sidecar checks up to 1,024 rows within the epoch that writes them, more of them after its
/// commit. The epoch's time is the sidecar's own refresh duration, the difference of two scrapes
/// around updates of so many base rows. The check's is that of the sidecar's class, run from here
/// on
/// the same rows (the update's new images) with the sidecar's planner settings; the look-ups of the
/// expected weights are left out, `JoinBenchmark.weight` has them.
final class ResidueCost {
  private static final int[] TOUCHED = {1, 10, 100, 1_000, 10_000};
  private static final String TABLE = "details";
  private static final String QUERY =
      """
      SELECT o.id, o.quantity, o.amount, o.status, c.name, c.region
      FROM orders o JOIN customers c ON c.id = o.customer_id\
      """;
  private static final List<Integer> KEY = List.of(0);

  private ResidueCost() {}

  static void measure(Scale scale, PrintStream out)
      throws SQLException, IOException, InterruptedException {
    Table table =
        new Table(
            "touched rows of a table of " + Table.count(scale.baseRows()),
            "epoch, ms",
            "check, ms",
            "check / epoch",
            "check, µs per row");
    try (Rig rig = Rig.start();
        Connection session = rig.connect()) {
      Refresh.createBase(rig, scale.baseRows());
      rig.createStreamTable(TABLE, QUERY);
      try (Statement statement = session.createStatement()) {
        statement.execute("SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off");
      }
      session.setAutoCommit(false);
      StreamTable storage =
          StorageCatalog.load(session, 1, "public", TABLE, Optional.of(KEY), true);
      for (int touched : TOUCHED) {
        if (touched <= scale.baseRows()) {
          row(rig, session, storage, scale, touched, table);
        }
      }
      double removed = rig.metrics().sum("pgtrickle_phd1_removed_rows_total", "");
      out.println("Rows the sidecar removed as residue meanwhile: " + Table.count(removed));
    }
    table.print(out);
  }

  private static void row(
      Rig rig, Connection session, StreamTable storage, Scale scale, int touched, Table table)
      throws SQLException, IOException, InterruptedException {
    int rounds = 3 * scale.rounds();
    List<Long> epochs = new ArrayList<>();
    List<Long> checks = new ArrayList<>();
    for (int round = 0; round < rounds; round++) {
      Metrics before = rig.metrics();
      rig.execute(
          "UPDATE orders SET amount = amount + 1 WHERE id %% %d = %d"
              .formatted(scale.baseRows() / touched, round % (scale.baseRows() / touched)));
      rig.sync(TABLE);
      epochs.add(nanos(before, rig.metrics()));
      ZSet rows = rows(session, storage.schema(), scale.baseRows() / touched, round);
      long begin = System.nanoTime();
      ResidueCheck.Residue residue =
          new ResidueCheck(storage).check(session, rows, ignored -> OptionalLong.of(1));
      session.commit();
      checks.add(System.nanoTime() - begin);
      if (residue.checked() != touched || residue.removed() != 0) {
        throw new IllegalStateException(touched + " rows were touched, but: " + residue);
      }
    }
    // The first third warms up.
    double epoch = Table.median(epochs.subList(scale.rounds(), rounds));
    double check = Table.median(checks.subList(scale.rounds(), rounds));
    table.row(
        Table.count(touched),
        Table.millis(epoch),
        Table.millis(check),
        Table.ratio(100 * check / epoch) + " %",
        Table.ratio(check / touched / 1_000));
  }

  private static long nanos(Metrics before, Metrics after) {
    String name = "pgtrickle_refresh_duration_seconds_sum";
    String label = "stream_table=\"public." + TABLE + "\"";
    return Math.round((after.sum(name, label) - before.sum(name, label)) * 1e9);
  }

  private static ZSet rows(Connection session, Schema schema, int every, int round)
      throws SQLException {
    ZSet.Builder rows = new ZSet.Builder();
    try (PreparedStatement query =
        session.prepareStatement("SELECT * FROM " + TABLE + " WHERE id % ? = ?")) {
      query.setInt(1, every);
      query.setInt(2, round % every);
      try (ResultSet result = query.executeQuery()) {
        while (result.next()) {
          rows.add(row(result, schema), 1);
        }
      }
    }
    return rows.build();
  }

  private static Row row(ResultSet result, Schema schema) throws SQLException {
    @Nullable Object[] values = new @Nullable Object[schema.size()];
    for (int column = 0; column < values.length; column++) {
      String text = result.getString(column + 1);
      values[column] = text == null ? null : schema.codec(column).fromText(text);
    }
    return schema.pack(values);
  }
}
