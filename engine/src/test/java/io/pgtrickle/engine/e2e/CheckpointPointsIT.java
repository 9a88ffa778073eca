package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.differencesByClock;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.status;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.pgtrickle.dvm.state.Saved;
import io.pgtrickle.dvm.state.StateDirectory;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.engine.refresh.Checkpoint;
import io.pgtrickle.engine.refresh.LiveTable;
import io.pgtrickle.engine.refresh.SavedTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// A stream table is written at the very point of a checkpoint, after that was made: the time
/// stands still between two epochs where rows would come or go too often.
final class CheckpointPointsIT {
  private static final String QUERY = "SELECT a, count(*) AS n FROM base GROUP BY a";
  private static final String OVER = "SELECT n, count(*) AS groups FROM slow GROUP BY n";
  private static final String LASTING = "SELECT id FROM lasting WHERE until > now()";

  @Test
  void whatWasReleasedAtThePointOfTheCheckpointIsNotReleasedAgain() throws Exception {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE base (id int PRIMARY KEY, a int)",
          "INSERT INTO base SELECT i, nullif(i % 4, 0) FROM generate_series(1, 12) i",
          "SELECT pgtrickle.create_stream_table('slow', '"
              + QUERY
              + "', schedule => '1h', refresh_mode => 'DIFFERENTIAL')");
      ready(connection, "slow");
      streamTable(connection, "over_slow", OVER, "DIFFERENTIAL");
      streamTable(connection, "prompt", "SELECT id FROM base", "DIFFERENTIAL");
      run(
          connection,
          "INSERT INTO base VALUES (100, 1), (101, NULL)",
          "DELETE FROM base WHERE id = 2");
      run(connection, "SELECT pgtrickle.sync('prompt', '60 s')");
      database.stopSidecar();
      Checkpoint checkpoint = checkpoint(database.stateDirectory());
      // As the sidecar does in an epoch by the time alone, and is killed before anything else.
      run(
          connection,
          "SET session_replication_role = replica",
          "UPDATE slow SET n = 4 WHERE a = 1 OR a IS NULL",
          "UPDATE slow SET n = 2 WHERE a = 2",
          "UPDATE pgtrickle.pgt_state s SET refresh_id = refresh_id + 1, last_refresh_at = now(),"
              + " frontier = '%s', data_timestamp = '%s' FROM pgtrickle.pgt_definitions d"
                  .formatted(checkpoint.frontier(), checkpoint.time())
              + " WHERE d.pgt_id = s.pgt_id AND d.table_name = 'slow'",
          "SET session_replication_role = origin");
      assertThat(differences(connection, "slow", QUERY)).isEmpty();
      // What waited in the state and what follows cancel.
      run(connection, "DELETE FROM base WHERE id IN (100, 101)", "INSERT INTO base VALUES (2, 2)");
      assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
      ready(connection, "slow");
      ready(connection, "over_slow");
      run(connection, "SELECT pgtrickle.refresh_stream_table('slow')");
      sync(connection);
      assertThat(differences(connection, "slow", QUERY)).isEmpty();
      assertThat(differences(connection, "over_slow", OVER)).isEmpty();
      assertThat(
              rows(connection, "SELECT effective_refresh_mode FROM pgtrickle.pgt_state GROUP BY 1"))
          .containsExactly("DIFFERENTIAL");
    }
  }

  /// A held table is written with nothing once the time has taken back what it lacked; the log is
  /// where it was.
  @Test
  void whatWasTakenBackByTheTimeAloneDoesNotComeBack() throws Exception {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE lasting (id int PRIMARY KEY, until timestamptz)",
          "INSERT INTO lasting VALUES (1, 'infinity'), (2, NULL)",
          "SELECT pgtrickle.create_stream_table('slow', '"
              + LASTING
              + "', schedule => '1h', refresh_mode => 'DIFFERENTIAL')");
      ready(connection, "slow");
      streamTable(connection, "prompt", "SELECT id FROM lasting", "DIFFERENTIAL");
      run(
          connection,
          "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
              + " 'BEGIN RAISE EXCEPTION ''no''; END'",
          "CREATE TRIGGER refuse BEFORE INSERT ON slow FOR EACH ROW EXECUTE FUNCTION refuse()",
          "INSERT INTO lasting SELECT 3, clock_timestamp() + interval '20 s'",
          "SET pg_trickle.call_timeout = '500 ms'");
      assertThatThrownBy(() -> run(connection, "SELECT pgtrickle.refresh_stream_table('slow')"))
          .hasMessageContaining("timed out");
      await().atMost(PATIENCE).until(() -> status(connection, "slow").equals("HELD P0001"));
      database.stopSidecar();
      LiveTable.Released released;
      try (StateDirectory directory = StateDirectory.open(state(database.stateDirectory()));
          Storage storage = Storage.onHeap(Runnable::run)) {
        Saved saved = directory.saved().orElseThrow();
        String id = "SELECT pgt_id FROM pgtrickle.pgt_definitions WHERE table_name = 'slow'";
        SavedTable entry =
            SavedTable.of(Long.parseLong(rows(connection, id).getFirst()), saved, storage)
                .orElseThrow();
        assertThat(entry.carried().isEmpty()).as("what it lacks is still carried").isFalse();
        released = entry.released();
        assertThat(released.frontier()).isEqualTo(Checkpoint.of(saved).frontier());
      }
      await()
          .atMost(PATIENCE)
          .until(
              () ->
                  rows(
                          connection,
                          "SELECT id FROM lasting WHERE id = 3 AND until > clock_timestamp() -"
                              + " interval '1 s'")
                      .isEmpty());
      // As the sidecar does in an epoch by the time alone, and is killed before anything else.
      run(
          connection,
          "DROP TRIGGER refuse ON slow",
          "UPDATE pgtrickle.pgt_state s SET last_refresh_at = now(), frontier = '%s',"
                  .formatted(released.frontier())
              + " data_timestamp = (SELECT until + interval '1 s' FROM lasting WHERE id = 3)"
              + " FROM pgtrickle.pgt_definitions d"
              + " WHERE d.pgt_id = s.pgt_id AND d.table_name = 'slow'");
      assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
      run(
          connection,
          "INSERT INTO lasting VALUES (4, 'infinity')",
          "DELETE FROM lasting WHERE id = 2");
      run(connection, "SELECT pgtrickle.sync('prompt', '60 s')");
      assertThat(rows(connection, "SELECT id FROM slow")).containsExactly("1");
      run(
          connection,
          "RESET pg_trickle.call_timeout",
          "SELECT pgtrickle.refresh_stream_table('slow')");
      assertThat(differencesByClock(connection, "slow", LASTING)).isEmpty();
      assertThat(
              rows(connection, "SELECT effective_refresh_mode FROM pgtrickle.pgt_state GROUP BY 1"))
          .containsExactly("DIFFERENTIAL");
    }
  }

  private static Checkpoint checkpoint(Path states) throws IOException {
    try (StateDirectory directory = StateDirectory.open(state(states))) {
      return Checkpoint.of(directory.saved().orElseThrow());
    }
  }

  private static Path state(Path states) throws IOException {
    try (Stream<Path> folders = Files.list(states)) {
      return folders
          .filter(folder -> Files.exists(folder.resolve("lock")))
          .findFirst()
          .orElseThrow();
    }
  }
}
