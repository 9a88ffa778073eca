package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

/// Queries over random transactions: after each few of them every stream table equals its query,
/// having been maintained incrementally all the time.
///
/// @param schema statements that make the tables
/// @param changes statements that change them; they may be random themselves, by `random()`
record Cycles(List<String> schema, List<String> changes, int cycles, long seed) {
  private static final int FIRST_TRANSACTIONS = 12;
  private static final int PER_CYCLE = 3;

  /// In a database of its own.
  void check(List<Shape> shapes) throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect();
        Connection writer = database.connect()) {
      run(connection, schema.toArray(String[]::new));
      run(connection, "CREATE SCHEMA st", "SET search_path = st, public", "SET jit = off");
      run(writer, "SELECT setseed(" + (seed % 1000) / 1000.0 + ")");
      Random random = new Random(seed);
      transactions(writer, random, FIRST_TRANSACTIONS);
      create(connection, shapes);
      Set<String> withRows = new HashSet<>();
      for (int cycle = 0; cycle < cycles; cycle++) {
        transactions(writer, random, PER_CYCLE);
        sync(connection);
        for (Shape shape : shapes) {
          assertThat(rows(connection, shape.differences()))
              .as("%s, cycle %s, seed %s: %s", shape.name(), cycle, seed, shape.query())
              .isEmpty();
          if (value(connection, "SELECT 1 FROM st." + shape.name() + " LIMIT 1") != null) {
            withRows.add(shape.name());
          }
        }
      }
      // What random() says is a matter of the server's plans, so that one or another may have none.
      assertThat(withRows)
          .as("stream tables that have had rows")
          .hasSizeGreaterThanOrEqualTo(shapes.size() - shapes.size() / 10);
      assertThat(
              rows(
                  connection,
                  "SELECT pgt_name FROM pgtrickle.pgt_stream_tables"
                      + " WHERE effective_refresh_mode <> 'DIFFERENTIAL' OR status <> 'ACTIVE'"))
          .isEmpty();
      assertThat(
              value(
                  connection,
                  "SELECT count(*) FROM pgtrickle.pgt_refresh_history WHERE action = 'FULL'"))
          .isEqualTo("0");
      assertThat(database.sidecar().meters().scrape())
          .contains("pgtrickle_phd1_removed_rows_total 0.0");
    }
  }

  // Those that wait together are initialized together.
  private static void create(Connection connection, List<Shape> shapes) throws SQLException {
    try (var create =
        connection.prepareStatement(
            "SELECT pgtrickle.create_stream_table(?, ?, refresh_mode => 'DIFFERENTIAL')")) {
      for (Shape shape : shapes) {
        create.setString(1, shape.name());
        create.setString(2, shape.query());
        create.execute();
      }
    }
    for (Shape shape : shapes) {
      ready(connection, shape.name());
    }
  }

  private void transactions(Connection writer, Random random, int number) throws SQLException {
    writer.setAutoCommit(false);
    for (int i = 0; i < number; i++) {
      List<String> statements = new ArrayList<>();
      for (int k = 1 + random.nextInt(4); k > 0; k--) {
        statements.add(changes.get(random.nextInt(changes.size())));
      }
      run(writer, statements.toArray(String[]::new));
      if (random.nextInt(10) == 0) {
        writer.rollback();
      } else {
        writer.commit();
      }
    }
    writer.setAutoCommit(true);
  }
}
