package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.status;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.pgtrickle.engine.backfill.Recovery;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/// A sidecar is stopped, the world changes, and another one starts: what is still true comes back,
/// the rest is built anew, and the contents are right in any case.
final class RestartsIT {
  private static final Pattern RESTORED =
      Pattern.compile("(\\d+) of (\\d+) stream tables go on from the checkpoint.*");

  private final ListAppender<ILoggingEvent> log = new ListAppender<>();
  private final Map<String, String> tables = new TreeMap<>();
  private LiveDatabase database;
  private Connection connection;

  RestartsIT() throws Exception {
    database = LiveDatabase.create();
    connection = database.connect();
  }

  @BeforeEach
  void start() throws Exception {
    log.start();
    ((Logger) LoggerFactory.getLogger(Recovery.class)).addAppender(log);
    assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
    run(
        connection,
        "CREATE TABLE a (id int PRIMARY KEY, g int, note text)",
        "CREATE TABLE b (id int PRIMARY KEY, a int, v numeric)",
        "INSERT INTO a SELECT i, i % 3, repeat('x', i) FROM generate_series(1, 20) i",
        "INSERT INTO b SELECT i, i % 25, i / 4.0 FROM generate_series(1, 100) i");
    define("joined", "SELECT b.id, b.v, a.note FROM b JOIN a ON a.id = b.a");
    define("grouped", "SELECT g, count(*) AS n FROM a GROUP BY g");
    define("over", "SELECT n, count(*) AS groups FROM grouped GROUP BY n");
  }

  @AfterEach
  void stop() throws SQLException {
    ((Logger) LoggerFactory.getLogger(Recovery.class)).detachAppender(log);
    connection.close();
    database.close();
  }

  private void define(String table, String query) throws SQLException {
    streamTable(connection, table, query, "DIFFERENTIAL");
    tables.put(table, query);
  }

  @ParameterizedTest
  @ValueSource(strings = {"1h", "@daily"})
  void whatBecameDueMeanwhileIsReleasedAtOnce(String schedule) throws Exception {
    scheduled(schedule);
    database.stopSidecar();
    log.list.clear();
    run(
        connection,
        "INSERT INTO a VALUES (500, 500, 'late')",
        "UPDATE pgtrickle.pgt_state SET last_refresh_at = last_refresh_at - interval '25 hours'");
    assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
    assertThat(restored()).isEqualTo(4);
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> assertThat(differences(connection, "slow", "SELECT id, g FROM a")).isEmpty());
  }

  @ParameterizedTest
  @ValueSource(strings = {"1h", "30 2 29 2 *"})
  void whatIsNotDueYetWaits(String schedule) throws Exception {
    scheduled(schedule);
    database.stopSidecar();
    log.list.clear();
    run(connection, "INSERT INTO a VALUES (500, 500, 'late')");
    assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
    assertThat(restored()).isEqualTo(4);
    run(connection, "SELECT pgtrickle.sync('grouped')");
    assertThat(value(connection, "SELECT n FROM grouped WHERE g = 500")).isEqualTo("1");
    assertThat(differences(connection, "slow", "SELECT id, g FROM a WHERE id < 500")).isEmpty();
    run(connection, "SELECT pgtrickle.sync('slow')");
    assertThat(differences(connection, "slow", "SELECT id, g FROM a")).isEmpty();
  }

  private void scheduled(String schedule) throws SQLException {
    run(
        connection,
        "SELECT pgtrickle.create_stream_table('slow', 'SELECT id, g FROM a', '" + schedule + "')");
    ready(connection, "slow");
  }

  private void change() throws SQLException {
    run(
        connection,
        "UPDATE a SET g = g + 1 WHERE id % 4 = 0",
        "DELETE FROM b WHERE id % 9 = 0",
        "UPDATE b SET a = 1 + a % 20 WHERE id % 5 = 0",
        "INSERT INTO a SELECT max(id) + 1, 7, 'new' FROM a");
  }

  /// Starts again and compares everything; returns how many stream tables came back.
  private int restart() throws Exception {
    log.list.clear();
    assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
    compare();
    change();
    compare();
    return restored();
  }

  private int restored() {
    return log.list.stream()
        .map(event -> RESTORED.matcher(event.getFormattedMessage()))
        .filter(Matcher::matches)
        .map(matcher -> Integer.parseInt(matcher.group(1)))
        .findFirst()
        .orElse(0);
  }

  private void compare() throws SQLException {
    for (String table : tables.keySet()) {
      ready(connection, table);
    }
    sync(connection);
    for (Map.Entry<String, String> table : tables.entrySet()) {
      assertThat(differences(connection, table.getKey(), table.getValue()))
          .as(table.getKey())
          .isEmpty();
    }
  }

  @Test
  void whatChangedMeanwhileFollows() throws Exception {
    change();
    database.stopSidecar();
    change();
    assertThat(restart()).isEqualTo(3);
    database.stopSidecar();
    assertThat(restart()).as("nothing changed").isEqualTo(3);
  }

  @Test
  void aTableThatWasRewrittenIsCopiedAnew() throws Exception {
    database.stopSidecar();
    run(connection, "ALTER TABLE b ALTER v TYPE numeric USING v * 2");
    change();
    assertThat(restart()).isEqualTo(2);
  }

  @Test
  void aTableThatWasOutOfThePublicationIsCopiedAnew() throws Exception {
    database.stopSidecar();
    run(connection, "ALTER PUBLICATION pgtrickle DROP TABLE a");
    change();
    run(connection, "ALTER PUBLICATION pgtrickle ADD TABLE a");
    assertThat(restart()).as("none of these is without a").isZero();
  }

  @Test
  void anotherQueryIsComputedAnew() throws Exception {
    database.stopSidecar();
    String query = "SELECT g, count(*) + 1 AS n FROM a GROUP BY g";
    run(
        connection,
        "SELECT pgtrickle.drop_stream_table('over')",
        "SELECT pgtrickle.create_or_replace_stream_table('grouped', '" + query + "')");
    tables.remove("over");
    tables.put("grouped", query);
    assertThat(restart()).isEqualTo(1);
  }

  @Test
  void aLostSlotMeansNewSnapshots() throws Exception {
    database.stopSidecar();
    String slot = value(connection, "SELECT slot_name FROM pgtrickle_internal.pgt_progress");
    // The walsender of a sidecar that is gone takes a moment to notice.
    await()
        .atMost(PATIENCE)
        .ignoreExceptionsInstanceOf(SQLException.class)
        .untilAsserted(() -> run(connection, "SELECT pg_drop_replication_slot('" + slot + "')"));
    change();
    assertThat(restart()).isZero();
  }

  @Test
  void stateThatIsGoneIsComputedAnew() throws Exception {
    database.stopSidecar();
    for (Path file : files()) {
      Files.delete(file);
    }
    change();
    assertThat(restart()).isZero();
  }

  @Test
  void aLargeTableThatDiffersInEveryRowIsWrittenInPieces() throws Exception {
    run(
        connection,
        "CREATE TABLE large (id int PRIMARY KEY, g int, note text)",
        "INSERT INTO large SELECT i, i % 1000, 'note ' || i FROM generate_series(1, 140000) i");
    define("by_key", "SELECT id, g, note FROM large");
    define("by_image", "SELECT g, note FROM large");
    define("over_large", "SELECT g, count(*) AS n, max(note) AS m FROM by_image GROUP BY g");
    compare();
    // Before version 15 there is no unique index that it could refer to.
    boolean referred = connection.getMetaData().getDatabaseMajorVersion() >= 15;
    if (referred) {
      run(
          connection,
          "CREATE TABLE referring (id int REFERENCES by_key (id) ON DELETE CASCADE)",
          "INSERT INTO referring SELECT i FROM generate_series(1, 139000, 100) i");
    }
    database.stopSidecar();
    for (Path file : files()) {
      Files.delete(file);
    }
    // A key that another row had, for nearly all of them.
    run(
        connection,
        "DELETE FROM large WHERE id <= 1000",
        "UPDATE large SET id = -id",
        "UPDATE large SET id = 140001 + id, note = note || '!'",
        "INSERT INTO large SELECT i, 0, 'new' FROM generate_series(140001, 140500) i");
    assertThat(restart()).isZero();
    if (referred) {
      assertThat(value(connection, "SELECT count(*) FROM referring")).isEqualTo("1390");
    }
  }

  @Test
  void aLargeFillThatFailsHalfWayLeavesTheFormerContents() throws Exception {
    run(
        connection,
        "CREATE TABLE large (id int PRIMARY KEY, v int)",
        "INSERT INTO large SELECT i, i FROM generate_series(1, 70000) i");
    streamTable(connection, "obstructed", "SELECT v FROM large", "DIFFERENTIAL");
    String later = "SELECT count(*) AS n, min(v) AS least FROM large";
    define("later", later);
    run(
        connection,
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS"
            + " 'BEGIN IF NEW.v = -5 THEN RETURN NULL; END IF; RETURN NEW; END'",
        "CREATE TRIGGER swallow BEFORE INSERT ON obstructed FOR EACH ROW"
            + " EXECUTE FUNCTION public.swallow()");
    database.stopSidecar();
    for (Path file : files()) {
      Files.delete(file);
    }
    run(connection, "UPDATE large SET v = -v");
    database.startSidecar();
    // It has a later relation, so it is filled and committed after the one that fails.
    await()
        .atMost(PATIENCE)
        .untilAsserted(() -> assertThat(differences(connection, "later", later)).isEmpty());
    await().atMost(PATIENCE).until(() -> status(connection, "obstructed").startsWith("ERROR"));
    assertThat(value(connection, "SELECT count(*) || ' ' || min(v) FROM obstructed"))
        .isEqualTo("70000 1");
  }

  @Test
  void damagedStateIsNoticed() throws Exception {
    // What was released and could not be written is in the state, too.
    run(
        connection,
        "ALTER TABLE joined ADD CONSTRAINT small CHECK (id < 1000) NOT VALID",
        "INSERT INTO b VALUES (2000, 1, 1)");
    await().atMost(PATIENCE).until(() -> status(connection, "joined").startsWith("HELD"));
    database.stopSidecar();
    run(connection, "ALTER TABLE joined DROP CONSTRAINT small");
    for (Path file : files()) {
      if (file.toString().endsWith(".run")) {
        flipBits(file);
      }
    }
    change();
    assertThat(restart()).isZero();
  }

  @Test
  void whatWasHeldIsWrittenAfterTheRestart() throws Exception {
    run(
        connection,
        "ALTER TABLE joined ADD CONSTRAINT small CHECK (id < 1000) NOT VALID",
        "INSERT INTO b VALUES (2000, 1, 1)");
    await().atMost(PATIENCE).until(() -> status(connection, "joined").startsWith("HELD"));
    database.stopSidecar();
    run(connection, "ALTER TABLE joined DROP CONSTRAINT small");
    change();
    assertThat(restart()).isEqualTo(3);
  }

  @Test
  void theLabelsOfSortedTextComeBackWithTheState() throws Exception {
    define("sorted", "SELECT id, note FROM a ORDER BY note COLLATE \"en-x-icu\" DESC, id LIMIT 7");
    change();
    database.stopSidecar();
    change();
    assertThat(restart()).isEqualTo(4);
    database.stopSidecar();
    assertThat(restart()).isEqualTo(4);
  }

  @Test
  void anOlderCheckpointThanTheSlotIsRefused() throws Exception {
    database.stopSidecar();
    Map<Path, byte[]> copies = new TreeMap<>();
    for (Path file : files()) {
      copies.put(file, Files.readAllBytes(file));
    }
    assertThat(restart()).isEqualTo(3);
    database.stopSidecar();
    for (Path file : files()) {
      Files.delete(file);
    }
    for (Map.Entry<Path, byte[]> copy : copies.entrySet()) {
      Files.write(copy.getKey(), copy.getValue());
    }
    assertThat(restart()).as("as after restoring a backup of the state only").isZero();
  }

  @Test
  void stateBeyondTheMemoryAllowedIsInFilesAndComesBack() throws Exception {
    run(connection, "SELECT pgtrickle.set_config('state_memory', '1')");
    database.stopSidecar();
    assertThat(restart()).isEqualTo(3);
    run(
        connection,
        "CREATE TABLE large (id int PRIMARY KEY, g int, note text)",
        "INSERT INTO large SELECT i, i % 1000, 'note ' || i FROM generate_series(1, 60000) i");
    define("large_joined", "SELECT l.id, l.note, b.v FROM large l JOIN b ON b.id = l.g");
    define("large_grouped", "SELECT g, count(*) AS n, min(note) AS m FROM large GROUP BY g");
    run(
        connection,
        "UPDATE large SET g = g + 1 WHERE id % 3 = 0",
        "UPDATE b SET v = v + 1 WHERE id < 10");
    compare();
    database.stopSidecar();
    long bytes = 0;
    for (Path file : files()) {
      bytes += Files.size(file);
    }
    assertThat(bytes).isGreaterThan(5 << 20);
    run(connection, "DELETE FROM large WHERE id % 7 = 0", "UPDATE large SET note = '' WHERE g = 1");
    assertThat(restart()).isEqualTo(5);
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> files = Files.walk(database.stateDirectory())) {
      return new ArrayList<>(files.filter(Files::isRegularFile).toList());
    }
  }

  private static void flipBits(Path file) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteBuffer one = ByteBuffer.allocate(1);
      for (long at = 0; at < channel.size(); at += 97) {
        one.clear();
        channel.read(one, at);
        one.put(0, (byte) ~one.get(0));
        one.flip();
        channel.write(one, at);
      }
    }
  }
}
