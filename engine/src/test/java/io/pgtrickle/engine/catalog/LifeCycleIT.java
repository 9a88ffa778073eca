package io.pgtrickle.engine.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Creating, changing and dropping without a sidecar: accepted, with a warning.
final class LifeCycleIT {
  private static CatalogDatabase database;

  @BeforeAll
  static void install() throws SQLException {
    database = CatalogDatabase.installed();
    database.execute(
        "CREATE TABLE orders (id int PRIMARY KEY, customer text, amount numeric(10,2), at date);"
            + "CREATE TABLE customers (id text PRIMARY KEY, region varchar(3) COLLATE \"C\")");
  }

  @AfterAll
  static void close() throws SQLException {
    database.close();
  }

  private static String create(String name, String query) {
    return "SELECT pgtrickle.create_stream_table('" + name + "', $q$" + query + "$q$)";
  }

  @Test
  void creatingWithoutASidecarIsAcceptedWithAWarning() throws SQLException {
    List<String> messages =
        CatalogDatabase.execute(database.connection(), create("warned", "SELECT 1 AS a"));
    assertThat(messages)
        .containsExactly(
            "WARNING: stream table \"public.warned\" is accepted unchecked: no sidecar has run on"
                + " this database");
    assertThat(database.rows("SELECT name, status FROM pgtrickle.pgt_status()"))
        .contains("public.warned | INITIALIZING");
  }

  @Test
  void storageTableHasExactlyTheColumnsOfTheQuery() throws SQLException {
    database.execute(
        "CREATE DOMAIN positive AS numeric(12,3) CHECK (VALUE > 0);"
            + "CREATE TYPE mood AS ENUM ('sad', 'happy');"
            + create(
                "shapes",
                "SELECT c.region, sum(o.amount) AS \"Total Sum\", o.amount::positive AS p,"
                    + " 'sad'::mood AS m, o.customer COLLATE \"POSIX\" AS k, ARRAY[o.at] AS ats"
                    + " FROM orders o JOIN customers c ON c.id = o.customer"
                    + " GROUP BY 1, 3, 4, 5, o.at"));
    assertThat(
            database.rows(
                "SELECT attname, format_type(atttypid, atttypmod),"
                    + " (SELECT collname FROM pg_collation WHERE oid = attcollation), attnotnull"
                    + " FROM pg_attribute WHERE attrelid = 'shapes'::regclass AND attnum > 0"
                    + " ORDER BY attnum"))
        .containsExactly(
            "region | character varying(3) | C | f",
            "Total Sum | numeric | - | f",
            "p | positive | - | f",
            "m | mood | - | f",
            "k | text | POSIX | f",
            "ats | date[] | - | f");
    assertThat(database.rows("SELECT * FROM shapes")).isEmpty();
    assertThat(database.value("SELECT relreplident FROM pg_class WHERE relname = 'shapes'"))
        .isEqualTo("f");
    assertThat(database.rows("SELECT relname FROM pg_class WHERE relname ~ '^__pgt_[0-9a-f]{32}$'"))
        .as("the temporary view is gone")
        .isEmpty();
  }

  @Test
  void queryWithoutColumnsMakesATableWithoutColumns() throws SQLException {
    database.execute(create("nothing", "SELECT FROM orders"));
    assertThat(
            database.value(
                "SELECT count(*) FROM pg_attribute"
                    + " WHERE attrelid = 'nothing'::regclass AND attnum > 0"))
        .isEqualTo("0");
  }

  @Test
  void rollbackUndoesCreation() throws SQLException {
    try (Connection connection = database.connect()) {
      connection.setAutoCommit(false);
      CatalogDatabase.execute(
          connection, "CREATE TABLE fresh (a int);" + create("gone", "SELECT a FROM fresh"));
      assertThat(CatalogDatabase.rows(connection, "SELECT * FROM gone")).isEmpty();
      connection.rollback();
    }
    assertThat(database.value("SELECT to_regclass('gone') IS NULL")).isEqualTo("t");
    assertThat(database.rows("SELECT 1 FROM pgtrickle.pgt_definitions WHERE table_name = 'gone'"))
        .isEmpty();
  }

  @Test
  void tablesOfTheSameTransactionAndItsSavepointsCanBeSources() throws SQLException {
    try (Connection connection = database.connect()) {
      connection.setAutoCommit(false);
      CatalogDatabase.execute(connection, "CREATE TABLE migrated (a int PRIMARY KEY)");
      connection.setSavepoint();
      CatalogDatabase.execute(connection, create("migrated_view", "SELECT a FROM migrated"));
      connection.commit();
    }
    assertThat(
            database.value(
                "SELECT analysis #> '{relations,0,primary_key}' FROM pgtrickle.pgt_definitions"
                    + " WHERE table_name = 'migrated_view'"))
        .isEqualTo("[1]");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"Mixed Case\"",
        "\"with.dot\"",
        "\"quote\"\"inside\"",
        "\"été 漢字\"",
        "\"select\"",
        "a234567890b234567890c234567890d234567890e234567890f234567890abc"
      })
  void namesOfEveryKindWork(String name) throws SQLException {
    database.execute("CREATE SCHEMA IF NOT EXISTS \"Odd.Schema\"");
    String qualified = "\"Odd.Schema\"." + name;
    database.execute(create(qualified, "SELECT 1 AS a"));
    assertThat(database.error(create(qualified, "SELECT 1 AS a")).getSQLState()).isEqualTo("42P07");
    assertThat(database.error("INSERT INTO " + qualified + " VALUES (1)").getSQLState())
        .isEqualTo("55000");
    database.execute("SET search_path = \"Odd.Schema\", public");
    try {
      database.execute("SELECT pgtrickle.drop_stream_table('" + name + "')");
    } finally {
      database.execute("RESET search_path");
    }
    assertThat(database.value("SELECT to_regclass('" + qualified + "') IS NULL")).isEqualTo("t");
  }

  @Test
  void nameGoesToTheFirstSchemaOfTheSearchPath() throws SQLException {
    database.execute("CREATE SCHEMA first_one");
    try (Connection connection = database.connect()) {
      CatalogDatabase.execute(connection, "SET search_path = missing, first_one, public");
      CatalogDatabase.execute(connection, create("placed", "SELECT 1 AS a"));
      CatalogDatabase.execute(connection, "SET search_path = ''");
      assertThat(CatalogDatabase.error(connection, create("placed", "SELECT 1 AS a")).getSQLState())
          .isEqualTo("3F000");
    }
    assertThat(
            database.value(
                "SELECT schema_name FROM pgtrickle.pgt_definitions WHERE table_name = 'placed'"))
        .isEqualTo("first_one");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          a.b.c                | 42601
          a.                   | 22023
          nosuch.t             | 3F000
          orders               | 42P07
          a234567890b234567890c234567890d234567890e234567890f234567890abcd | 42622
          """)
  void badNamesAreRefused(String name, String sqlState) {
    assertThat(database.error(create(name, "SELECT 1 AS a")).getSQLState()).isEqualTo(sqlState);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          schedule => 'now and then'                     | 22023
          schedule => '0s'                               | 22023
          schedule => '61 * * * *'                       | 22023
          refresh_mode => 'SOMETIMES'                    | 22023
          refresh_mode => 'IMMEDIATE'                    | 0A000
          diamond_consistency => 'maybe'                 | 22023
          cdc_mode => 'trigger'                          | 22023
          partition_by => 'a'                            | 0A000
          output_distribution_column => 'a'              | 0A000
          max_delta_fraction => 2                        | 22023
          max_differential_joins => 0                    | 22023
          """)
  void badParametersAreRefused(String parameter, String sqlState) {
    assertThat(
            database
                .error(
                    "SELECT pgtrickle.create_stream_table('never', 'SELECT 1 AS a', "
                        + parameter
                        + ")")
                .getSQLState())
        .isEqualTo(sqlState);
  }

  @Test
  void parametersCanBeGivenByPosition() throws SQLException {
    database.execute(
        "SELECT pgtrickle.create_stream_table('positional', 'SELECT 1 AS a', ' 1M30s '::text,"
            + " 'incremental', false, 'none', 'slowest', 'wal', true, true, NULL, 4, 0.5, NULL)");
    assertThat(
            database.rows(
                "SELECT schedule, refresh_mode, initialize, diamond_consistency,"
                    + " diamond_schedule_policy, cdc_mode, append_only,"
                    + " pooler_compatibility_mode, max_differential_joins, max_delta_fraction"
                    + " FROM pgtrickle.pgt_definitions WHERE table_name = 'positional'"))
        .containsExactly("1m30s | DIFFERENTIAL | f | none | slowest | wal | t | t | 4 | 0.5");
  }

  @Test
  void ifNotExistsLeavesTheExistingOneAlone() throws SQLException {
    database.execute(create("once", "SELECT 1 AS a"));
    List<String> messages =
        CatalogDatabase.execute(
            database.connection(),
            "SELECT pgtrickle.create_stream_table_if_not_exists('once', 'SELECT 2 AS b')");
    assertThat(messages).containsExactly("NOTICE: stream table \"once\" already exists, skipping");
    assertThat(database.rows("SELECT * FROM once")).isEmpty();
    assertThat(
            database.value(
                "SELECT query FROM pgtrickle.pgt_definitions" + " WHERE table_name = 'once'"))
        .isEqualTo("SELECT 1 AS a");
  }

  private static String generation(String table) throws SQLException {
    return database.value(
        "SELECT generation FROM pgtrickle.pgt_definitions WHERE table_name = '" + table + "'");
  }

  @Test
  void replacingWithTheSameQueryRebuildsNothing() throws SQLException {
    String replace =
        "SELECT pgtrickle.create_or_replace_stream_table('repl', 'SELECT id FROM orders', '%s')";
    database.execute(String.format(replace, "1s"));
    database.execute(String.format(replace, "2s"));
    database.execute(
        "SELECT pgtrickle.create_or_replace_stream_table('repl', 'SELECT  orders.id FROM orders;',"
            + " '2s')");
    assertThat(generation("repl")).isEqualTo("1");
    assertThat(
            database.value(
                "SELECT schedule FROM pgtrickle.pgt_definitions WHERE table_name = 'repl'"))
        .isEqualTo("2s");
  }

  @Test
  void replacingByAQueryOfTheSameColumnsKeepsTheTable() throws SQLException {
    database.execute(create("same", "SELECT id FROM orders"));
    String oid = database.value("SELECT 'same'::regclass::oid");
    database.execute("CREATE VIEW over_same AS SELECT id FROM same");
    database.execute(
        "SELECT pgtrickle.create_or_replace_stream_table('same',"
            + " 'SELECT id FROM orders WHERE id > 3')");
    assertThat(generation("same")).isEqualTo("2");
    assertThat(database.value("SELECT 'same'::regclass::oid")).isEqualTo(oid);
  }

  @Test
  void otherColumnsAreRefusedWhileAnythingDependsOnThem() throws SQLException {
    database.execute(create("wide", "SELECT id, customer FROM orders"));
    database.execute("CREATE VIEW over_wide AS SELECT id FROM wide");
    var error =
        database.error(
            "SELECT pgtrickle.alter_stream_table('wide', query => 'SELECT id FROM orders')");
    assertThat(error.getSQLState()).isEqualTo("42P16");
    assertThat(error.getDetail()).contains("view public.over_wide");
    database.role("life_reader");
    database.execute("DROP VIEW over_wide; GRANT SELECT ON wide TO life_reader");
    database.execute(
        "SELECT pgtrickle.alter_stream_table('wide', query => 'SELECT id FROM orders')");
    assertThat(generation("wide")).isEqualTo("2");
    assertThat(database.error("SELECT customer FROM wide").getSQLState()).isEqualTo("42703");
    assertThat(database.value("SELECT has_table_privilege('life_reader', 'wide', 'SELECT')"))
        .isEqualTo("t");
    assertThat(
            database.value(
                "SELECT relid = 'wide'::regclass FROM pgtrickle.pgt_definitions"
                    + " WHERE table_name = 'wide'"))
        .isEqualTo("t");
  }

  @Test
  void stateOfATableCanBeAltered() throws SQLException {
    database.execute(create("altered", "SELECT id FROM orders"));
    database.execute(
        "SELECT pgtrickle.alter_stream_table('altered', schedule => '*/5 * * * *',"
            + " refresh_mode => 'FULL', status => 'SUSPENDED')");
    String shown =
        "SELECT schedule, refresh_mode, status FROM pgtrickle.pgt_stream_tables"
            + " WHERE pgt_name = 'altered'";
    assertThat(database.value(shown)).isEqualTo("*/5 * * * * | FULL | SUSPENDED");
    database.execute("SELECT pgtrickle.resume_stream_table('altered')");
    assertThat(database.value(shown)).isEqualTo("*/5 * * * * | FULL | INITIALIZING");
    assertThat(
            database
                .error("SELECT pgtrickle.alter_stream_table('altered', tier => 'cold')")
                .getSQLState())
        .isEqualTo("0A000");
    assertThat(
            database
                .error("SELECT pgtrickle.alter_stream_table('altered', status => 'odd')")
                .getSQLState())
        .isEqualTo("22023");
    assertThat(
            database
                .error("SELECT pgtrickle.alter_stream_table('unknown', status => 'active')")
                .getSQLState())
        .isEqualTo("42P01");
  }

  @Test
  void repairAsksForNewContentsUnderTheSearchPathOfCreation() throws SQLException {
    database.execute("CREATE SCHEMA aside; CREATE TABLE aside.local (a int)");
    try (Connection connection = database.connect()) {
      CatalogDatabase.execute(connection, "SET search_path = aside, public");
      CatalogDatabase.execute(connection, create("mended", "SELECT a FROM local"));
    }
    database.execute("SELECT pgtrickle.repair_stream_table('aside.mended')");
    assertThat(generation("mended")).isEqualTo("2");
    assertThat(database.value("SHOW search_path")).isEqualTo("\"$user\", public");
  }

  /// As `pg_restore` does it, which makes triggers after it has loaded rows.
  @Test
  void definitionsThatCameInWithoutTheTriggerAreStampedAnew() throws SQLException {
    database.execute(create("loaded", "SELECT id FROM orders"));
    database.execute(create("loaded_too", "SELECT id FROM loaded"));
    String stamped =
        "SELECT count(*) FROM pgtrickle.pgt_definitions"
            + " WHERE table_name LIKE 'loaded%' AND relid = table_name::regclass";
    database.execute(
        "ALTER TABLE pgtrickle.pgt_definitions DISABLE TRIGGER stamp;"
            + "UPDATE pgtrickle.pgt_definitions SET relid = 'customers'::regclass"
            + " WHERE table_name LIKE 'loaded%';"
            + "ALTER TABLE pgtrickle.pgt_definitions ENABLE TRIGGER stamp");
    database.execute("SELECT pgtrickle.repair_stream_table('loaded')");
    assertThat(database.value(stamped)).isEqualTo("1");
    assertThat(database.value("SELECT pgtrickle_internal.stamp_restored()")).isEqualTo("1");
    assertThat(database.value(stamped)).isEqualTo("2");
    assertThat(generation("loaded_too")).isEqualTo("1");
  }

  @Test
  void droppingRemovesTheTable() throws SQLException {
    database.execute(create("dropped", "SELECT id FROM orders"));
    database.execute("SELECT pgtrickle.drop_stream_table('dropped')");
    assertThat(database.value("SELECT to_regclass('dropped') IS NULL")).isEqualTo("t");
    assertThat(database.error("SELECT pgtrickle.drop_stream_table('dropped')").getSQLState())
        .isEqualTo("42P01");
  }

  @Test
  void droppingWorksAfterTheStorageTableWasDropped() throws SQLException {
    database.execute(create("orphan", "SELECT id FROM orders"));
    database.execute("DROP TABLE orphan");
    assertThat(database.error(create("orphan", "SELECT 1 AS a")).getSQLState()).isEqualTo("42P07");
    database.execute("SELECT pgtrickle.drop_stream_table('orphan')");
    database.execute(create("orphan", "SELECT 1 AS a"));
  }

  @Test
  void droppingWhatOthersReadNeedsCascade() throws SQLException {
    database.execute(create("base_st", "SELECT id FROM orders"));
    database.execute("CREATE VIEW between_st AS SELECT id FROM base_st");
    database.execute(create("middle_st", "SELECT id FROM between_st"));
    database.execute(create("top_st", "SELECT m.id FROM middle_st m JOIN base_st b USING (id)"));
    var error = database.error("SELECT pgtrickle.drop_stream_table('base_st')");
    assertThat(error.getSQLState()).isEqualTo("2BP01");
    assertThat(error.getDetail()).contains("middle_st", "top_st");
    database.execute("SELECT pgtrickle.drop_stream_table('base_st', true)");
    assertThat(
            database.rows(
                "SELECT table_name FROM pgtrickle.pgt_definitions WHERE table_name LIKE '%\\_st'"))
        .isEmpty();
  }

  @Test
  void circleOfStreamTablesIsRefused() throws SQLException {
    database.execute(create("ring_a", "SELECT id FROM orders"));
    database.execute(create("ring_b", "SELECT id FROM ring_a"));
    database.execute("CREATE VIEW ring_view AS SELECT id FROM ring_b");
    for (String source : List.of("ring_a", "ring_b", "ring_view")) {
      var error =
          database.error(
              "SELECT pgtrickle.create_or_replace_stream_table('ring_a', 'SELECT id FROM "
                  + source
                  + "')");
      assertThat(error.getSQLState()).as(source).isEqualTo("3F000");
      assertThat(error.getDetail()).contains("ring_a");
    }
  }

  @Test
  void usersCannotWriteStorageTables() throws SQLException {
    database.execute(create("guarded", "SELECT id FROM orders"));
    for (String write :
        List.of(
            "INSERT INTO guarded VALUES (1)",
            "UPDATE guarded SET id = 1",
            "DELETE FROM guarded",
            "TRUNCATE guarded")) {
      var error = database.error(write);
      assertThat(error.getSQLState()).as(write).isEqualTo("55000");
      assertThat(error.getHint()).isNotEmpty();
    }
  }

  @Test
  void definitionsAreReadBackAsTheyWereWritten() throws SQLException {
    database.execute(create("\"Read Back\"", "SELECT id FROM orders"));
    Definition definition =
        Definition.readAll(database.connection()).stream()
            .filter(d -> d.table().name().equals("Read Back"))
            .findFirst()
            .orElseThrow();
    assertThat(definition.owner()).isEqualTo("postgres");
    assertThat(definition.query()).isEqualTo("SELECT id FROM orders");
    assertThat(definition.mode()).isEqualTo(RefreshMode.AUTO);
    assertThat(definition.generation()).isEqualTo(1);
    assertThat(definition.initialize()).isTrue();
    assertThat(definition.paused()).isFalse();
    assertThat(definition.document()).contains("\"canonical\"");
    assertThat(Definition.read(database.connection(), definition.pgtId())).contains(definition);
    assertThat(Definition.read(database.connection(), -1)).isEmpty();
  }
}
