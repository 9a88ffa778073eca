package io.pgtrickle.engine.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/// What PostgreSQL refuses, and what the document says of what it accepts.
final class QueryDocumentIT {
  private static CatalogDatabase database;

  @BeforeAll
  static void install() throws SQLException {
    database = CatalogDatabase.installed();
    database.execute(
        """
        CREATE TYPE mood AS ENUM ('sad', 'happy');
        CREATE DOMAIN score AS int CHECK (VALUE >= 0);
        CREATE TABLE plain (b text COLLATE "C", id int, gone int, m mood, s score,
          g int GENERATED ALWAYS AS (id * 2) STORED, PRIMARY KEY (id, b));
        ALTER TABLE plain DROP COLUMN gone;
        CREATE TABLE keyless (a int, u int NOT NULL UNIQUE, n int UNIQUE);
        CREATE TABLE parts (k int, v text) PARTITION BY RANGE (k);
        CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (10)
          PARTITION BY RANGE (k);
        CREATE TABLE parts_lowest PARTITION OF parts_low FOR VALUES FROM (0) TO (5);
        CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE RETURN $1 * 2;
        CREATE VIEW inner_view AS SELECT id, b FROM plain WHERE m = 'happy';
        CREATE VIEW outer_view AS SELECT v.id, k.a FROM inner_view v JOIN keyless k ON k.u = v.id;
        CREATE TEMPORARY TABLE passing (a int);
        """);
  }

  @AfterAll
  static void close() throws SQLException {
    database.close();
  }

  private static JsonNode describe(String query) throws SQLException {
    return Json.MAPPER.readTree(
        database.value("SELECT pgtrickle_internal.analyze_query($q$" + query + "$q$)"));
  }

  private static List<String> relations(JsonNode document) {
    List<String> names = new ArrayList<>();
    document.path("relations").forEach(r -> names.add(r.path("name").asString()));
    return names;
  }

  private static JsonNode relation(JsonNode document, String name) {
    for (JsonNode relation : document.path("relations")) {
      if (relation.path("name").asString().equals(name)) {
        return relation;
      }
    }
    throw new AssertionError(name + " is not among " + relations(document));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          SELECT 1; DROP TABLE plain                                | 42601
          SELECT 1); DROP TABLE plain; SELECT (1                    | 42601
          DROP TABLE plain                                          | 42601
          INSERT INTO keyless VALUES (1, 2, 3) RETURNING a          | 42601
          SHOW work_mem                                             | 42601
          SELECT 1 INTO other                                       | 42601
          ""                                                        | 42601
          SELECT * FRO plain                                        | 42601
          SELECT * FROM nosuch                                      | 42P01
          SELECT nosuch FROM plain                                  | 42703
          SELECT nosuch(1)                                          | 42883
          SELECT $1                                                 | 42P02
          SELECT 1 AS a, 2 AS a                                     | 42701
          SELECT id FROM plain FOR UPDATE                           | 0A000
          SELECT a FROM passing                                     | 0A000
          SELECT pgt_id FROM pgtrickle.pgt_state                    | 0A000
          WITH x AS (DELETE FROM keyless RETURNING a) SELECT * FROM x | 0A000
          """)
  void queriesThatCannotDefineAStreamTableAreRefused(String query, String sqlState)
      throws SQLException {
    var error =
        database.error("SELECT pgtrickle.create_stream_table('refused', $q$" + query + "$q$)");
    assertThat(error.getSQLState()).as(error.toString()).isEqualTo(sqlState);
    assertThat(database.value("SELECT to_regclass('plain') IS NOT NULL")).isEqualTo("t");
  }

  @Test
  void errorsPointIntoTheTextOfTheUser() {
    var error =
        database.error(
            "SELECT pgtrickle.create_stream_table('refused', 'SELECT id, x FROM plain')");
    assertThat(error.getInternalQuery()).isEqualTo("SELECT id, x FROM plain");
    assertThat(error.getInternalPosition()).isEqualTo(12);
  }

  @Test
  void commentsAndATrailingSemicolonAreFine() throws SQLException {
    assertThat(describe("SELECT 1 AS a; -- one").path("columns")).hasSize(1);
    assertThat(describe("VALUES (1, 'x'), (2, 'y')").path("columns")).hasSize(2);
    assertThat(describe("TABLE keyless").path("columns")).hasSize(3);
  }

  @Test
  void canonicalTextIsQualifiedAndDoesNotDependOnTheSession() throws SQLException {
    String query =
        "SELECT id, twice(id) t FROM plain WHERE b > 'x' AND now() > '2024-02-01 12:00+00'"
            + " AND now() - '2024-02-01 12:00+00' > interval '1 day 02:00'";
    String usual = describe(query).path("canonical").asString();
    assertThat(usual)
        .contains("public.plain", "public.twice", "'2024-02-01 12:00:00+00'", "'1 day 02:00:00'");
    database.execute(
        "SET DateStyle = 'ISO, DMY'; SET TimeZone = 'Asia/Tokyo'; SET IntervalStyle = 'iso_8601';"
            + " SET quote_all_identifiers = on");
    try {
      JsonNode other = describe(query);
      assertThat(other.path("canonical").asString()).isEqualTo(usual);
      assertThat(other.path("settings").path("TimeZone").asString()).isEqualTo("Asia/Tokyo");
      assertThat(other.path("settings").path("DateStyle").asString()).isEqualTo("ISO, DMY");
    } finally {
      database.execute(
          "RESET DateStyle; RESET TimeZone; RESET IntervalStyle; RESET quote_all_identifiers");
    }
  }

  @Test
  void relationsAreFoundThroughViews() throws SQLException {
    JsonNode document = describe("SELECT id FROM outer_view WHERE a IN (SELECT k FROM parts)");
    assertThat(relations(document))
        .containsExactlyInAnyOrder("outer_view", "inner_view", "plain", "keyless", "parts");
    JsonNode view = relation(document, "inner_view");
    assertThat(view.path("relkind").asString()).isEqualTo("v");
    assertThat(view.path("tree").asString()).startsWith("({QUERY");
    assertThat(view.path("definition").asString()).contains("public.plain");
    assertThat(document.path("tree").asString()).startsWith("({QUERY");
  }

  @Test
  void systemCatalogsAreRelationsToo() throws SQLException {
    JsonNode catalog = relation(describe("SELECT relname FROM pg_class"), "pg_class");
    assertThat(catalog.path("system").asBoolean()).isTrue();
  }

  @Test
  void liveColumnsAndKeysAreDescribed() throws SQLException {
    JsonNode plain = relation(describe("SELECT id FROM plain"), "plain");
    List<String> columns = new ArrayList<>();
    plain
        .path("columns")
        .forEach(
            c ->
                columns.add(
                    c.path("attnum").asInt()
                        + " "
                        + c.path("name").asString()
                        + " "
                        + c.path("type_name").asString()
                        + " "
                        + c.path("not_null").asBoolean()
                        + " "
                        + c.path("generated").asString("")));
    assertThat(columns)
        .containsExactly(
            "1 b text true ",
            "2 id integer true ",
            "4 m public.mood false ",
            "5 s public.score false ",
            "6 g integer false s");
    assertThat(plain.path("primary_key").toString()).isEqualTo("[2,1]");
    assertThat(plain.path("replica_identity").asString()).isEqualTo("d");
    JsonNode keyless = relation(describe("SELECT a FROM keyless"), "keyless");
    assertThat(keyless.path("primary_key").toString()).isEqualTo("[]");
    assertThat(keyless.path("unique_keys").toString()).as("n is nullable").isEqualTo("[[2]]");
  }

  @Test
  void partitionsOfAllLevelsAreDescribed() throws SQLException {
    JsonNode document = describe("SELECT k FROM parts");
    assertThat(relations(document)).containsExactly("parts");
    List<String> descendants = new ArrayList<>();
    relation(document, "parts")
        .path("descendants")
        .forEach(d -> descendants.add(d.path("name").asString() + d.path("relkind").asString()));
    assertThat(descendants).containsExactly("parts_lowp", "parts_lowestr");
  }

  @Test
  void userDefinedTypesFunctionsAndCollationsAreDescribed() throws SQLException {
    JsonNode document = describe("SELECT twice(s) AS t, m, b FROM plain");
    List<String> types = new ArrayList<>();
    document
        .path("types")
        .forEach(t -> types.add(t.path("name").asString() + t.path("kind").asString()));
    assertThat(types).contains("moode", "scored");
    assertThat(document.path("functions").toString())
        .contains("\"twice\"")
        .contains("\"volatility\":\"i\"");
    List<String> collations = new ArrayList<>();
    document.path("collations").forEach(c -> collations.add(c.path("name").asString()));
    assertThat(collations).contains("C");
  }

  @Test
  void anotherStreamTableAsSourceIsMarked() throws SQLException {
    database.execute("SELECT pgtrickle.create_stream_table('upstream', 'SELECT id FROM plain')");
    JsonNode upstream = relation(describe("SELECT id FROM upstream"), "upstream");
    assertThat(upstream.path("stream_table").asBoolean()).isTrue();
    assertThat(upstream.path("pgt_id").asLong()).isPositive();
  }

  @Test
  void rowSecurityIsReportedForTheRoleThatReads() throws SQLException {
    database.execute("CREATE TABLE secured (a int); ALTER TABLE secured ENABLE ROW LEVEL SECURITY");
    database.role("doc_reader");
    database.execute("GRANT SELECT ON secured TO doc_reader");
    assertThat(
            relation(describe("SELECT a FROM secured"), "secured").path("row_security").asBoolean())
        .as("a superuser is not subject to policies")
        .isFalse();
    try (var reader = database.connectAs("doc_reader")) {
      String json =
          CatalogDatabase.rows(
                  reader, "SELECT pgtrickle_internal.analyze_query('SELECT a FROM secured')")
              .getFirst();
      assertThat(relation(Json.MAPPER.readTree(json), "secured").path("row_security").asBoolean())
          .isTrue();
    }
  }

  @Test
  void searchPathIsResolvedAtCreation() throws SQLException {
    database.execute("SET search_path = \"$user\", public, nosuch");
    try {
      assertThat(describe("SELECT 1 AS a").path("settings").path("search_path").asString())
          .isEqualTo("public");
    } finally {
      database.execute("RESET search_path");
    }
  }
}
