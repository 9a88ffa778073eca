package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Aggregates that show the order of their values, over the rows of one function: PostgreSQL takes
/// them in the order in which the function returns them, and so do stream tables.
final class FunctionOrderIT {
  private static final int CYCLES = 6;
  private static final long SEED = 20_261_201;

  private static final String[] SCHEMA = {
    "CREATE TABLE lists (id int PRIMARY KEY, tags text[], numbers int[], doc jsonb, note text)",
    "CREATE FUNCTION joined(s text, t text) RETURNS text LANGUAGE sql IMMUTABLE AS"
        + " $$ SELECT coalesce(s || '>', '') || coalesce(t, '-') $$",
    "CREATE AGGREGATE chain(text) (SFUNC = joined, STYPE = text)",
    "CREATE SCHEMA st",
    "SET search_path = st, public"
  };

  private static final List<Shape> SHAPES =
      List.of(
          new Shape(
              "collected",
              "SELECT l.id, (SELECT array_agg(upper(x)) FROM unnest(l.tags) x WHERE x <> 'b') AS a,"
                  + " (SELECT string_agg(e, ',') FROM jsonb_array_elements_text(l.doc) e) AS s,"
                  + " (SELECT jsonb_agg(n * 2) FROM unnest(l.numbers) n) AS j FROM lists l"),
          new Shape(
              "arrays",
              "SELECT l.id, ARRAY(SELECT x || '!' FROM unnest(l.tags) x WHERE x IS NOT NULL) AS a,"
                  + " ARRAY(SELECT unnest(l.numbers) * 10) AS n, ARRAY(SELECT s.v || s.k FROM"
                  + " (SELECT w AS v, o AS k FROM regexp_split_to_table(l.note, ' ') WITH"
                  + " ORDINALITY r (w, o)) s) AS w, ARRAY(SELECT e -> 'a' FROM"
                  + " jsonb_array_elements(l.doc) e) AS d FROM lists l"),
          new Shape(
              "asked",
              "SELECT l.id, (SELECT chain(x) FROM unnest(l.tags) x) AS c, (SELECT json_agg(e)::text"
                  + " FROM jsonb_array_elements(l.doc) e) AS d, (SELECT chain(x ORDER BY x DESC)"
                  + " FROM unnest(l.tags) x) AS o, (SELECT array_agg(DISTINCT x) FROM"
                  + " unnest(l.tags) x) AS u FROM lists l"),
          new Shape(
              "grouped",
              "SELECT l.id, array_agg(x) AS a, chain(x) FILTER (WHERE x <> 'c') AS c, count(*) AS n"
                  + " FROM lists l, unnest(l.tags) x GROUP BY l.id"),
          new Shape(
              "numbered",
              "SELECT l.id, array_agg(x || n) AS a FROM lists l LEFT JOIN LATERAL unnest(l.tags)"
                  + " WITH ORDINALITY u (x, n) ON n < 4 GROUP BY l.id"),
          new Shape(
              "in_step",
              "SELECT l.id, (SELECT json_agg(u)::text FROM ROWS FROM (unnest(l.tags),"
                  + " unnest(l.numbers)) u (t, n)) AS j FROM lists l"),
          new Shape(
              "of_constants",
              "SELECT l.id, ARRAY(SELECT g * l.id FROM generate_series(3, 1, -1) g) AS a FROM lists"
                  + " l"));

  @Test
  void streamTablesEqualTheirQueriesAfterEveryCycle() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect();
        Connection writer = database.connect()) {
      run(connection, SCHEMA);
      Random random = new Random(SEED);
      for (int i = 0; i < 8; i++) {
        transaction(writer, random);
      }
      for (Shape shape : SHAPES) {
        streamTable(connection, shape.name(), shape.query(), "DIFFERENTIAL");
      }
      for (int cycle = 0; cycle < CYCLES; cycle++) {
        for (int i = 0; i < 3; i++) {
          transaction(writer, random);
        }
        sync(connection);
        for (Shape shape : SHAPES) {
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
      assertThat(database.sidecar().meters().scrape())
          .contains("pgtrickle_phd1_removed_rows_total 0.0");
    }
  }

  private static void transaction(Connection writer, Random random) throws SQLException {
    String[] statements = new String[1 + random.nextInt(4)];
    for (int i = 0; i < statements.length; i++) {
      int id = random.nextInt(8);
      statements[i] =
          switch (random.nextInt(6)) {
            case 0 -> "DELETE FROM lists WHERE id = " + id;
            case 1 -> "UPDATE lists SET tags = '{y,b,x,y}' WHERE id % 3 = " + id % 3;
            case 2 -> "UPDATE lists SET numbers = NULL, note = note || ' z' WHERE id = " + id;
            default ->
                "INSERT INTO lists VALUES (%d, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET (tags, numbers, doc) = ROW(excluded.tags, excluded.numbers, excluded.doc)"
                    .formatted(
                        id,
                        one(
                            random,
                            "NULL",
                            "'{c,a,b,a}'",
                            "'{}'",
                            "'{z,NULL,c}'",
                            "'{{b,a},{d,c}}'"),
                        one(random, "NULL", "'{3,1,2}'", "'{9,-1}'", "'[0:1]={5,4}'"),
                        one(
                            random,
                            "'[]'",
                            "'[3, \"b\", null, \"a\"]'",
                            "'[{\"a\": 2}, {\"a\": 1}, {\"b\": 0}]'"),
                        one(random, "NULL", "'the quick brown'", "''"));
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
