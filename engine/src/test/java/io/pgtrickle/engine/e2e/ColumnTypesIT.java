package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.refusal;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.status;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Columns of types that cannot be hashed, compared or indexed, and constants of types that only
/// the
/// server reads: every stream table equals its query, as a bag and as text, and follows by deltas.
final class ColumnTypesIT {
  private static final int CYCLES = 6;

  private static final String[] SCHEMA = {
    "CREATE TYPE place AS (street text, zip int, price money)",
    "CREATE TYPE plain_place AS (street text, \"Zip \"\"x\" int)",
    "CREATE DOMAIN document AS json",
    "CREATE TABLE wide (id int PRIMARY KEY, grp int, j json, x xml, doc document, docs json[],"
        + " paid money, payments money[], at point, shape box, home place, plain plain_place,"
        + " places plain_place[], bits bit(4), more bit varying, words tsvector, host inet,"
        + " hosts inet[], opens time, closes timetz, r int4range, names name[], tags text[])",
  };

  private static final Map<String, String> QUERIES = new LinkedHashMap<>();

  static {
    query("documents", "SELECT grp, j, doc FROM wide");
    query("markup", "SELECT grp, x FROM wide");
    query("nested", "SELECT grp, docs, payments, places FROM wide");
    query("money_only", "SELECT paid FROM wide");
    query("not_hashable_at_all", "SELECT home FROM wide");
    query("shapes", "SELECT at, shape, bits, more, words FROM wide");
    query(
        "everything",
        "SELECT grp, j, x, doc, docs, paid, payments, at, shape, home, plain, places, bits, more,"
            + " words, host, hosts, opens, closes, r, names, tags FROM wide");
    query("joined", "SELECT a.j, b.x, b.paid FROM wide a JOIN wide b ON b.id = a.grp");
    query("outer_joined", "SELECT a.home, b.docs FROM wide a LEFT JOIN wide b ON b.id = a.grp");
    query("fields", "SELECT id, (home).zip AS z, (plain).\"Zip \"\"x\" + 1 AS p FROM wide");
    query("by_field", "SELECT (plain).street AS s, count(*) AS n FROM wide GROUP BY 1");
    query(
        "constants",
        "SELECT id, host << '10.0.0.0/24'::inet AS near, bits & B'0110' AS b, paid > '$2.00'::money"
            + " AS m, at <@ '((0,0),(2,2))'::box AS inside, words @@ 'fat & !cat'::tsquery AS q,"
            + " closes > '20:00+02'::timetz AS late, r && '[2,4)'::int4range AS meets FROM wide");
    query(
        "searched",
        "SELECT id FROM wide WHERE to_tsvector('english', tags[1]) @@ to_tsquery('english', 'rats')"
            + " OR j::jsonb @? '$.a ? (@ > 2)'");
    query(
        "built",
        "SELECT id, jsonb_build_object('id', grp, 'tags', tags, 'none', NULL) AS o,"
            + " json_build_array('it''s', grp) AS a FROM wide");
    query(
        "cast_arrays", "SELECT id, tags::varchar(2)[] AS t, ARRAY[grp, 3]::text[] AS g FROM wide");
    query(
        "named_arguments",
        "SELECT id, make_interval(days => grp, mins => id) AS i FROM wide WHERE grp IS NOT NULL");
    query(
        "arrays_of_subqueries",
        "SELECT a.id, ARRAY(SELECT b.host FROM wide b WHERE b.grp = a.grp ORDER BY b.id DESC) AS h,"
            + " ARRAY(SELECT b.tags FROM wide b WHERE b.grp = a.id AND b.tags IS NOT NULL ORDER BY"
            + " b.id) AS t FROM wide a");
    query(
        "aggregated",
        "SELECT grp, jsonb_agg(jsonb_build_object('z', (plain).street) ORDER BY id) AS p FROM wide"
            + " GROUP BY grp");
  }

  private static void query(String name, String text) {
    QUERIES.put(name, text);
  }

  private static final class Changes {
    private final Random random = new Random(11);

    private String maybe(String sql) {
      return random.nextInt(5) == 0 ? "NULL" : sql;
    }

    // Few values of each, so that many rows are alike.
    private String values() {
      int n = random.nextInt(3);
      return String.join(
          ", ",
          maybe(String.valueOf(random.nextInt(6))),
          maybe("'{\"a\":  " + (n + 1) + "}'"),
          maybe("'<a>" + n + "</a>'"),
          maybe("'[" + n + "]'"),
          maybe("ARRAY['{\"x\": " + n + "}']::json[]"),
          maybe("'$" + n + ".50'"),
          maybe("'{$1.00,$" + n + ".00}'"),
          maybe("'(" + n + ",1)'"),
          maybe("'((0,0),(1," + n + "))'"),
          maybe("'(\"a, b\"," + n + ",$1.00)'"),
          maybe("'(s" + n + "," + n + ")'"),
          maybe("ARRAY['(s," + n + ")']::plain_place[]"),
          maybe("B'0" + (n % 2) + "1" + (n / 2) + "'"),
          maybe("B'" + "1".repeat(n) + "'"),
          maybe("'fat rat" + n + "'"),
          maybe("'10.0." + n + ".1'"),
          maybe("'{10.0." + n + ".1,::1}'"),
          maybe("'0" + n + ":30'"),
          maybe("'2" + n + ":30+0" + n + "'"),
          maybe("'[1," + (n + 2) + ")'"),
          maybe("'{n" + n + "}'"),
          maybe("'{rat" + n + ",rats}'"));
    }

    String next() {
      int id = random.nextInt(25);
      return switch (random.nextInt(5)) {
        case 0, 1 ->
            "INSERT INTO wide SELECT " + id + ", " + values() + " ON CONFLICT (id) DO NOTHING";
        case 2 -> "DELETE FROM wide WHERE id = " + id;
        case 3 -> "UPDATE wide SET grp = " + maybe("grp + 1") + " WHERE id = " + id;
        default ->
            "WITH d AS (DELETE FROM wide WHERE id = "
                + id
                + " RETURNING id) UPDATE wide SET (j, paid, home, x) = (SELECT j, paid, home, x"
                + " FROM wide w WHERE w.id = "
                + random.nextInt(25)
                + ") WHERE id = "
                + (id + 1);
      };
    }
  }

  @Test
  void everyStreamTableFollowsBagAndText() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(connection, SCHEMA);
      Changes changes = new Changes();
      for (int i = 0; i < 40; i++) {
        run(connection, changes.next());
      }
      for (Map.Entry<String, String> query : QUERIES.entrySet()) {
        streamTable(connection, query.getKey(), query.getValue(), "DIFFERENTIAL");
      }
      requireEqual(connection, "after the fill");
      for (int cycle = 0; cycle < CYCLES; cycle++) {
        connection.setAutoCommit(false);
        for (int i = 0; i < 12; i++) {
          run(connection, changes.next());
        }
        connection.commit();
        connection.setAutoCommit(true);
        requireEqual(connection, "after transaction " + cycle);
      }
      run(connection, "TRUNCATE wide");
      requireEqual(connection, "when all is gone");
    }
  }

  private static void requireEqual(Connection connection, String when) throws SQLException {
    sync(connection);
    for (Map.Entry<String, String> query : QUERIES.entrySet()) {
      assertThat(differingTexts(connection, query.getKey(), query.getValue()))
          .as(query.getKey() + " " + when)
          .isEmpty();
      assertThat(status(connection, query.getKey())).as(query.getKey()).isEqualTo("ACTIVE");
      assertThat(
              value(
                  connection,
                  "SELECT effective_refresh_mode FROM pgtrickle.stream_tables_info WHERE pgt_name ="
                      + " '"
                      + query.getKey()
                      + "'"))
          .as(query.getKey())
          .isEqualTo("DIFFERENTIAL");
    }
  }

  // Many of these types cannot be compared.
  private static List<String> differingTexts(Connection connection, String table, String query)
      throws SQLException {
    return rows(
        connection,
        """
        WITH shown AS (SELECT it::text AS r FROM %s it), wanted AS (SELECT it::text AS r FROM (%s) it)
        (SELECT 'unexpected', r FROM (TABLE shown EXCEPT ALL TABLE wanted) x)
        UNION ALL (SELECT 'missing', r FROM (TABLE wanted EXCEPT ALL TABLE shown) x)
        """
            .formatted(table, query));
  }

  @Test
  void aTableOfColumnsThatCannotBeHashedIsRefreshedInFull()
      throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE paid (id int PRIMARY KEY, m money)",
          "INSERT INTO paid VALUES (1, '$1.00'), (2, '$1.00'), (3, '$2.00')");
      streamTable(
          connection, "paid_full", "SELECT m, xmlelement(name a, m) AS x FROM paid", "FULL");
      run(connection, "DELETE FROM paid WHERE id = 2", "UPDATE paid SET m = '$5.00' WHERE id = 3");
      sync(connection);
      assertThat(
              differingTexts(
                  connection, "paid_full", "SELECT m, xmlelement(name a, m) AS x FROM paid"))
          .isEmpty();
      assertThat(status(connection, "paid_full")).isEqualTo("ACTIVE");
    }
  }

  @Test
  void columnsOfTypesWithoutABinaryFormAreLeftAlone() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(
          connection,
          "CREATE EXTENSION isn",
          "CREATE DOMAIN book_number AS isbn13",
          "CREATE TABLE books (id int PRIMARY KEY, number book_number, title text)",
          "INSERT INTO books VALUES (1, '978-0-393-04002-9', 'one'),"
              + " (2, '978-0-11-000533-1', 'two'), (3, NULL, 'two')",
          "CREATE TABLE lists (id int PRIMARY KEY, numbers isbn[])",
          "CREATE TABLE keyed (number isbn13 PRIMARY KEY, title text)",
          "INSERT INTO keyed VALUES ('978-0-393-04002-9', 'one')",
          "CREATE TABLE bare (number isbn13, title text)",
          "INSERT INTO bare SELECT number, title FROM books");
      Map<String, String> tables =
          Map.of(
              "titles", "SELECT title, count(*) AS n FROM books GROUP BY title",
              "bare_titles", "SELECT title FROM bare",
              "numbers", "SELECT id, number::text AS number FROM books",
              "keyed_titles", "SELECT title FROM keyed");
      for (Map.Entry<String, String> table : tables.entrySet()) {
        streamTable(connection, table.getKey(), table.getValue(), "AUTO");
      }
      assertThat(
              rows(
                  connection,
                  "SELECT pgt_name, effective_refresh_mode FROM pgtrickle.stream_tables_info"
                      + " ORDER BY pgt_name COLLATE \"C\""))
          .containsExactly(
              "bare_titles|DIFFERENTIAL",
              "keyed_titles|FULL",
              "numbers|FULL",
              "titles|DIFFERENTIAL");
      run(
          connection,
          "UPDATE books SET number = '978-0-393-04002-9' WHERE id = 2",
          "UPDATE books SET title = 'three' WHERE id = 3",
          "UPDATE bare SET number = NULL WHERE title = 'one'",
          "DELETE FROM bare WHERE number IS NULL AND title = 'two'",
          "UPDATE keyed SET title = 'four'",
          "DELETE FROM books WHERE id = 1");
      sync(connection);
      for (Map.Entry<String, String> table : tables.entrySet()) {
        assertThat(differingTexts(connection, table.getKey(), table.getValue()))
            .as(table.getKey())
            .isEmpty();
      }
      var refused =
          refusal(
              connection,
              "SELECT pgtrickle.create_stream_table('x', 'SELECT id, number FROM books')");
      assertThat(refused.getSQLState()).isEqualTo("0A000");
      assertThat(refused.getMessage()).contains("\"number\"").contains("book_number");
      assertThat(refused.getHint()).contains("number::text");
      for (String mode : new String[] {"AUTO", "FULL"}) {
        var list =
            refusal(
                connection,
                "SELECT pgtrickle.create_stream_table('y', 'SELECT id FROM lists', refresh_mode =>"
                    + " '%s')".formatted(mode));
        assertThat(list.getSQLState()).isEqualTo("0A000");
        assertThat(list.getMessage()).contains("lists").contains("numbers");
      }
    }
  }
}
