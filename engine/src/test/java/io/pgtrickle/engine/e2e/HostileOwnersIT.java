package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.refusal;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.status;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.postgresql.util.ServerErrorMessage;

/// An owner of a stream table who means harm: what she does to what is hers stops nobody else, and
/// no code of hers runs as the sidecar's role.
final class HostileOwnersIT {
  private static final String QUERY = "SELECT id, v FROM shop.items";

  private static LiveDatabase database;

  @BeforeAll
  static void start() throws SQLException, InterruptedException {
    database = LiveDatabase.create("warden");
    try (Connection admin = database.connect()) {
      run(
          admin,
          "CREATE ROLE vendor LOGIN",
          "CREATE ROLE mallory LOGIN",
          "CREATE SCHEMA shop AUTHORIZATION vendor",
          "CREATE SCHEMA den AUTHORIZATION mallory",
          "GRANT vendor TO warden",
          "GRANT USAGE ON SCHEMA den TO warden, vendor",
          "GRANT USAGE ON SCHEMA shop TO mallory");
    }
    try (Connection vendor = database.connectAs("vendor")) {
      run(
          vendor,
          "CREATE TABLE shop.items (id int PRIMARY KEY, v text)",
          "GRANT SELECT ON shop.items TO mallory",
          "INSERT INTO shop.items VALUES (1, 'a'), (2, 'b')");
      assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
      streamTable(vendor, "shop.honest", QUERY, "DIFFERENTIAL");
    }
  }

  @AfterAll
  static void stop() throws SQLException {
    database.close();
    try (Connection admin = LiveDatabase.server().connect()) {
      run(admin, "DROP ROLE warden, vendor, mallory");
    }
  }

  @AfterEach
  void honestOnesGoOn() throws SQLException {
    try (Connection vendor = database.connectAs("vendor")) {
      run(vendor, "UPDATE shop.items SET v = v || '.'");
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(differences(vendor, "shop.honest", QUERY)).isEmpty());
      assertThat(status(vendor, "honest")).isEqualTo("ACTIVE");
    }
  }

  @Test
  void aDefinitionThatCannotBeReadConcernsItsOwnerOnly() throws SQLException, InterruptedException {
    try (Connection admin = database.connect();
        Connection mallory = database.connectAs("mallory")) {
      streamTable(mallory, "den.garbled", QUERY, "DIFFERENTIAL");
      streamTable(mallory, "den.timeless", QUERY, "DIFFERENTIAL");
      String unchecked = "ALTER TABLE pgtrickle.pgt_definitions %s pgt_definitions_schedule_check";
      run(admin, unchecked.formatted("DROP CONSTRAINT IF EXISTS"));
      run(
          mallory,
          "UPDATE pgtrickle.pgt_definitions SET analysis = '{}' WHERE table_name = 'garbled'",
          "UPDATE pgtrickle.pgt_definitions SET schedule = 'x' WHERE table_name = 'timeless'");
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(status(mallory, "garbled")).isEqualTo("ERROR 22023"));
      honestOnesGoOn();
      database.stopSidecar();
      database.startSidecar();
      await()
          .atMost(PATIENCE)
          .ignoreExceptions()
          .untilAsserted(() -> ready(mallory, "den.timeless"));
      honestOnesGoOn();
      run(
          mallory,
          "SELECT pgtrickle.repair_stream_table('den.garbled')",
          "SELECT pgtrickle.drop_stream_table('den.timeless')");
      ready(mallory, "den.garbled");
      run(mallory, "SELECT pgtrickle.drop_stream_table('den.garbled')");
      run(
          admin,
          unchecked.formatted("ADD CONSTRAINT")
              + " CHECK (schedule = pgtrickle_internal.check_schedule(schedule))");
    }
  }

  @Test
  void policiesOfAStreamTableHideNothingFromTheSidecarNorRunAsIt() throws SQLException {
    String joined = "SELECT a.id, b.v FROM shop.items a JOIN shop.items b ON a.id = b.id";
    try (Connection vendor = database.connectAs("vendor");
        Connection mallory = database.connectAs("mallory")) {
      run(mallory, trap("den.trap()", "boolean"), "GRANT EXECUTE ON FUNCTION den.trap() TO PUBLIC");
      streamTable(mallory, "den.whole", QUERY, "FULL");
      streamTable(mallory, "den.joined", joined, "DIFFERENTIAL");
      for (String table : new String[] {"den.whole", "den.joined"}) {
        run(
            mallory,
            "ALTER TABLE %s ENABLE ROW LEVEL SECURITY".formatted(table),
            "CREATE POLICY tenants ON %s USING (den.trap())".formatted(table));
      }
      streamTable(mallory, "den.above", "SELECT id, v FROM den.joined", "AUTO");
      streamTable(mallory, "den.higher", "SELECT id, v FROM den.whole", "AUTO");
      for (int i = 10; i < 13; i++) {
        run(vendor, "INSERT INTO shop.items VALUES (%d, 'x')".formatted(i));
        run(mallory, "SELECT pgtrickle.refresh_stream_table('den.whole')");
        sync(mallory);
        assertThat(differences(mallory, "den.whole", QUERY)).isEmpty();
        assertThat(differences(mallory, "den.higher", QUERY)).isEmpty();
        assertThat(differences(mallory, "den.joined", joined)).isEmpty();
        assertThat(differences(mallory, "den.above", joined)).isEmpty();
      }

      // Those that bind the owner too are an error, never other rows.
      run(mallory, "ALTER TABLE den.whole FORCE ROW LEVEL SECURITY");
      run(vendor, "DELETE FROM shop.items WHERE id = 12");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(refusal(mallory, "SELECT pgtrickle.refresh_stream_table('den.whole')"))
                      .extracting(ServerErrorMessage::getMessage)
                      .asString()
                      .contains("row-level security"));
      run(mallory, "ALTER TABLE den.whole NO FORCE ROW LEVEL SECURITY");
      await()
          .atMost(PATIENCE)
          .ignoreExceptions()
          .untilAsserted(
              () -> {
                run(mallory, "SELECT pgtrickle.refresh_stream_table('den.whole')");
                assertThat(differences(mallory, "den.whole", QUERY)).isEmpty();
              });
      run(
          mallory,
          "SELECT pgtrickle.drop_stream_table('den.whole', cascade => true)",
          "SELECT pgtrickle.drop_stream_table('den.joined', cascade => true)");
    }
  }

  @Test
  void functionsOnTheOwnersSearchPathAreNotCalledByTheSidecar() throws SQLException {
    try (Connection vendor = database.connectAs("vendor");
        Connection mallory = database.connectAs("mallory")) {
      run(
          mallory,
          trap("den.set_config(varchar, varchar, boolean)", "text"),
          trap("den.string_to_array(text, varchar)", "text[]"),
          trap("den.current_setting(varchar)", "text"),
          "SET search_path = den, pg_catalog");
      streamTable(mallory, "den.full", QUERY, "FULL");
      streamTable(mallory, "den.incremental", QUERY, "DIFFERENTIAL");
      run(vendor, "INSERT INTO shop.items VALUES (20, 'x')");
      run(mallory, "SELECT pgtrickle.refresh_stream_table('den.full')");
      sync(mallory);
      assertThat(differences(mallory, "den.full", QUERY)).isEmpty();
      assertThat(differences(mallory, "den.incremental", QUERY)).isEmpty();
      run(
          mallory,
          "SELECT pgtrickle.drop_stream_table('den.full')",
          "SELECT pgtrickle.drop_stream_table('den.incremental')");
    }
  }

  @Test
  void functionsInSchemasThatAnybodyMayWriteAreNotCalledByTheSidecar() throws SQLException {
    try (Connection admin = database.connect();
        Connection mallory = database.connectAs("mallory")) {
      // As by default before PostgreSQL 15.
      run(admin, "GRANT CREATE ON SCHEMA public TO PUBLIC");
      run(mallory, trap("public.set_config(varchar, varchar, boolean)", "text"));
      streamTable(mallory, "den.plain", QUERY, "FULL");
      assertThat(differences(mallory, "den.plain", QUERY)).isEmpty();
      run(
          mallory,
          "SELECT pgtrickle.drop_stream_table('den.plain')",
          "DROP FUNCTION public.set_config(varchar, varchar, boolean)");
      run(admin, "REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    }
  }

  @Test
  void typesOfSchemasOnTheOwnersSearchPathOnlyAreFilled() throws SQLException {
    try (Connection vendor = database.connectAs("vendor");
        Connection mallory = database.connectAs("mallory")) {
      run(
          mallory,
          "SET search_path = den",
          "CREATE TYPE mood AS ENUM ('sad', 'glad')",
          "GRANT USAGE ON TYPE mood TO PUBLIC");
      String moods =
          "SELECT id, CASE WHEN v LIKE 'a%' THEN 'sad'::mood ELSE 'glad' END AS m FROM shop.items";
      streamTable(mallory, "den.moods", moods, "DIFFERENTIAL");
      streamTable(mallory, "den.all_moods", moods, "FULL");
      run(vendor, "INSERT INTO shop.items VALUES (30, 'abc')");
      run(mallory, "SELECT pgtrickle.refresh_stream_table('den.all_moods')");
      sync(mallory);
      assertThat(differences(mallory, "den.moods", moods)).isEmpty();
      assertThat(differences(mallory, "den.all_moods", moods)).isEmpty();
      run(
          mallory,
          "SELECT pgtrickle.drop_stream_table('den.moods')",
          "SELECT pgtrickle.drop_stream_table('den.all_moods')");
    }
  }

  @Test
  void aDelegateThatWasReplacedIsNotCalled() throws SQLException {
    try (Connection vendor = database.connectAs("vendor");
        Connection mallory = database.connectAs("mallory")) {
      run(mallory, trap("den.escape()", "text"));
      streamTable(mallory, "den.written", QUERY, "DIFFERENTIAL");
      streamTable(mallory, "den.evaluated", QUERY, "FULL");
      replaceDelegate(mallory, "written", "exec", "bigint");
      replaceDelegate(mallory, "evaluated", "query", "SETOF record");
      run(vendor, "INSERT INTO shop.items VALUES (40, 'x')");
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(status(mallory, "written")).isEqualTo("HELD 42501"));
      assertThat(refusal(mallory, "SELECT pgtrickle.refresh_stream_table('den.evaluated')"))
          .extracting(ServerErrorMessage::getMessage)
          .asString()
          .contains("was altered");
      honestOnesGoOn();
      run(
          mallory,
          "SELECT pgtrickle.repair_stream_table('den.written')",
          "SELECT pgtrickle.repair_stream_table('den.evaluated')");
      ready(mallory, "den.written");
      ready(mallory, "den.evaluated");
      assertThat(differences(mallory, "den.written", QUERY)).isEmpty();
      assertThat(differences(mallory, "den.evaluated", QUERY)).isEmpty();
      run(
          mallory,
          "SELECT pgtrickle.drop_stream_table('den.written')",
          "SELECT pgtrickle.drop_stream_table('den.evaluated')");
    }
  }

  private static void replaceDelegate(Connection owner, String table, String kind, String result)
      throws SQLException {
    String id =
        value(
            owner,
            "SELECT pgt_id FROM pgtrickle.pgt_definitions WHERE table_name = '" + table + "'");
    run(
        owner,
        """
        CREATE OR REPLACE FUNCTION den.__pgt_%s_%s(command text, arguments text[] DEFAULT '{}')
        RETURNS %s LANGUAGE plpgsql SECURITY INVOKER AS $$
        BEGIN
          PERFORM den.escape();
        END
        $$
        """
            .formatted(kind, id, result));
  }

  @Test
  void whatTheOwnersTriggerDoesToTheSearchPathIsTakenBack() throws SQLException {
    try (Connection vendor = database.connectAs("vendor");
        Connection mallory = database.connectAs("mallory")) {
      run(
          mallory,
          trap("den.format(text, text, text)", "text"),
          """
          CREATE FUNCTION den.stray() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN
            PERFORM pg_catalog.set_config('search_path', 'den, pg_catalog', false);
            RETURN NULL;
          END
          $$
          """);
      streamTable(mallory, "den.strayed", QUERY, "DIFFERENTIAL");
      run(
          mallory,
          "CREATE TRIGGER stray AFTER INSERT OR UPDATE ON den.strayed FOR EACH STATEMENT EXECUTE"
              + " FUNCTION den.stray()",
          "SELECT pgtrickle.subscribe('den.strayed', 'strays')");
      for (int i = 50; i < 53; i++) {
        run(vendor, "INSERT INTO shop.items VALUES (%d, 'x')".formatted(i));
        sync(mallory);
        assertThat(status(mallory, "strayed")).isEqualTo("ACTIVE");
        assertThat(differences(mallory, "den.strayed", QUERY)).isEmpty();
      }
      run(mallory, "SELECT pgtrickle.drop_stream_table('den.strayed')");
    }
  }

  // A function that fails where the sidecar calls it.
  private static String trap(String signature, String type) {
    return """
    CREATE FUNCTION %s RETURNS %s LANGUAGE plpgsql AS $$
    BEGIN
      IF current_user = 'warden' THEN
        RAISE EXCEPTION 'caught';
      END IF;
      RETURN NULL;
    END
    $$
    """
        .formatted(signature, type);
  }
}
