package io.pgtrickle.engine.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.engine.apply.StorageCatalog;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// A sidecar without superuser rights, owners who are not the sidecar, and others who may nothing.
final class PrivilegesIT {
  private static CatalogDatabase database;
  private static Connection sidecar;
  private static Connection alice;
  private static Connection mallory;

  @BeforeAll
  static void install() throws SQLException {
    database = CatalogDatabase.empty();
    for (String role : List.of("priv_sidecar", "priv_alice", "priv_bob", "priv_mallory")) {
      database.role(role);
    }
    database.execute(
        "GRANT CREATE ON DATABASE "
            + database.name()
            + " TO priv_sidecar; GRANT USAGE, CREATE ON SCHEMA public TO PUBLIC;"
            + "GRANT priv_alice TO priv_sidecar");
    Installer.install(database.connection(), "priv_sidecar");
    sidecar = database.connectAs("priv_sidecar");
    alice = database.connectAs("priv_alice");
    mallory = database.connectAs("priv_mallory");
    CatalogDatabase.execute(
        alice,
        "CREATE TABLE things (id int PRIMARY KEY, v text); INSERT INTO things VALUES (1, 'x')");
  }

  @AfterAll
  static void close() throws SQLException {
    for (Connection connection : List.of(sidecar, alice, mallory)) {
      connection.close();
    }
    database.close();
  }

  private static long create(Connection connection, String name, String query) throws SQLException {
    CatalogDatabase.execute(
        connection, "SELECT pgtrickle.create_stream_table('" + name + "', $q$" + query + "$q$)");
    return Long.parseLong(
        database.value(
            "SELECT pgt_id FROM pgtrickle.pgt_definitions WHERE table_name = '" + name + "'"));
  }

  private static String state(Connection connection, String sql) {
    return String.valueOf(CatalogDatabase.error(connection, sql).getSQLState());
  }

  @Test
  void ownerIsTheCreatorAndHasADelegate() throws SQLException {
    long id = create(alice, "owned", "SELECT id, v FROM things");
    Definition definition = Definition.read(sidecar, id).orElseThrow();
    assertThat(definition.owner()).isEqualTo("priv_alice");
    assertThat(Delegate.sidecarRole(sidecar)).isEqualTo("priv_sidecar");
    Delegate delegate = Delegate.of(definition, "priv_sidecar").orElseThrow();
    assertThat(Delegate.problem(sidecar, id)).isEmpty();

    // The sidecar runs as the owner, gets rows and counts, and cannot leave the role.
    assertThat(
            CatalogDatabase.rows(
                sidecar,
                "SELECT * FROM "
                    + delegate.query().sql()
                    + "('SELECT id, v, current_user::text FROM things WHERE id = ($1)[1]::int',"
                    + " '{1}') AS t (id int, v text, who text)"))
        .containsExactly("1 | x | priv_alice");
    assertThat(
            CatalogDatabase.rows(
                sidecar,
                "SELECT "
                    + delegate.exec().sql()
                    + "('UPDATE things SET v = ($1)[1] WHERE id = 1', '{y}')"))
        .containsExactly("1");
    assertThat(state(sidecar, "SELECT " + delegate.exec().sql() + "('RESET ROLE', '{}')"))
        .isEqualTo("42501");
    assertThat(state(mallory, "SELECT " + delegate.exec().sql() + "('SELECT 1', '{}')"))
        .isEqualTo("42501");
  }

  @Test
  void alteredDelegateIsNoticed() throws SQLException {
    long id = create(alice, "tampered", "SELECT id FROM things");
    String exec = "__pgt_exec_" + id + "(text, text[])";
    CatalogDatabase.execute(alice, "GRANT EXECUTE ON FUNCTION " + exec + " TO PUBLIC");
    assertThat(Delegate.problem(sidecar, id)).get().asString().contains("others than the sidecar");
    CatalogDatabase.execute(alice, "REVOKE EXECUTE ON FUNCTION " + exec + " FROM PUBLIC");
    assertThat(Delegate.problem(sidecar, id)).isEmpty();
    CatalogDatabase.execute(alice, "ALTER FUNCTION " + exec + " SET work_mem = '1MB'");
    assertThat(Delegate.problem(sidecar, id)).get().asString().contains("altered");
    CatalogDatabase.execute(alice, "DROP FUNCTION " + exec);
    assertThat(Delegate.problem(sidecar, id)).get().asString().contains("does not exist");
    CatalogDatabase.execute(alice, "SELECT pgtrickle.repair_stream_table('tampered')");
    assertThat(Delegate.problem(sidecar, id)).isEmpty();
  }

  @Test
  void aSuperusersCheckHoldsUntilItsTransactionEnds() throws SQLException {
    long id = create(alice, "pinned", "SELECT id FROM things");
    String alter = "ALTER FUNCTION __pgt_exec_" + id + "(text, text[]) SECURITY INVOKER";
    try (Connection superuser = database.connect()) {
      superuser.setAutoCommit(false);
      assertThat(Delegate.problem(superuser, id)).isEmpty();
      assertThat(state(alice, "SET lock_timeout = '100ms'; " + alter)).isEqualTo("55P03");
      superuser.rollback();
      CatalogDatabase.execute(alice, "RESET lock_timeout; " + alter);
      assertThat(Delegate.problem(superuser, id)).get().asString().contains("altered");
    }
    CatalogDatabase.execute(alice, "SELECT pgtrickle.drop_stream_table('pinned')");
  }

  @Test
  void anOverloadOrAnotherKindOfFunctionIsNoDelegate() throws SQLException {
    long id = create(alice, "kinds", "SELECT id FROM things");
    String called = "__pgt_exec_" + id;
    CatalogDatabase.execute(
        alice,
        "DO $$ DECLARE body text := pgtrickle_internal.delegate_body('exec'); BEGIN"
            + " DROP FUNCTION %1$s(text, text[]); EXECUTE format('CREATE FUNCTION %1$s(command"
                .formatted(called)
            + " text, VARIADIC arguments text[]) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER"
            + " AS %L', body); END $$; REVOKE ALL ON FUNCTION "
            + called
            + " FROM PUBLIC; GRANT EXECUTE ON FUNCTION "
            + called
            + " TO priv_sidecar");
    assertThat(Delegate.problem(sidecar, id)).get().asString().contains("altered");
    CatalogDatabase.execute(alice, "SELECT pgtrickle.drop_stream_table('kinds')");
  }

  @Test
  void sidecarsOwnStreamTablesNeedNoDelegate() throws SQLException {
    CatalogDatabase.execute(sidecar, "CREATE TABLE own_source (id int)");
    long id = create(sidecar, "own", "SELECT id FROM own_source");
    assertThat(Delegate.problem(sidecar, id)).isEmpty();
    assertThat(Delegate.of(Definition.read(sidecar, id).orElseThrow(), "priv_sidecar")).isEmpty();
  }

  @Test
  void ownerMustBeAbleToReadEverySource() {
    assertThat(
            state(
                mallory, "SELECT pgtrickle.create_stream_table('stolen', 'SELECT id FROM things')"))
        .isEqualTo("42501");
  }

  @Test
  void sidecarMustBeMemberOfEverySourcesOwner() throws SQLException {
    try (Connection bob = database.connectAs("priv_bob")) {
      CatalogDatabase.execute(bob, "CREATE TABLE bobs (id int)");
      String create = "SELECT pgtrickle.create_stream_table('bob_st', 'SELECT id FROM bobs')";
      var error = CatalogDatabase.error(bob, create);
      assertThat(error.getSQLState()).isEqualTo("42501");
      assertThat(error.getHint()).isEqualTo("GRANT priv_bob TO priv_sidecar;");
      database.execute(String.valueOf(error.getHint()));
      CatalogDatabase.execute(bob, create);
    }
  }

  @Test
  void sidecarMustBeAbleToUseTheSchema() throws SQLException {
    database.role("priv_carol");
    database.execute("CREATE SCHEMA carols AUTHORIZATION priv_carol");
    try (Connection carol = database.connectAs("priv_carol")) {
      String create = "SELECT pgtrickle.create_stream_table('carols.st', 'SELECT 1 AS a')";
      var error = CatalogDatabase.error(carol, create);
      assertThat(error.getSQLState()).isEqualTo("42501");
      assertThat(error.getHint()).isEqualTo("GRANT USAGE ON SCHEMA carols TO priv_sidecar;");
      CatalogDatabase.execute(carol, String.valueOf(error.getHint()));
      CatalogDatabase.execute(carol, create);
    }
  }

  @Test
  void othersCannotTouchAStreamTable() throws SQLException {
    create(alice, "untouched", "SELECT id FROM things");
    for (String call :
        List.of(
            "drop_stream_table('untouched')",
            "alter_stream_table('untouched', status => 'PAUSED')",
            "resume_stream_table('untouched')",
            "repair_stream_table('untouched')",
            "create_or_replace_stream_table('untouched', 'SELECT 1 AS id')",
            "subscribe('untouched', 'c')")) {
      assertThat(state(mallory, "SELECT pgtrickle." + call)).as(call).isEqualTo("42501");
    }
    // Past the functions: the row policies hold.
    CatalogDatabase.execute(mallory, "UPDATE pgtrickle.pgt_definitions SET status = 'PAUSED'");
    CatalogDatabase.execute(mallory, "DELETE FROM pgtrickle.pgt_definitions");
    assertThat(
            database.value(
                "SELECT status FROM pgtrickle.pgt_definitions WHERE table_name = 'untouched'"))
        .isEqualTo("ACTIVE");
  }

  @Test
  void definitionsCannotBeForged() throws SQLException {
    CatalogDatabase.execute(mallory, "CREATE TABLE IF NOT EXISTS mine (a int)");
    String insert =
        "INSERT INTO pgtrickle.pgt_definitions"
            + " (schema_name, table_name, query, analysis, schedule, refresh_mode)"
            + " VALUES ('public', '%s', 'SELECT 1', '{}', 'calculated', 'FULL')";
    assertThat(state(mallory, String.format(insert, "mine")))
        .as("an ordinary table of one's own")
        .isEqualTo("42501");
    assertThat(state(mallory, String.format(insert, "things")))
        .as("a table of somebody else")
        .isEqualTo("42501");
    assertThat(
            state(
                mallory,
                "INSERT INTO pgtrickle.pgt_definitions (schema_name, table_name, relid, owner,"
                    + " query, analysis, schedule, refresh_mode) VALUES ('public', 'x', 1,"
                    + " 'priv_alice', 'SELECT 1', '{}', 'calculated', 'FULL')"))
        .as("the owner is not for anyone to say")
        .isEqualTo("42501");
  }

  @Test
  void aViewIsNoStorageTable() throws SQLException {
    String view =
        "CREATE VIEW %1$s AS SELECT 1 AS id; CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE"
            + " ON %1$s FOR EACH STATEMENT EXECUTE FUNCTION pgtrickle_internal.guard(); ";
    assertThat(
            state(
                mallory,
                view.formatted("disguised")
                    + "INSERT INTO pgtrickle.pgt_definitions"
                    + " (schema_name, table_name, query, analysis, schedule, refresh_mode)"
                    + " VALUES ('public', 'disguised', 'SELECT 1', '{}', 'calculated', 'FULL')"))
        .isEqualTo("42501");

    long id = create(alice, "replaced", "SELECT id FROM things");
    CatalogDatabase.execute(alice, "ALTER TABLE replaced RENAME TO elsewhere");
    CatalogDatabase.execute(alice, view.formatted("replaced"));
    assertThat(
            CatalogDatabase.rows(sidecar, "SELECT pgtrickle_internal.storage_problem(" + id + ")"))
        .singleElement()
        .asString()
        .contains("elsewhere");
    assertThatThrownBy(
            () -> StorageCatalog.load(sidecar, id, "public", "replaced", Optional.empty(), false))
        .isInstanceOf(QueryRejected.class)
        .hasMessageContaining("does not exist");
    CatalogDatabase.execute(alice, "DROP VIEW replaced; ALTER TABLE elsewhere RENAME TO replaced");
    CatalogDatabase.execute(alice, "SELECT pgtrickle.drop_stream_table('replaced')");
  }

  @Test
  void internalsAreClosed() {
    for (String sql :
        List.of(
            "SELECT * FROM pgtrickle_internal.pgt_sidecar",
            "SELECT * FROM pgtrickle_internal.pgt_progress",
            "SELECT * FROM pgtrickle_internal.pgt_replies",
            "SELECT * FROM pgtrickle_internal.pgt_settings",
            "INSERT INTO pgtrickle_internal.pgt_replies VALUES (gen_random_uuid(), '{}')",
            "UPDATE pgtrickle.pgt_state SET status = 'ACTIVE'",
            "CREATE TABLE pgtrickle_internal.t ()",
            "SELECT pgtrickle.set_config('enabled', 'off')")) {
      assertThat(state(mallory, sql)).as(sql).isEqualTo("42501");
    }
  }

  @Test
  void everyOneMayLook() throws SQLException {
    create(alice, "looked_at", "SELECT id FROM things");
    for (String sql :
        List.of(
            "SELECT * FROM pgtrickle.pgt_status()",
            "SELECT * FROM pgtrickle.stream_tables_info",
            "SELECT * FROM pgtrickle.pgt_dependencies",
            "SELECT * FROM pgtrickle.health_check()",
            "SELECT * FROM pgtrickle.settings",
            "SELECT * FROM pgtrickle.freshness()")) {
      assertThat(CatalogDatabase.rows(mallory, sql)).as(sql).isNotEmpty();
    }
  }

  @Test
  void readersMaySubscribe() throws SQLException {
    create(alice, "read_by_all", "SELECT id FROM things");
    CatalogDatabase.execute(alice, "GRANT SELECT ON read_by_all TO priv_mallory");
    CatalogDatabase.execute(mallory, "SELECT pgtrickle.subscribe('read_by_all', 'news')");
    CatalogDatabase.execute(mallory, "SELECT pgtrickle.subscribe('read_by_all', 'news')");
    CatalogDatabase.execute(alice, "SELECT pgtrickle.subscribe('read_by_all', 'hers')");
    String mine =
        "SELECT stream_table, channel FROM pgtrickle.list_subscriptions()"
            + " WHERE stream_table = 'public.read_by_all'";
    assertThat(CatalogDatabase.rows(mallory, mine))
        .containsExactly("public.read_by_all | hers", "public.read_by_all | news");
    assertThat(state(mallory, "SELECT pgtrickle.unsubscribe('read_by_all', 'hers')"))
        .isEqualTo("42501");
    CatalogDatabase.execute(mallory, "SELECT pgtrickle.unsubscribe('read_by_all', 'news')");
    assertThat(CatalogDatabase.rows(mallory, mine)).containsExactly("public.read_by_all | hers");
    assertThat(state(mallory, "SELECT pgtrickle.subscribe('unknown', 'c')")).isEqualTo("42P01");
    assertThat(state(alice, "SELECT pgtrickle.subscribe('read_by_all', '')")).isEqualTo("22023");
  }

  @Test
  void whatTheSidecarCouldNotReadIsRefusedPastTheFunctionsToo() throws SQLException {
    long id = create(alice, "well_formed", "SELECT id FROM things");
    CatalogDatabase.execute(alice, "GRANT SELECT ON well_formed TO priv_mallory");
    for (String channel : List.of("", "x".repeat(64), "ä".repeat(32))) {
      assertThat(
              state(
                  mallory,
                  "INSERT INTO pgtrickle_internal.pgt_subscriptions (pgt_id, channel) VALUES ("
                      + id
                      + ", '"
                      + channel
                      + "')"))
          .as(channel)
          .isEqualTo("23514");
    }
    String update = "UPDATE pgtrickle.pgt_definitions SET %s WHERE pgt_id = " + id;
    for (String schedule : List.of("x", "", " calculated", "0s", "61 * * * *")) {
      assertThat(state(alice, update.formatted("schedule = '" + schedule + "'")))
          .as(schedule)
          .isIn("22023", "23514");
    }
    for (String relations :
        List.of(
            "5",
            "{}",
            "[5]",
            "[{\"oid\": \"x\"}]",
            "[{\"oid\": -1}]",
            "[{\"oid\": 1.5}]",
            "[{\"oid\": 4294967296}]",
            "[{\"oid\": 1, \"stream_table\": \"perhaps\"}]")) {
      assertThat(
              state(
                  alice,
                  update.formatted(
                      "analysis = jsonb_set(analysis, '{relations}', '" + relations + "')")))
          .as(relations)
          .isEqualTo("23514");
    }
    assertThat(state(alice, update.formatted("analysis = '[]'"))).isEqualTo("23514");
    CatalogDatabase.execute(alice, update.formatted("analysis = '{}', schedule = '1m30s'"));
    assertThat(CatalogDatabase.rows(mallory, "SELECT * FROM pgtrickle.pgt_dependencies"))
        .isNotEmpty();
    CatalogDatabase.execute(alice, "SELECT pgtrickle.drop_stream_table('well_formed')");
  }

  @Test
  void onlySessionsOfTheLeaseHolderPassTheGuard() throws SQLException {
    create(alice, "guarded_st", "SELECT id FROM things");
    String write = "UPDATE guarded_st SET id = 2 WHERE false";
    try (Connection holder = database.connect();
        Connection second = database.connect()) {
      assertThat(state(holder, write)).isEqualTo("55000");
      Lease lease =
          Lease.acquire(holder, new Lease.Holder(UUID.randomUUID(), "h", 1, "", "t")).orElseThrow();
      CatalogDatabase.execute(holder, write);
      assertThat(state(second, write)).isEqualTo("55000");
      lease.admit(second);
      CatalogDatabase.execute(second, write);
      assertThat(state(alice, write)).isEqualTo("55000");
      assertThat(state(alice, "SET pgtrickle.lease = ''; " + write)).isEqualTo("55000");
      lease.release();
      assertThat(state(holder, write)).as("the secret is void").isEqualTo("55000");
      assertThat(state(second, write)).isEqualTo("55000");
    }
  }
}
