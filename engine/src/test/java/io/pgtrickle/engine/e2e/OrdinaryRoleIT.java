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
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// Nobody is a superuser: the sidecar connects as a role with `LOGIN REPLICATION` that owns the
/// installation and is a member of the source owners; stream tables belong to other roles.
final class OrdinaryRoleIT {
  private static final String JOINED =
      "SELECT o.id, c.id AS customer, c.name FROM shop.orders o"
          + " JOIN shop.customers c ON c.id = o.customer";
  private static final String SUMMED =
      "SELECT customer, count(*) AS n, sum(amount) AS total FROM shop.orders GROUP BY customer";

  private static LiveDatabase database;

  @BeforeAll
  static void start() throws SQLException, InterruptedException {
    database = LiveDatabase.create("pgt");
    try (Connection admin = database.connect()) {
      run(
          admin,
          "CREATE ROLE keeper LOGIN",
          "CREATE ROLE analyst LOGIN",
          "CREATE ROLE loner LOGIN",
          "CREATE SCHEMA shop AUTHORIZATION keeper",
          "CREATE SCHEMA reports AUTHORIZATION analyst",
          "CREATE SCHEMA cave AUTHORIZATION loner",
          "GRANT keeper TO pgt",
          "GRANT USAGE ON SCHEMA reports TO pgt",
          "GRANT USAGE ON SCHEMA shop TO analyst");
      assertThat(rows(admin, "SELECT rolname FROM pg_roles WHERE rolsuper"))
          .containsExactly("postgres");
    }
    try (Connection keeper = database.connectAs("keeper")) {
      run(
          keeper,
          "CREATE TABLE shop.customers (id int PRIMARY KEY, name text)",
          "CREATE TABLE shop.orders (id int, customer int, amount numeric)",
          "GRANT SELECT ON shop.customers, shop.orders TO analyst",
          "INSERT INTO shop.customers VALUES (1, 'ada'), (2, 'bob')",
          "INSERT INTO shop.orders VALUES (1, 1, 10), (2, 1, 5.50), (3, 2, 7)");
    }
    assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
  }

  @AfterAll
  static void stop() throws SQLException {
    database.close();
    try (Connection admin = LiveDatabase.server().connect()) {
      run(admin, "DROP ROLE pgt, keeper, analyst, loner");
    }
  }

  @Test
  void othersStreamTablesLiveFromCreationToUninstall() throws SQLException, InterruptedException {
    try (Connection keeper = database.connectAs("keeper");
        Connection analyst = database.connectAs("analyst")) {
      streamTable(analyst, "reports.joined", JOINED, "DIFFERENTIAL");
      streamTable(analyst, "reports.summed", SUMMED, "DIFFERENTIAL");
      streamTable(analyst, "reports.above", "SELECT sum(n) AS n FROM reports.summed", "AUTO");
      streamTable(analyst, "reports.whole", JOINED, "FULL");
      streamTable(keeper, "shop.own", "SELECT id, name FROM shop.customers", "DIFFERENTIAL");
      assertThat(
              rows(
                  analyst,
                  "SELECT pgt_name, pgt_owner, effective_refresh_mode"
                      + " FROM pgtrickle.pgt_stream_tables ORDER BY pgt_name"))
          .containsExactly(
              "above|analyst|DIFFERENTIAL",
              "joined|analyst|DIFFERENTIAL",
              "own|keeper|DIFFERENTIAL",
              "summed|analyst|DIFFERENTIAL",
              "whole|analyst|FULL");
      assertExact(analyst);

      run(
          keeper,
          "INSERT INTO shop.orders VALUES (4, 2, 1), (4, 2, 1), (5, 9, 2)",
          "UPDATE shop.customers SET name = 'bea' WHERE id = 2",
          "UPDATE shop.orders SET customer = 2 WHERE id = 1",
          "DELETE FROM shop.orders WHERE id = 2");
      run(analyst, "SELECT pgtrickle.refresh_stream_table('reports.whole')");
      assertExact(analyst);

      // A restart fills by the same delegates, through the index when rows are there already.
      database.stopSidecar();
      run(keeper, "INSERT INTO shop.orders VALUES (6, 1, 6)", "DELETE FROM shop.customers");
      assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
      assertExact(analyst);
      run(keeper, "INSERT INTO shop.customers VALUES (1, 'ada'), (2, 'bob')");
      assertExact(analyst);
      removesResidue(keeper, analyst);

      run(
          analyst,
          "SELECT pgtrickle.drop_stream_table('reports.whole')",
          "SELECT pgtrickle.drop_stream_table('reports.summed', cascade => true)");
      assertThat(rows(analyst, "SELECT pgt_name FROM pgtrickle.pgt_stream_tables ORDER BY 1"))
          .containsExactly("joined", "own");
      assertExactly(analyst, "reports.joined", JOINED);
    }
    uninstallsAsItself();
  }

  private static void removesResidue(Connection keeper, Connection analyst) throws SQLException {
    try (Connection admin = database.connect()) {
      run(
          admin,
          "SET session_replication_role = replica",
          "INSERT INTO reports.joined SELECT * FROM reports.joined WHERE id = 3");
    }
    run(keeper, "DELETE FROM shop.orders WHERE id = 3");
    await()
        .atMost(PATIENCE)
        .untilAsserted(() -> assertThat(differences(analyst, "reports.joined", JOINED)).isEmpty());
    assertThat(database.sidecar().meters().scrape())
        .contains("pgtrickle_phd1_removed_rows_total 1.0");
  }

  private static void uninstallsAsItself() throws SQLException {
    database.stopSidecar();
    try (Connection sidecar = database.connectAs("pgt")) {
      assertThat(Installer.uninstall(sidecar)).isTrue();
      assertThat(
              rows(
                  sidecar,
                  "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'pgtrickle%'"
                      + " UNION ALL SELECT pubname FROM pg_publication"
                      + " UNION ALL SELECT slot_name FROM pg_replication_slots"
                      + " WHERE database = current_database()"))
          .isEmpty();
    }
    try (Connection keeper = database.connectAs("keeper")) {
      assertThat(rows(keeper, "SELECT id, name FROM shop.own ORDER BY 1"))
          .containsExactly("1|ada", "2|bob");
      run(keeper, "DELETE FROM shop.own");
    }
    try (Connection sidecar = database.connectAs("pgt")) {
      Installer.install(sidecar);
    }
    database.startSidecar();
  }

  @Test
  void aStrangersSourceIsRefusedWithTheGrant() throws SQLException {
    try (Connection loner = database.connectAs("loner");
        Connection admin = database.connect()) {
      run(
          loner,
          "CREATE TABLE cave.stones (id int PRIMARY KEY)",
          "GRANT USAGE ON SCHEMA cave TO pgt");
      var refused = refusal(loner, create("cave.st", "SELECT id FROM cave.stones"));
      assertThat(refused.getSQLState()).isEqualTo("42501");
      assertThat(refused.getDetail()).contains("member").contains("loner");
      assertThat(refused.getHint()).isEqualTo("GRANT loner TO pgt;");
      run(admin, "GRANT loner TO pgt");
      ready(database);
      streamTable(loner, "cave.st", "SELECT id FROM cave.stones", "DIFFERENTIAL");
      run(loner, "INSERT INTO cave.stones VALUES (1)");
      sync(loner);
      assertThat(rows(loner, "SELECT id FROM cave.st")).containsExactly("1");

      // What was granted may be revoked: the state says so, and how to mend it.
      database.stopSidecar();
      run(admin, "REVOKE loner FROM pgt");
      database.startSidecar();
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(status(loner, "st")).isEqualTo("ERROR 42501"));
      assertThat(
              value(loner, "SELECT error_message FROM pgtrickle.pgt_state WHERE status = 'ERROR'"))
          .contains("GRANT loner TO pgt;");
      assertThat(rows(loner, "SELECT id FROM cave.st")).containsExactly("1");
      run(loner, "SELECT pgtrickle.drop_stream_table('cave.st')");
    }
  }

  @Test
  void aSchemaThatTheSidecarCannotUseIsRefusedWithTheGrant() throws SQLException {
    try (Connection admin = database.connect();
        Connection analyst = database.connectAs("analyst")) {
      run(
          admin,
          "CREATE SCHEMA hidden",
          "CREATE TABLE hidden.t (id int PRIMARY KEY)",
          "ALTER TABLE hidden.t OWNER TO keeper",
          "GRANT SELECT ON hidden.t TO analyst",
          "GRANT USAGE ON SCHEMA hidden TO analyst");
      var refused = refusal(analyst, create("reports.hidden", "SELECT id FROM hidden.t"));
      assertThat(refused.getSQLState()).isEqualTo("42501");
      assertThat(refused.getHint()).isEqualTo("GRANT USAGE ON SCHEMA hidden TO pgt;");
    }
  }

  @Test
  void aRoleThatMayNotReplicateIsRefusedWithTheRemedy() throws SQLException {
    try (Connection admin = database.connect()) {
      run(admin, "CREATE ROLE other LOGIN REPLICATION");
      try {
        assertThatThrownBy(() -> startAs("other"))
            .isInstanceOf(ConfigurationInvalid.class)
            .hasMessageContaining("belongs to role \"pgt\"")
            .hasMessageContaining("connect as it");
        run(admin, "ALTER ROLE pgt NOREPLICATION");
        assertThatThrownBy(() -> startAs("pgt"))
            .isInstanceOf(ConfigurationInvalid.class)
            .hasMessageContaining("ALTER ROLE pgt REPLICATION");
      } finally {
        run(admin, "ALTER ROLE pgt REPLICATION", "DROP ROLE other");
      }
    }
  }

  private static void startAs(String role) {
    DatabaseUrl url = database.url();
    Sidecar.start(
            new SidecarConfig(
                new DatabaseUrl(url.host(), url.port(), url.database(), role, null, Map.of()),
                "127.0.0.1",
                0,
                Path.of(System.getProperty("java.io.tmpdir"))))
        .close();
  }

  private static void ready(LiveDatabase database) {
    await().atMost(PATIENCE).until(() -> database.sidecar().awaitReady(PATIENCE));
  }

  private static String create(String name, String query) {
    return "SELECT pgtrickle.create_stream_table('%s', $q$%s$q$)".formatted(name, query);
  }

  private static void assertExact(Connection analyst) throws SQLException {
    sync(analyst);
    assertExactly(analyst, "reports.joined", JOINED);
    assertExactly(analyst, "reports.summed", SUMMED);
    assertExactly(analyst, "reports.whole", JOINED);
    assertExactly(analyst, "reports.above", "SELECT sum(n) AS n FROM reports.summed");
  }

  private static void assertExactly(Connection analyst, String table, String query)
      throws SQLException {
    sync(analyst);
    assertThat(differences(analyst, table, query)).as(table).isEmpty();
  }
}
