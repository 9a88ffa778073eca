package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.state.StateDirectory;
import io.pgtrickle.engine.refresh.Checkpoint;
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

  private static Checkpoint checkpoint(Path states) throws IOException {
    Path state;
    try (Stream<Path> folders = Files.list(states)) {
      state =
          folders.filter(folder -> Files.exists(folder.resolve("lock"))).findFirst().orElseThrow();
    }
    try (StateDirectory directory = StateDirectory.open(state)) {
      return Checkpoint.of(directory.saved().orElseThrow());
    }
  }
}
