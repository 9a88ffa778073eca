package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.status;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// The expressions of SQL/JSON, which PostgreSQL has since version 16 or 17: every stream table
/// equals its query, as a bag and as text, and follows by deltas.
final class JsonExpressionsIT {
  private static final int CYCLES = 6;
  private static final long SEED = 20_261_131;

  private static final String[] SCHEMA = {
    "CREATE TABLE parts (id int PRIMARY KEY, grp int, name text, doc jsonb, plain json, n"
        + " numeric(8,2), day date, raw text)",
    "CREATE SCHEMA st",
    "SET search_path = st, public"
  };

  private static final List<Shape> SINCE_16 =
      List.of(
          new Shape(
              "constructed",
              "SELECT id, JSON_OBJECT('id': id, 'name': name, 'day': day ABSENT ON NULL)::text AS"
                  + " o, JSON_OBJECT('doc': doc, coalesce(name, '?'): n RETURNING jsonb) AS b,"
                  + " JSON_ARRAY(id, name, plain NULL ON NULL)::text AS a, JSON_ARRAY(n, day"
                  + " RETURNING text) AS t, JSON_OBJECT()::text AS e FROM parts"),
          new Shape(
              "tested",
              "SELECT id, raw IS JSON AS j, raw IS JSON OBJECT AS o, raw IS NOT JSON ARRAY AS a,"
                  + " raw IS JSON SCALAR AS s, raw IS JSON WITH UNIQUE KEYS AS u, doc IS JSON"
                  + " OBJECT AS d FROM parts WHERE raw IS NULL OR raw IS JSON OR id > 3"),
          new Shape(
              "aggregated",
              "SELECT grp, JSON_ARRAYAGG(name ORDER BY id NULL ON NULL)::text AS n,"
                  + " JSON_ARRAYAGG(day ORDER BY id DESC RETURNING jsonb) AS d, JSON_OBJECTAGG(id:"
                  + " name ABSENT ON NULL WITH UNIQUE KEYS RETURNING jsonb) AS o,"
                  + " JSON_OBJECTAGG(id: n RETURNING jsonb) FILTER (WHERE n > 0) AS f FROM parts"
                  + " GROUP BY grp"),
          new Shape(
              "nested",
              "SELECT g.grp, JSON_OBJECT('n': count(*), 'parts': (SELECT JSON_ARRAYAGG(JSON_OBJECT("
                  + "'id': p.id, 'doc': p.doc) ORDER BY p.id) FROM parts p WHERE p.grp ="
                  + " g.grp))::text AS o FROM parts g GROUP BY g.grp"));

  private static final List<Shape> SINCE_17 =
      List.of(
          new Shape(
              "converted",
              "SELECT id, JSON_SCALAR(name)::text AS s, JSON_SCALAR(day)::text AS d,"
                  + " JSON_SERIALIZE(doc) AS z, CASE WHEN raw IS JSON THEN JSON(raw) END::text AS j"
                  + " FROM parts"),
          new Shape(
              "looked_up",
              "SELECT id, JSON_VALUE(doc, '$.a') AS a, JSON_VALUE(doc, '$.b[0]' RETURNING int"
                  + " DEFAULT -1 ON EMPTY DEFAULT -2 ON ERROR) AS b, JSON_VALUE(plain, '$.b[$i]'"
                  + " PASSING grp AS i RETURNING numeric(6,1) NULL ON ERROR) AS n FROM parts WHERE"
                  + " doc IS NOT NULL"),
          new Shape(
              "queried",
              "SELECT id, JSON_QUERY(doc, '$.b') AS b, JSON_QUERY(doc, '$.b[*]' WITH WRAPPER) AS w,"
                  + " JSON_QUERY(doc, '$.a' RETURNING text OMIT QUOTES EMPTY ARRAY ON EMPTY) AS q,"
                  + " JSON_QUERY(doc, '$.b' RETURNING int[] NULL ON ERROR) AS i FROM parts WHERE"
                  + " doc IS NOT NULL"),
          new Shape(
              "existing",
              "SELECT JSON_EXISTS(doc, '$.b[*] ? (@ > $x)' PASSING grp AS x) AS e, count(*) AS n"
                  + " FROM parts WHERE NOT JSON_EXISTS(doc, 'strict $.c' TRUE ON ERROR) GROUP BY"
                  + " 1"));

  @Test
  void streamTablesEqualTheirQueriesAfterEveryCycle() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect();
        Connection writer = database.connect()) {
      int version = connection.getMetaData().getDatabaseMajorVersion();
      assumeTrue(version >= 16);
      List<Shape> shapes = new ArrayList<>(SINCE_16);
      shapes.addAll(version >= 17 ? SINCE_17 : List.of());
      run(connection, SCHEMA);
      Random random = new Random(SEED);
      for (int i = 0; i < 8; i++) {
        transaction(writer, random);
      }
      for (Shape shape : shapes) {
        streamTable(connection, shape.name(), shape.query(), "DIFFERENTIAL");
      }
      for (int cycle = 0; cycle < CYCLES; cycle++) {
        for (int i = 0; i < 3; i++) {
          transaction(writer, random);
        }
        sync(connection);
        for (Shape shape : shapes) {
          assertThat(rows(connection, shape.differences()))
              .as("%s, cycle %s, seed %s", shape.name(), cycle, SEED)
              .isEmpty();
        }
      }
      assertThat(
              rows(
                  connection,
                  "SELECT pgt_name FROM pgtrickle.pgt_stream_tables"
                      + " WHERE effective_refresh_mode <> 'DIFFERENTIAL' OR status <> 'ACTIVE'"))
          .isEmpty();
      assertThat(
              value(
                  connection,
                  "SELECT count(*) FROM pgtrickle.pgt_refresh_history WHERE action = 'FULL'"))
          .isEqualTo("0");
    }
  }

  @Test
  void anErrorOnErrorIsOneOfItsRow() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      assumeTrue(connection.getMetaData().getDatabaseMajorVersion() >= 17);
      run(
          connection,
          "CREATE TABLE t (id int PRIMARY KEY, doc jsonb)",
          "INSERT INTO t VALUES (1, '{\"a\": 5}')");
      streamTable(
          connection,
          "numbers",
          "SELECT id, JSON_VALUE(doc, '$.a' RETURNING int ERROR ON EMPTY ERROR ON ERROR) AS a FROM"
              + " t",
          "DIFFERENTIAL");
      run(connection, "INSERT INTO t VALUES (2, '{}')");
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(status(connection, "numbers")).isEqualTo("ERROR 22035"));
      run(connection, "UPDATE t SET doc = '{\"a\": \"7\"}' WHERE id = 2");
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(status(connection, "numbers")).isEqualTo("ACTIVE"));
      sync(connection);
      assertThat(rows(connection, "SELECT * FROM numbers ORDER BY id"))
          .containsExactly("1|5", "2|7");
    }
  }

  @Test
  void ofNoDocumentThereIsNoValueWhateverWasInErrorBeforeIt()
      throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      assumeTrue(connection.getMetaData().getDatabaseMajorVersion() >= 17);
      run(
          connection,
          "CREATE TABLE t (id int PRIMARY KEY, doc jsonb)",
          "INSERT INTO t VALUES (1, '{\"a\": \"x\"}'), (2, NULL), (3, '{\"a\": \"y\"}'), (4,"
              + " '{}')");
      streamTable(
          connection,
          "numbers",
          "SELECT id, JSON_VALUE(doc, '$.a' RETURNING int DEFAULT -1 ON EMPTY DEFAULT -2 ON ERROR)"
              + " AS a FROM t",
          "DIFFERENTIAL");
      sync(connection);
      assertThat(rows(connection, "SELECT * FROM numbers ORDER BY id"))
          .containsExactly("1|-2", "2|null", "3|-2", "4|-1");
    }
  }

  private static void transaction(Connection writer, Random random) throws SQLException {
    String[] statements = new String[1 + random.nextInt(5)];
    for (int i = 0; i < statements.length; i++) {
      int id = random.nextInt(10);
      statements[i] =
          switch (random.nextInt(7)) {
            case 0 -> "DELETE FROM parts WHERE id = " + id;
            case 1 -> "UPDATE parts SET grp = grp % 3 + 1 WHERE id % 3 = 1";
            case 2 -> "UPDATE parts SET name = NULL, n = n + 1 WHERE id = " + id;
            default ->
                "INSERT INTO parts VALUES (%d, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET (grp, name, doc, raw) = ROW(excluded.grp, excluded.name, excluded.doc, excluded.raw)"
                    .formatted(
                        id,
                        one(random, "NULL", "1", "2"),
                        one(random, "NULL", "'a'", "'q\"uo\\te'", "'Ä'"),
                        one(
                            random,
                            "NULL",
                            "'{\"a\": \"x y\", \"b\": [1, 2.5]}'",
                            "'{\"a\": null, \"b\": 3}'",
                            "'[1]'",
                            "'{\"b\": [\"z\"], \"c\": 1}'"),
                        one(random, "NULL", "'{\"b\" : [7, 8.25, 9]}'", "'[]'"),
                        one(random, "NULL", "1", "2.50", "-3"),
                        one(random, "NULL", "'2024-02-29'"),
                        one(random, "NULL", "'{}'", "'{\"a\":1,\"a\":2}'", "'[1'", "'1'", "''"));
          };
    }
    writer.setAutoCommit(false);
    run(writer, statements);
    if (random.nextInt(10) == 0) {
      writer.rollback();
    } else {
      writer.commit();
    }
    writer.setAutoCommit(true);
  }

  private static String one(Random random, String... choices) {
    return choices[random.nextInt(choices.length)];
  }
}
