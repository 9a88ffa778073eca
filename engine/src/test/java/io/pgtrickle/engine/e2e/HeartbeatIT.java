package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.pgtrickle.engine.catalog.Lease;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/// A sidecar takes long to start: it waits for a write transaction before it has a slot.
final class HeartbeatIT {
  private static final String ALIVE =
      "SELECT coalesce(heartbeat_at > started_at + interval '5 s', false)"
          + " FROM pgtrickle_internal.pgt_sidecar";

  @Test
  void aSidecarThatStartsIsAlive() throws Exception {
    try (LiveDatabase database = LiveDatabase.create();
        Connection connection = database.connect();
        Connection writer = database.connect()) {
      begin(writer);
      database.startSidecar();
      awaitCreation(connection);
      await().atMost(PATIENCE).until(() -> "t".equals(value(connection, ALIVE)));
      assertThat(creations(connection)).isNotEmpty();
      writer.rollback();
      assertThat(database.sidecar().awaitReady(PATIENCE)).isTrue();
      assertThat(value(connection, "SELECT pgtrickle_internal.require_sidecar()")).isEmpty();
    }
  }

  /// It cannot write down any more that it has made a slot, which would keep the log for ever.
  @Test
  void whoLosesTheLeaseWhileItStartsLeavesNoSlot() throws Exception {
    try (LiveDatabase database = LiveDatabase.create();
        Connection connection = database.connect();
        Connection writer = database.connect();
        Connection other = database.connect()) {
      begin(writer);
      database.startSidecar();
      awaitCreation(connection);
      run(
          connection,
          "SELECT pg_terminate_backend(backend_pid) FROM pgtrickle_internal.pgt_sidecar");
      Lease taken =
          await()
              .atMost(PATIENCE)
              .until(
                  () ->
                      Lease.acquire(
                          other, new Lease.Holder(UUID.randomUUID(), "elsewhere", 1, "", "test")),
                  Optional::isPresent)
              .orElseThrow();
      writer.rollback();
      // The other one stays alive all the time, and so is not relieved of the lease.
      await()
          .atMost(PATIENCE)
          .until(
              () ->
                  taken.heartbeat(other)
                      && creations(connection).isEmpty()
                      && slots(connection).isEmpty());
      taken.release();
      assertThat(database.sidecar().awaitReady(PATIENCE)).isTrue();
      assertThat(slots(connection)).hasSize(1);
    }
  }

  private static void begin(Connection writer) throws SQLException {
    writer.setAutoCommit(false);
    run(writer, "CREATE TABLE never (i int)");
  }

  private static void awaitCreation(Connection connection) {
    await().atMost(PATIENCE).until(() -> !creations(connection).isEmpty());
  }

  // Those that wait for the writer.
  private static List<String> creations(Connection connection) throws SQLException {
    return rows(
        connection,
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            + " AND backend_type = 'walsender' AND wait_event_type = 'Lock'");
  }

  private static List<String> slots(Connection connection) throws SQLException {
    return rows(
        connection,
        "SELECT slot_name FROM pg_replication_slots WHERE database = current_database()");
  }
}
