package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.readiness;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.status;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// While the stream cannot make a step because of one stream table, that one can be dropped, and
/// the stream goes on.
final class StalledIT {
  private static final Pattern HTTP = Pattern.compile("http://[0-9.:]+");
  private static final String LEAN = "SELECT v, count(*) AS n FROM other GROUP BY v";

  private static final String NOTES = "SELECT count(*) AS n, sum(length(note)) AS s FROM fat";

  private static final String FATTEN =
      "INSERT INTO fat SELECT i, repeat('n', 190) || i"
          + " FROM generate_series(%1$d * 5000 + 1, %1$d * 5000 + 5000) i";
  private static final String STAND_STILL =
      "CREATE FUNCTION stand_still() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN"
          + " WHILE EXISTS (SELECT FROM public.brake) LOOP PERFORM pg_sleep(0.02); END LOOP;"
          + " RETURN NULL; END'";

  @TempDir Path directory;

  /// Nothing of any size can be written, and the heap holds only so much that waits for that.
  @Test
  void whatTakesTheRoomCanBeDroppedWhileTheDiskIsFull() throws Exception {
    try (LiveDatabase database = LiveDatabase.create();
        Connection connection = database.connect()) {
      prepareFullDisk(connection);
      Path log = directory.resolve("sidecar.log");
      Process sidecar = database.startWithSmallFiles(256, directory.resolve("state"), log, "128m");
      try {
        awaitSidecar(connection, sidecar);
        streamTable(connection, "big", "SELECT note, id FROM fat WHERE id > 0", "DIFFERENTIAL");
        streamTable(
            connection,
            "big_groups",
            "SELECT note, max(id) AS m FROM fat GROUP BY note",
            "DIFFERENTIAL");
        streamTable(connection, "lean", LEAN, "DIFFERENTIAL");
        fattenUntilStalled(connection, sidecar, log);
        run(connection, "INSERT INTO other VALUES (1, 1), (2, NULL), (3, 1)");
        run(connection, "SELECT pgtrickle.drop_stream_table('big_groups')");
        run(connection, "SELECT pgtrickle.drop_stream_table('big')");
        sync(connection);
        assertThat(ready(log)).doesNotContain("stalled");
        assertThat(differences(connection, "lean", LEAN)).isEmpty();
        run(connection, "DELETE FROM other WHERE id = 1");
        sync(connection);
        assertThat(differences(connection, "lean", LEAN)).isEmpty();
        // Nobody reads it any more, and the log need not have it.
        await()
            .atMost(PATIENCE)
            .until(
                () ->
                    rows(
                            connection,
                            "SELECT tablename FROM pg_publication_tables WHERE tablename = 'fat'")
                        .isEmpty());
      } finally {
        end(sidecar, log);
      }
    }
  }

  /// Its rows take the room, though none of them are shown by anybody.
  @Test
  void whatCouldNotBeInitializedDoesNotTakeTheRoom() throws Exception {
    try (LiveDatabase database = LiveDatabase.create();
        Connection connection = database.connect()) {
      prepareFullDisk(connection);
      run(
          connection,
          "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
              + " 'BEGIN RAISE EXCEPTION ''no''; END'");
      Path log = directory.resolve("sidecar.log");
      Process sidecar = database.startWithSmallFiles(256, directory.resolve("state"), log, "128m");
      try {
        awaitSidecar(connection, sidecar);
        streamTable(connection, "lean", LEAN, "DIFFERENTIAL");
        connection.setAutoCommit(false);
        run(
            connection,
            "SELECT pgtrickle.create_stream_table('notes', '%s', refresh_mode => 'DIFFERENTIAL')"
                .formatted(NOTES),
            "CREATE TRIGGER refuse AFTER INSERT ON notes"
                + " FOR EACH STATEMENT EXECUTE FUNCTION refuse()");
        connection.commit();
        connection.setAutoCommit(true);
        await().atMost(PATIENCE).until(() -> status(connection, "notes").equals("ERROR P0001"));
        for (int i = 0; i < 50; i++) {
          run(connection, FATTEN.formatted(i));
        }
        run(
            connection,
            "INSERT INTO other VALUES (1, 1), (2, NULL), (3, 1)",
            "SELECT pgtrickle.drop_stream_table('notes')");
        sync(connection);
        assertThat(ready(log)).doesNotContain("stalled");
        run(connection, "DELETE FROM other WHERE id = 1");
        sync(connection);
        assertThat(differences(connection, "lean", LEAN)).isEmpty();
      } finally {
        end(sidecar, log);
      }
    }
  }

  /// An initialization is filled when the disk is full already, and could keep what it has made
  /// until there is room.
  @Test
  void anInitializationDoesNotWaitForRoomToJoin() throws Exception {
    try (LiveDatabase database = LiveDatabase.create();
        Connection connection = database.connect()) {
      prepareFullDisk(connection);
      run(
          connection,
          "INSERT INTO other SELECT i, nullif(i % 3, 0) FROM generate_series(1, 20) i",
          "CREATE TABLE brake (id int)",
          "INSERT INTO brake VALUES (1)",
          STAND_STILL);
      String late = "SELECT v, max(id) AS m FROM other GROUP BY v";
      Path log = directory.resolve("sidecar.log");
      Process sidecar = database.startWithSmallFiles(256, directory.resolve("state"), log, "128m");
      try {
        awaitSidecar(connection, sidecar);
        streamTable(connection, "big", "SELECT note, id FROM fat WHERE id > 0", "DIFFERENTIAL");
        streamTable(connection, "lean", LEAN, "DIFFERENTIAL");
        connection.setAutoCommit(false);
        run(
            connection,
            "SELECT pgtrickle.create_stream_table('late', '%s', refresh_mode => 'DIFFERENTIAL')"
                .formatted(late),
            "CREATE TRIGGER stand_still AFTER INSERT ON late"
                + " FOR EACH STATEMENT EXECUTE FUNCTION stand_still()");
        connection.commit();
        connection.setAutoCommit(true);
        awaitBrake(connection);
        fattenUntilStalled(connection, sidecar, log);
        run(connection, "DELETE FROM brake");
        await().atMost(PATIENCE).until(() -> status(connection, "late").equals("ERROR 53100"));
        assertThat(ready(log)).contains("stalled");
        run(
            connection,
            "INSERT INTO other VALUES (21, 1), (22, NULL)",
            "DELETE FROM other WHERE id = 5",
            "SELECT pgtrickle.drop_stream_table('big')");
        await().atMost(PATIENCE).until(() -> status(connection, "late").equals("ACTIVE"));
        sync(connection);
        assertThat(differences(connection, "late", late)).isEmpty();
        assertThat(differences(connection, "lean", LEAN)).isEmpty();
      } finally {
        run(connection, "DELETE FROM brake");
        end(sidecar, log);
      }
    }
  }

  /// A copy that there is no room for is not kept until the stream has some, which it might take.
  @Test
  void aCopyThatThereIsNoRoomForIsGivenUp() throws Exception {
    try (LiveDatabase database = LiveDatabase.create();
        Connection connection = database.connect()) {
      prepareFullDisk(connection);
      for (int i = 0; i < 60; i++) {
        run(connection, FATTEN.formatted(i));
      }
      Path log = directory.resolve("sidecar.log");
      Process sidecar = database.startWithSmallFiles(256, directory.resolve("state"), log, "128m");
      try {
        awaitSidecar(connection, sidecar);
        streamTable(connection, "lean", LEAN, "DIFFERENTIAL");
        run(
            connection,
            "SELECT pgtrickle.create_stream_table('notes', '%s', refresh_mode => 'DIFFERENTIAL')"
                .formatted(NOTES));
        await().atMost(PATIENCE).until(() -> status(connection, "notes").equals("ERROR 53100"));
        run(connection, "INSERT INTO other VALUES (1, 1), (2, NULL), (3, 1)");
        run(connection, "SELECT pgtrickle.sync('lean', '60 s')");
        run(connection, "DELETE FROM other WHERE id = 1");
        run(connection, "SELECT pgtrickle.sync('lean', '60 s')");
        assertThat(differences(connection, "lean", LEAN)).isEmpty();
        // With fewer rows there is room.
        run(
            connection,
            "TRUNCATE fat",
            "INSERT INTO fat SELECT i, nullif('n' || i % 7, 'n3') FROM generate_series(1, 100) i");
        await().atMost(PATIENCE).until(() -> status(connection, "notes").equals("ACTIVE"));
        run(connection, "DELETE FROM fat WHERE id > 90");
        sync(connection);
        assertThat(differences(connection, "notes", NOTES)).isEmpty();
      } finally {
        end(sidecar, log);
      }
    }
  }

  /// What an initialization that stands still keeps is as much again as what the stream does.
  @Test
  void anInitializationIsGivenUpWhereTheStreamNeedsTheRoom() throws Exception {
    try (LiveDatabase database = LiveDatabase.create();
        Connection connection = database.connect()) {
      prepareFullDisk(connection);
      run(connection, "CREATE TABLE brake (id int)", "INSERT INTO brake VALUES (1)", STAND_STILL);
      Path log = directory.resolve("sidecar.log");
      Process sidecar = database.startWithSmallFiles(256, directory.resolve("state"), log, "128m");
      try {
        awaitSidecar(connection, sidecar);
        streamTable(connection, "lean", LEAN, "DIFFERENTIAL");
        connection.setAutoCommit(false);
        run(
            connection,
            "SELECT pgtrickle.create_stream_table('notes', '%s', refresh_mode => 'DIFFERENTIAL')"
                .formatted(NOTES),
            "CREATE TRIGGER stand_still AFTER INSERT ON notes"
                + " FOR EACH STATEMENT EXECUTE FUNCTION stand_still()");
        connection.commit();
        connection.setAutoCommit(true);
        awaitBrake(connection);
        for (int i = 0; i < 24; i++) {
          run(
              connection,
              FATTEN.formatted(i),
              "INSERT INTO other VALUES (%1$d, nullif(%1$d %% 3, 0))".formatted(i),
              "SELECT pgtrickle.sync('lean', '60 s')");
        }
        run(connection, "DELETE FROM brake");
        await().atMost(PATIENCE).until(() -> status(connection, "notes").equals("ERROR 53100"));
        assertThat(differences(connection, "lean", LEAN)).isEmpty();
      } finally {
        run(connection, "DELETE FROM brake");
        end(sidecar, log);
      }
    }
  }

  private static void prepareFullDisk(Connection connection) throws SQLException {
    run(
        connection,
        "CREATE TABLE fat (id int PRIMARY KEY, note text)",
        "CREATE TABLE other (id int PRIMARY KEY, v int)",
        "SELECT pgtrickle.set_config('state_memory', '1')");
  }

  private static void fattenUntilStalled(Connection connection, Process sidecar, Path log) {
    AtomicInteger next = new AtomicInteger();
    await()
        .atMost(PATIENCE)
        .until(
            () -> {
              if (next.get() < 60) {
                run(connection, FATTEN.formatted(next.getAndIncrement()));
              }
              assertThat(sidecar.isAlive()).as(Files.readString(log)).isTrue();
              return ready(log).contains("stalled");
            });
  }

  private static void awaitBrake(Connection connection) {
    await()
        .atMost(PATIENCE)
        .until(
            () ->
                !rows(
                        connection,
                        "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
                            + " AND datname = current_database()")
                    .isEmpty());
  }

  private static void end(Process sidecar, Path log) throws Exception {
    boolean alive = sidecar.isAlive();
    sidecar.destroyForcibly().waitFor();
    assertThat(alive).as(Files.readString(log)).isTrue();
  }

  private static void awaitSidecar(Connection connection, Process sidecar) {
    await()
        .atMost(PATIENCE)
        .ignoreExceptionsInstanceOf(SQLException.class)
        .until(
            () -> {
              run(connection, "SELECT pgtrickle_internal.require_sidecar()");
              return sidecar.isAlive();
            });
  }

  private static String ready(Path log) throws Exception {
    Matcher matcher = HTTP.matcher(Files.readString(log, UTF_8));
    assertThat(matcher.find()).isTrue();
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client
          .send(
              HttpRequest.newBuilder(URI.create(matcher.group() + "/ready")).build(),
              BodyHandlers.ofString())
          .body();
    }
  }

  /// The error is one that a server has that is about to go, so it is asked again and again.
  @Test
  void whatTheServerDoesNotAnswerCanBeDropped() throws Exception {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE asked (id int PRIMARY KEY)",
          "CREATE TABLE other (id int PRIMARY KEY, v int)",
          "CREATE FUNCTION moody(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN"
              + " IF i = 7 THEN RAISE EXCEPTION ''not now'' USING ERRCODE = ''57P03''; END IF;"
              + " RETURN i; END'");
      streamTable(connection, "asking", "SELECT moody(id) AS m FROM asked", "DIFFERENTIAL");
      streamTable(connection, "over_asking", "SELECT max(m) AS m FROM asking", "DIFFERENTIAL");
      streamTable(connection, "lean", LEAN, "DIFFERENTIAL");
      run(connection, "INSERT INTO asked VALUES (6)");
      sync(connection);
      run(connection, "INSERT INTO asked VALUES (7)");
      await().atMost(PATIENCE).until(() -> readiness(database.sidecar()).contains("\"stalled\""));
      run(connection, "INSERT INTO other VALUES (1, 1), (2, NULL), (3, 1)");
      run(connection, "SELECT pgtrickle.drop_stream_table('asking', cascade => true)");
      sync(connection);
      assertThat(differences(connection, "lean", LEAN)).isEmpty();
      assertThat(readiness(database.sidecar())).doesNotContain("stalled");
    }
  }

  /// The table is locked by the transaction that runs its trigger, so that must be ended first.
  @Test
  void whatATriggerNeverEndsCanBeDroppedWhenThatIsCancelled() throws Exception {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE base (id int PRIMARY KEY)",
          "CREATE TABLE other (id int PRIMARY KEY, v int)",
          "CREATE FUNCTION endless() RETURNS trigger LANGUAGE plpgsql AS"
              + " 'BEGIN LOOP PERFORM pg_sleep(0.01); END LOOP; END'");
      streamTable(connection, "stuck", "SELECT id FROM base", "DIFFERENTIAL");
      streamTable(connection, "lean", LEAN, "DIFFERENTIAL");
      run(
          connection,
          "CREATE TRIGGER endless AFTER INSERT ON stuck FOR EACH ROW EXECUTE FUNCTION endless()",
          "INSERT INTO base VALUES (1)",
          "INSERT INTO other VALUES (1, 1), (2, NULL), (3, 1)");
      await()
          .atMost(PATIENCE)
          .until(
              () -> {
                run(
                    connection,
                    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event ="
                        + " 'PgSleep' AND application_name = 'pgtrickle apply' AND datname ="
                        + " current_database()");
                return status(connection, "stuck").equals("HELD 57014");
              });
      run(connection, "SELECT pgtrickle.sync('lean', '60 s')");
      assertThat(differences(connection, "lean", LEAN)).isEmpty();
      // It is tried again in a session apart, for as long as that takes.
      run(
          connection,
          "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
              + " AND datname = current_database()",
          "SELECT pgtrickle.drop_stream_table('stuck')",
          "DELETE FROM other WHERE id = 1");
      sync(connection);
      assertThat(differences(connection, "lean", LEAN)).isEmpty();
    }
  }
}
