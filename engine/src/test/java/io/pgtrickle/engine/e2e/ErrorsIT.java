package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.refusal;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.status;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.pgtrickle.dvm.TrickleException.ConfigurationInvalid;
import io.pgtrickle.engine.DatabaseUrl;
import io.pgtrickle.engine.Sidecar;
import io.pgtrickle.engine.SidecarConfig;
import io.pgtrickle.engine.catalog.Installer;
import io.pgtrickle.engine.embedded.EmbeddedServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Statement;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// What goes wrong is said clearly and at once, and never becomes wrong rows.
final class ErrorsIT {
  private static LiveDatabase database;

  @BeforeAll
  static void start() throws SQLException, InterruptedException {
    database = LiveDatabase.start();
    try (Connection connection = database.connect()) {
      run(connection, "CREATE TABLE base (id int PRIMARY KEY, v int, t text)");
    }
  }

  @AfterAll
  static void stop() throws SQLException {
    database.close();
  }

  private static String create(String name, String query, String mode) {
    return "SELECT pgtrickle.create_stream_table('%s', $q$%s$q$, refresh_mode => '%s')"
        .formatted(name, query, mode);
  }

  @Test
  void wrongSqlIsRefusedAsPostgresDoes() throws SQLException {
    try (Connection connection = database.connect()) {
      var syntax = refusal(connection, create("x1", "SELEC id FROM base", "AUTO"));
      assertThat(syntax.getSQLState()).isEqualTo("42601");
      assertThat(syntax.getInternalPosition() + syntax.getPosition()).isPositive();
      var column = refusal(connection, create("x2", "SELECT nope FROM base", "AUTO"));
      assertThat(column.getSQLState()).isEqualTo("42703");
      assertThat(column.getMessage()).contains("nope");
      assertThat(column.getInternalPosition() + column.getPosition()).isPositive();
      assertThat(refusal(connection, create("x3", "SELECT 1 FROM nowhere", "AUTO")).getSQLState())
          .isEqualTo("42P01");
      assertThat(
              refusal(connection, create("x4", "SELECT id; DROP TABLE base", "AUTO")).getSQLState())
          .startsWith("42");
      assertThat(
              rows(
                  connection, "SELECT * FROM pgtrickle.pgt_definitions WHERE table_name LIKE 'x_'"))
          .isEmpty();
    }
  }

  @Test
  void aSourceThatMayNotBeReadIsRefused() throws SQLException {
    try (Connection connection = database.connect()) {
      run(connection, "CREATE ROLE stranger LOGIN", "CREATE SCHEMA strange AUTHORIZATION stranger");
      try (Connection stranger = database.connectAs("stranger")) {
        assertThat(
                refusal(stranger, create("strange.st", "SELECT id FROM public.base", "AUTO"))
                    .getSQLState())
            .isEqualTo("42501");
      } finally {
        run(
            connection,
            "DROP SCHEMA strange CASCADE",
            "DROP OWNED BY stranger",
            "DROP ROLE stranger");
      }
    }
  }

  @Test
  void whatCannotBeIncrementalIsRefusedOrFullWithItsReason() throws SQLException {
    String query = "SELECT id, now() > 'epoch' AS late FROM base";
    try (Connection connection = database.connect();
        Statement statement = connection.createStatement()) {
      var refused = refusal(connection, create("by_clock", query, "DIFFERENTIAL"));
      assertThat(refused.getSQLState()).isEqualTo("0A000");
      assertThat(refused.getDetail()).isNotBlank();
      assertThat(refused.getHint()).contains("FULL");
      statement.execute(create("by_clock", query, "AUTO"));
      assertThat(notices(statement)).contains("uses refresh mode FULL");
      ready(connection, "by_clock");
      assertThat(
              rows(
                  connection,
                  "SELECT effective_refresh_mode, reason_code IS NOT NULL, reason_detail IS NOT"
                      + " NULL FROM pgtrickle.pgt_state JOIN pgtrickle.pgt_definitions USING"
                      + " (pgt_id) WHERE table_name = 'by_clock'"))
          .containsExactly("FULL|t|t");
    }
  }

  @Test
  void whatWillLogWholeRowsAndWhatIsNotUsedIsSaidAtCreation() throws SQLException {
    try (Connection connection = database.connect();
        Statement statement = connection.createStatement()) {
      run(
          connection,
          "CREATE TABLE keyless (v int)",
          "CREATE TABLE parts (v int) PARTITION BY RANGE (v)",
          "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (9)");
      statement.execute(create("keyed_st", "SELECT id FROM base", "AUTO"));
      assertThat(notices(statement)).isEmpty();
      statement.execute(create("keyless_st", "SELECT k.v FROM keyless k, base", "AUTO"));
      assertThat(notices(statement))
          .isEqualTo("table \"public.keyless\" will get REPLICA IDENTITY FULL\n");
      statement.execute(create("parts_st", "SELECT v FROM parts", "AUTO"));
      assertThat(notices(statement)).startsWith("partitions of table \"public.parts\" will get");
      ready(connection, "keyless_st");
      assertThat(value(connection, "SELECT relreplident FROM pg_class WHERE relname = 'keyless'"))
          .isEqualTo("f");
      statement.execute(create("keyless_2", "SELECT v FROM keyless", "AUTO"));
      assertThat(notices(statement)).isEmpty();
      statement.execute(
          "SELECT pgtrickle.alter_stream_table('keyless_2', append_only => true,"
              + " max_delta_fraction => 0.5)");
      assertThat(notices(statement))
          .contains("parameter \"append_only\" is stored, but", "max_delta_fraction");
      statement.execute("SELECT pgtrickle.set_config('sla_window_hours', '12')");
      assertThat(notices(statement)).contains("setting \"sla_window_hours\" is stored, but");
      for (String one : new String[] {"keyed_st", "keyless_st", "keyless_2", "parts_st"}) {
        run(connection, "SELECT pgtrickle.drop_stream_table('%s')".formatted(one));
      }
    }
  }

  @Test
  void aDroppedSourceLeavesTheContentsReadableAndNamesItself() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE doomed (id int PRIMARY KEY)",
          "INSERT INTO doomed VALUES (1), (2)");
      streamTable(connection, "doomed_st", "SELECT id FROM doomed", "DIFFERENTIAL");
      run(connection, "DROP TABLE doomed");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> assertThat(status(connection, "doomed_st")).isEqualTo("ERROR 42P01"));
      assertThat(
              value(
                  connection,
                  "SELECT error_message FROM pgtrickle.pgt_state JOIN pgtrickle.pgt_definitions"
                      + " USING (pgt_id) WHERE table_name = 'doomed_st'"))
          .contains("doomed");
      assertThat(rows(connection, "SELECT id FROM doomed_st ORDER BY 1")).containsExactly("1", "2");
      // The others go on.
      run(connection, "INSERT INTO base VALUES (4711, 1, 'x') ON CONFLICT DO NOTHING");
      streamTable(connection, "others_st", "SELECT id FROM base", "DIFFERENTIAL");
      run(connection, "SELECT pgtrickle.drop_stream_table('doomed_st')");
    }
  }

  @Test
  void aChangedTypeOfAUsedColumnNeverYieldsWrongRows() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE shifty (id int PRIMARY KEY, v int, w int)",
          "INSERT INTO shifty VALUES (1, 10, 1), (2, 20, 2)");
      streamTable(connection, "shifty_st", "SELECT id, v FROM shifty", "DIFFERENTIAL");
      run(
          connection,
          "ALTER TABLE shifty ALTER v TYPE bigint USING v * 2",
          "INSERT INTO shifty VALUES (3, 30, 3)");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> assertThat(status(connection, "shifty_st")).startsWith("ERROR 42P17"));
      assertThat(rows(connection, "SELECT id, v FROM shifty_st ORDER BY 1"))
          .containsExactly("1|10", "2|20");
      run(connection, "SELECT pgtrickle.repair_stream_table('shifty_st')");
      ready(connection, "shifty_st");
      assertThat(differences(connection, "shifty_st", "SELECT id, v FROM shifty")).isEmpty();
      run(connection, "SELECT pgtrickle.drop_stream_table('shifty_st')");
    }
  }

  @Test
  void rewrittenValuesOfTheSameTypeAreNoticed() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE rewritten (id int PRIMARY KEY, v int)",
          "INSERT INTO rewritten VALUES (1, 10), (2, 20)");
      streamTable(connection, "rewritten_st", "SELECT id, v FROM rewritten", "DIFFERENTIAL");
      run(
          connection,
          "ALTER TABLE rewritten ALTER v TYPE int USING v * 2",
          "INSERT INTO rewritten VALUES (3, 30)");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(
                          status(connection, "rewritten_st").startsWith("ERROR")
                              || differences(
                                      connection, "rewritten_st", "SELECT id, v FROM rewritten")
                                  .isEmpty())
                      .isTrue());
      run(connection, "SELECT pgtrickle.drop_stream_table('rewritten_st')");
    }
  }

  @Test
  void aDroppedColumnStopsWhoUsesItAndNobodyElse() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE thinner (id int PRIMARY KEY, v int, w int)",
          "INSERT INTO thinner VALUES (1, 10, 1)");
      streamTable(connection, "thinner_used", "SELECT id, v FROM thinner", "DIFFERENTIAL");
      streamTable(connection, "thinner_other", "SELECT id, w FROM thinner", "DIFFERENTIAL");
      run(
          connection,
          "ALTER TABLE thinner DROP COLUMN v CASCADE",
          "INSERT INTO thinner VALUES (2, 2)");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> assertThat(status(connection, "thinner_used")).startsWith("ERROR 42"));
      assertThat(rows(connection, "SELECT * FROM thinner_used")).containsExactly("1|10");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(rows(connection, "SELECT * FROM thinner_other ORDER BY 1"))
                      .containsExactly("1|1", "2|2"));
      run(connection, "SELECT pgtrickle.drop_stream_table('thinner_used')");
    }
  }

  @Test
  void anAddedColumnDisturbsNothing() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE wider (id int PRIMARY KEY, v int)",
          "INSERT INTO wider VALUES (1, 1)");
      streamTable(connection, "wider_st", "SELECT * FROM wider", "DIFFERENTIAL");
      run(
          connection,
          "ALTER TABLE wider ADD COLUMN w text DEFAULT 'd'",
          "INSERT INTO wider VALUES (2, 2, 'e')",
          "UPDATE wider SET v = 5 WHERE id = 1");
      sync(connection);
      assertThat(rows(connection, "SELECT * FROM wider_st ORDER BY 1"))
          .containsExactly("1|5", "2|2");
      assertThat(status(connection, "wider_st")).isEqualTo("ACTIVE");
    }
  }

  @Test
  void withoutASidecarWaitingFailsAndCreatingIsAcceptedForLater()
      throws SQLException, InterruptedException {
    try (LiveDatabase lonely = LiveDatabase.create();
        Connection connection = lonely.connect();
        Statement statement = connection.createStatement()) {
      run(connection, "CREATE TABLE lone (id int PRIMARY KEY)", "INSERT INTO lone VALUES (1)");
      statement.execute(create("lone_st", "SELECT id FROM lone", "DIFFERENTIAL"));
      assertThat(notices(statement)).contains("unchecked");
      for (String call :
          new String[] {
            "sync()", "refresh_stream_table('lone_st')", "wait_until_ready('lone_st')"
          }) {
        var refused = refusal(connection, "SELECT pgtrickle." + call);
        assertThat(refused.getSQLState()).as(call).isEqualTo("55000");
        assertThat(refused.getHint()).as(call).contains("pgtrickle run");
      }
      assertThat(lonely.startSidecar().awaitReady(PATIENCE)).isTrue();
      ready(connection, "lone_st");
      assertThat(rows(connection, "SELECT * FROM lone_st")).containsExactly("1");
      lonely.stopSidecar();
      assertThat(refusal(connection, "SELECT pgtrickle.sync()").getSQLState()).isEqualTo("55000");
      statement.execute("SELECT pgtrickle.drop_stream_table('lone_st')");
      assertThat(notices(statement)).contains("lone_st", "is dropped, but");
      assertThat(lonely.startSidecar().awaitReady(PATIENCE)).isTrue();
    }
  }

  @Test
  void aServerWithoutLogicalDecodingIsRefusedWithTheRemedy() throws SQLException {
    EmbeddedServer.Options defaults = EmbeddedServer.Options.throwaway();
    try (EmbeddedServer replica =
        EmbeddedServer.start(
            new EmbeddedServer.Options(
                defaults.major(),
                defaults.dataDirectory(),
                0,
                defaults.cache(),
                defaults.checkout(),
                Map.of("wal_level", "replica")))) {
      try (Connection connection = replica.connect()) {
        Installer.install(connection);
        run(connection, "CREATE TABLE t (id int)");
        assertThat(refusal(connection, "SELECT pgtrickle.sync()").getHint())
            .contains("wal_level = logical");
      }
      DatabaseUrl url = replica.url();
      assertThatThrownBy(() -> Sidecar.start(config(url, 0)))
          .isInstanceOfSatisfying(
              ConfigurationInvalid.class,
              refused ->
                  assertThat(refused.problems()).singleElement().asString().contains("wal_level"));
    }
  }

  /// Who has set up everything wrong is told everything, and not one thing after the other.
  @Test
  void everythingThatIsWrongIsToldAtOnce() throws SQLException, IOException {
    EmbeddedServer.Options defaults = EmbeddedServer.Options.throwaway();
    try (EmbeddedServer replica =
            EmbeddedServer.start(
                new EmbeddedServer.Options(
                    defaults.major(),
                    defaults.dataDirectory(),
                    0,
                    defaults.cache(),
                    defaults.checkout(),
                    Map.of("wal_level", "replica")));
        ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      try (Connection connection = replica.connect()) {
        run(connection, "CREATE ROLE meek LOGIN");
      }
      DatabaseUrl url =
          DatabaseUrl.parse("postgresql://meek@127.0.0.1:" + replica.port() + "/postgres");
      assertThatThrownBy(() -> Sidecar.start(config(url, taken.getLocalPort())))
          .isInstanceOfSatisfying(
              ConfigurationInvalid.class,
              refused ->
                  assertThat(refused.problems())
                      .satisfiesExactly(
                          port -> assertThat(port).contains(":" + taken.getLocalPort()),
                          level -> assertThat(level).contains("wal_level"),
                          objects -> assertThat(objects).contains("pgtrickle install"),
                          role -> assertThat(role).contains("ALTER ROLE meek REPLICATION")));
    }
  }

  private static SidecarConfig config(DatabaseUrl url, int httpPort) {
    return new SidecarConfig(
        url, "127.0.0.1", httpPort, Path.of(System.getProperty("java.io.tmpdir")));
  }

  @Test
  void aDatabaseWithoutTheSqlObjectsIsRefusedWithTheRemedy() {
    assertThatThrownBy(() -> Sidecar.start(config(LiveDatabase.server().url(), 0)))
        .hasMessageContaining("pgtrickle install");
  }

  private static String notices(Statement statement) throws SQLException {
    StringBuilder all = new StringBuilder();
    for (@Nullable SQLWarning w = statement.getWarnings(); w != null; w = w.getNextWarning()) {
      all.append(w.getMessage()).append('\n');
    }
    statement.clearWarnings();
    return all.toString();
  }
}
