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
          "CREATE SCHEMA yard AUTHORIZATION warden",
          "GRANT CREATE, USAGE ON SCHEMA yard TO mallory",
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
    try (Connection mallory = database.connectAs("mallory")) {
      // What is drawn from a sequence stays drawn when the transaction is rolled back.
      run(
          mallory,
          "CREATE SEQUENCE den.caught",
          "GRANT USAGE, SELECT ON SEQUENCE den.caught TO PUBLIC",
          bait("den.bait(text)", "boolean", "true"),
          bait("den.bait()", "trigger", "NEW"),
          "CREATE DOMAIN den.word AS text CHECK (den.bait(VALUE))",
          "GRANT USAGE ON TYPE den.word TO PUBLIC",
          "CREATE TYPE den.pair AS (first den.word, second int)",
          "GRANT USAGE ON TYPE den.pair TO PUBLIC");
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
      assertNothingCaught(vendor);
    } finally {
      try (Connection mallory = database.connectAs("mallory")) {
        run(mallory, "ALTER SEQUENCE den.caught RESTART");
      }
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
  void whatTheOwnersTriggerDoesToTheSessionsSettingsIsTakenBack() throws SQLException {
    try (Connection vendor = database.connectAs("vendor");
        Connection mallory = database.connectAs("mallory")) {
      run(
          mallory,
          trap("den.format(text, text, text)", "text"),
          """
          CREATE FUNCTION den.stray() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN
            PERFORM pg_catalog.set_config('search_path', 'den, pg_catalog', false);
            PERFORM pg_catalog.set_config('array_nulls', 'off', false);
            PERFORM pg_catalog.set_config('synchronous_commit', 'off', false);
            PERFORM pg_catalog.set_config('default_transaction_read_only', 'on', false);
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
        run(vendor, "INSERT INTO shop.items VALUES (%d, NULL)".formatted(i));
        sync(mallory);
        assertThat(status(mallory, "strayed")).isEqualTo("ACTIVE");
        assertThat(differences(mallory, "den.strayed", QUERY)).isEmpty();
        assertThat(differences(vendor, "shop.honest", QUERY)).isEmpty();
      }
      run(mallory, "SELECT pgtrickle.drop_stream_table('den.strayed')");
    }
  }

  @Test
  void operatorsInSchemasThatAnybodyMayWriteAreNotCalledByTheSidecar() throws SQLException {
    try (Connection admin = database.connect();
        Connection mallory = database.connectAs("mallory")) {
      run(admin, "GRANT CREATE ON SCHEMA public TO PUBLIC");
      // The server has no operator for these types and would cast: one that fits comes first.
      run(
          mallory,
          bait("public.same(oid, bigint)", "boolean", "true"),
          bait("public.same(oid, int)", "boolean", "true"),
          bait("public.below(oid, int)", "boolean", "true"),
          "CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = bigint, FUNCTION = public.same)",
          "CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = int, FUNCTION = public.same)",
          "CREATE OPERATOR public.< (LEFTARG = oid, RIGHTARG = int, FUNCTION = public.below)",
          "SELECT * FROM pgtrickle.validate_query($$SELECT DISTINCT id, to_jsonb(v) AS j,"
              + " v::timestamptz AT TIME ZONE 'Europe/Paris' AS t FROM shop.items$$)");
      assertNothingCaught(mallory);
      run(
          mallory,
          "DROP OPERATOR public.= (oid, bigint), public.= (oid, int), public.< (oid, int)",
          "DROP FUNCTION public.same(oid, bigint), public.same(oid, int), public.below(oid, int)");
      run(admin, "REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    }
  }

  @Test
  void namesAndQueriesAreLookedUpWithoutFunctionsOnTheCallersSearchPath() throws SQLException {
    try (Connection admin = database.connect();
        Connection warden = database.connectAs("warden");
        Connection mallory = database.connectAs("mallory")) {
      run(admin, "GRANT CREATE ON SCHEMA public TO PUBLIC");
      run(
          mallory,
          bait("public.format(text, text)", "text", "$1"),
          bait("public.array_position(text[], text)", "int", "1"),
          bait("public.times(bigint, interval)", "interval", "$2"),
          "CREATE OPERATOR public.* (LEFTARG = bigint, RIGHTARG = interval, FUNCTION ="
              + " public.times)");
      run(
          warden,
          "SET search_path = shop, public",
          "SELECT * FROM pgtrickle.validate_query('SELECT id FROM items')",
          "SELECT * FROM pgtrickle.freshness('honest')",
          "SELECT * FROM pgtrickle.health_check()",
          "SELECT * FROM pgtrickle.slot_health()");
      assertNothingCaught(mallory);
      run(
          mallory,
          "DROP OPERATOR public.* (bigint, interval)",
          "DROP FUNCTION public.format(text, text), public.array_position(text[], text),"
              + " public.times(bigint, interval)");
      run(admin, "REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    }
  }

  @Test
  void temporaryTablesUnderTheNamesOfTheSidecarsAreNotWritten() throws SQLException {
    String documents = "SELECT id, to_jsonb(v) AS j FROM shop.items";
    try (Connection vendor = database.connectAs("vendor");
        Connection mallory = database.connectAs("mallory")) {
      streamTable(vendor, "shop.documents", documents, "DIFFERENTIAL");
      String victim =
          value(
              vendor,
              "SELECT pgt_id FROM pgtrickle.pgt_definitions WHERE table_name = 'documents'");
      run(
          mallory,
          """
          CREATE FUNCTION den.take_over() RETURNS trigger LANGUAGE plpgsql AS $$
          DECLARE
            staging text;
          BEGIN
            SELECT c.relname INTO staging FROM pg_class c
            WHERE c.relnamespace = pg_my_temp_schema() AND c.relname LIKE 'pgt\\_stage%%'
              AND c.relowner <> 'mallory'::regrole;
            DISCARD TEMP;
            FOREACH staging IN ARRAY ARRAY[staging, 'pgt_stage_%1$s'] LOOP
              IF to_regclass('pg_temp.' || staging) IS NULL THEN
                EXECUTE format('CREATE TEMPORARY TABLE %%I (kind int8, w int8, c0 int, c1 jsonb)',
                               staging);
                EXECUTE format('CREATE TRIGGER bait BEFORE INSERT ON pg_temp.%%I FOR EACH ROW '
                               'EXECUTE FUNCTION den.bait()', staging);
                EXECUTE format('GRANT ALL ON pg_temp.%%I TO PUBLIC', staging);
              END IF;
            END LOOP;
            RETURN NULL;
          END
          $$
          """
              .formatted(victim));
      streamTable(mallory, "den.small", QUERY, "DIFFERENTIAL");
      run(
          mallory,
          "CREATE TRIGGER take_over AFTER INSERT ON den.small FOR EACH STATEMENT EXECUTE FUNCTION"
              + " den.take_over()");
      for (int i = 70; i < 74; i++) {
        run(vendor, "INSERT INTO shop.items VALUES (%d, 'x')".formatted(i));
        sync(vendor);
        assertThat(differences(vendor, "shop.documents", documents)).isEmpty();
      }
      assertThat(status(vendor, "documents")).isEqualTo("ACTIVE");
      assertNothingCaught(mallory);
      run(vendor, "SELECT pgtrickle.drop_stream_table('shop.documents')");
      run(mallory, "SELECT pgtrickle.drop_stream_table('den.small')");
    }
  }

  @Test
  void stagedRowsAreReadByTheOwnerOfTheirTableOnly() throws SQLException {
    String documents = "SELECT id, to_jsonb(v) AS j FROM shop.items";
    try (Connection admin = database.connect();
        Connection vendor = database.connectAs("vendor")) {
      streamTable(vendor, "shop.documents", documents, "DIFFERENTIAL");
      run(vendor, "INSERT INTO shop.items VALUES (80, 'x')");
      sync(vendor);
      assertThat(
              rows(
                  admin,
                  "SELECT DISTINCT pg_get_userbyid(a.grantee)::text FROM pg_class c,"
                      + " aclexplode(c.relacl) a WHERE c.relname LIKE 'pgt\\_stage%'"))
          .containsExactlyInAnyOrder("warden", "vendor");
      run(vendor, "SELECT pgtrickle.drop_stream_table('shop.documents')");
    }
  }

  @Test
  void checksOfDomainsRunAsTheOwner() throws SQLException {
    String words = "SELECT id, v::den.word AS v FROM shop.items";
    try (Connection vendor = database.connectAs("vendor");
        Connection mallory = database.connectAs("mallory")) {
      streamTable(mallory, "den.words", words, "FULL");
      for (int i = 90; i < 92; i++) {
        run(vendor, "INSERT INTO shop.items VALUES (%d, 'x')".formatted(i));
        run(vendor, "UPDATE shop.items SET v = v || '!' WHERE id < 3");
        run(mallory, "SELECT pgtrickle.refresh_stream_table('den.words')");
        assertThat(differences(mallory, "den.words", words)).isEmpty();
      }
      assertNothingCaught(mallory);
      run(mallory, "SELECT pgtrickle.drop_stream_table('den.words')");
    }
  }

  @Test
  void columnsWithDomainsInsideAreRefused() throws SQLException {
    try (Connection mallory = database.connectAs("mallory")) {
      for (String column :
          new String[] {"ARRAY[v]::den.word[] AS x", "ROW(v, id)::den.pair AS x"}) {
        assertThat(
                refusal(
                    mallory,
                    "SELECT pgtrickle.create_stream_table('den.inside', $$SELECT id, %s FROM"
                            .formatted(column)
                        + " shop.items$$, refresh_mode => 'FULL')"))
            .satisfies(
                said -> {
                  assertThat(said.getSQLState()).isEqualTo("0A000");
                  assertThat(said.getMessage()).contains("column \"x\"");
                });
      }
      assertNothingCaught(mallory);
    }
  }

  @Test
  void literalsOfTypesWithDomainsInsideAreNotReadByTheSidecar() throws SQLException {
    String arrays = "SELECT id FROM shop.items WHERE id < cardinality('{1,2,3}'::den.word[])";
    String records = "SELECT id FROM shop.items WHERE id > ('(x,1)'::den.pair).second";
    try (Connection mallory = database.connectAs("mallory")) {
      for (String query : new String[] {arrays, records}) {
        run(mallory, "SELECT * FROM pgtrickle.validate_query($$%s$$)".formatted(query));
        assertNothingCaught(mallory);
        streamTable(mallory, "den.literals", query, "AUTO");
        assertThat(differences(mallory, "den.literals", query)).isEmpty();
        assertNothingCaught(mallory);
        run(mallory, "SELECT pgtrickle.drop_stream_table('den.literals')");
      }
    }
  }

  @Test
  void aTableOfTheSidecarsThatWasHandedOverIsNotWrittenWithItsRights() throws SQLException {
    try (Connection admin = database.connect();
        Connection warden = database.connectAs("warden");
        Connection vendor = database.connectAs("vendor");
        Connection mallory = database.connectAs("mallory")) {
      streamTable(warden, "yard.handed", QUERY, "DIFFERENTIAL");
      run(admin, "GRANT mallory TO warden", "ALTER TABLE yard.handed OWNER TO mallory");
      run(
          mallory,
          "CREATE TRIGGER bait BEFORE INSERT OR UPDATE ON yard.handed FOR EACH ROW EXECUTE FUNCTION"
              + " den.bait()");
      run(vendor, "INSERT INTO shop.items VALUES (100, 'x')");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> assertThat(status(mallory, "handed")).isIn("HELD 42501", "ERROR 42501"));
      assertNothingCaught(mallory);
      run(mallory, "SELECT pgtrickle.repair_stream_table('yard.handed')");
      ready(mallory, "yard.handed");
      assertThat(differences(mallory, "yard.handed", QUERY)).isEmpty();
      assertNothingCaught(mallory);
      run(mallory, "SELECT pgtrickle.drop_stream_table('yard.handed')");
      run(admin, "REVOKE mallory FROM warden");
    }
  }

  private static void assertNothingCaught(Connection connection) throws SQLException {
    assertThat(value(connection, "SELECT is_called FROM den.caught"))
        .as("code of hers has run as the sidecar's role")
        .isEqualTo("f");
  }

  // A function that remembers, for ever, that the sidecar has called it.
  private static String bait(String signature, String type, String result) {
    return """
    CREATE FUNCTION %s RETURNS %s LANGUAGE plpgsql AS $$
    BEGIN
      IF current_user = 'warden' THEN
        PERFORM pg_catalog.nextval('den.caught');
      END IF;
      RETURN %s;
    END
    $$
    """
        .formatted(signature, type, result);
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
