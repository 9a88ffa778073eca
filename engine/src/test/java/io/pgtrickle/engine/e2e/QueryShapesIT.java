package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.SQLException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Every query shape at once over one database, under random transactions: after each cycle every
/// stream table
/// equals its query, as a bag and as text, at one snapshot.
final class QueryShapesIT {
  private static final int CYCLES = 30;

  @ParameterizedTest
  @ValueSource(longs = {1, 20_261_121})
  void streamTablesEqualTheirQueriesAfterEveryCycle(long seed)
      throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect();
        Connection writer = database.connect()) {
      prepare(connection, writer, seed);
      Shop shop = new Shop(seed);
      for (int cycle = 0; cycle < CYCLES; cycle++) {
        for (int i = 0; i < 4; i++) {
          shop.transaction(writer);
        }
        sync(connection);
        for (Shape shape : Shape.ALL) {
          assertThat(rows(connection, shape.differences()))
              .as("%s, seed %s, cycle %s", shape.name(), seed, cycle)
              .isEmpty();
        }
      }
      assertEveryShapeRanIncrementally(connection);
      assertThat(database.sidecar().meters().scrape())
          .contains("pgtrickle_phd1_removed_rows_total 0.0")
          .contains("pgtrickle_phd1_unchecked_rows_total 0.0");
    }
  }

  @Test
  void aRestartRebuildsWithoutChangingWhatIsRight() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect();
        Connection writer = database.connect()) {
      prepare(connection, writer, 7);
      Shop shop = new Shop(7);
      for (int round = 0; round < 3; round++) {
        database.stopSidecar();
        for (int i = 0; i < 10; i++) {
          shop.transaction(writer);
        }
        assertThat(database.startSidecar().awaitReady(LiveDatabase.PATIENCE)).isTrue();
        shop.transaction(writer);
        sync(connection);
        for (Shape shape : Shape.ALL) {
          assertThat(rows(connection, shape.differences()))
              .as("%s, round %s", shape.name(), round)
              .isEmpty();
        }
      }
      assertEveryShapeRanIncrementally(connection);
    }
  }

  private static void prepare(Connection connection, Connection writer, long seed)
      throws SQLException {
    run(
        connection,
        Shop.SCHEMA,
        "CREATE VIEW vip_customers AS SELECT * FROM customers WHERE vip",
        "CREATE SCHEMA st",
        "SET search_path = st, public",
        "SET TimeZone = 'Europe/Berlin'");
    Shop before = new Shop(seed + 1);
    for (int i = 0; i < 40; i++) {
      before.transaction(writer);
    }
    for (Shape shape : Shape.ALL) {
      streamTable(connection, shape.name(), shape.query(), "DIFFERENTIAL");
    }
  }

  private static void assertEveryShapeRanIncrementally(Connection connection) throws SQLException {
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
  }
}
