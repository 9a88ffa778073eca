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

/// What shows the order of its input over a subquery with an ORDER BY: PostgreSQL takes the rows as
/// they are sorted there, and so do stream tables.
final class SubqueryOrderIT {
  private static final int CYCLES = 8;
  private static final long SEED = 20_261_130;

  private static final String[] SCHEMA = {
    "CREATE TABLE readings (id int PRIMARY KEY, c int, ts int, name text, val numeric)",
    "CREATE TABLE owners (id int PRIMARY KEY, name text)",
    "CREATE VIEW sorted AS SELECT id, c, val FROM readings ORDER BY c, val DESC NULLS LAST, id",
    "INSERT INTO owners SELECT g, 'o' || g FROM generate_series(0, 4) g",
    "CREATE SCHEMA st",
    "SET search_path = st, public"
  };

  private static final List<Shape> SHAPES =
      List.of(
          new Shape(
              "numbered",
              "SELECT id, row_number() OVER () AS n FROM (SELECT * FROM readings ORDER BY name"
                  + " DESC, id) s"),
          new Shape(
              "latest",
              "SELECT DISTINCT ON (c) c, id, ts FROM (SELECT * FROM readings ORDER BY c, ts DESC,"
                  + " id DESC) s"),
          new Shape(
              "latest_of_some",
              "SELECT DISTINCT ON (k) k, id FROM (SELECT c AS k, id, val FROM (SELECT * FROM"
                  + " readings ORDER BY c, lower(name) DESC, id) a WHERE ts > 2) b WHERE val > 1"),
          new Shape(
              "neighbours",
              "SELECT id, lag(id) OVER w AS before, first_value(name) OVER w AS first, count(*)"
                  + " OVER w AS n, sum(val) OVER (PARTITION BY c ROWS UNBOUNDED PRECEDING) AS s"
                  + " FROM (SELECT * FROM readings ORDER BY c, ts DESC, id) s WINDOW w AS"
                  + " (PARTITION BY c)"),
          new Shape(
              "first_numbers",
              "SELECT * FROM (SELECT id, c, row_number() OVER (PARTITION BY c ORDER BY ts) AS n"
                  + " FROM (SELECT * FROM readings ORDER BY c, ts, id DESC) s) x WHERE n <= 2"),
          new Shape(
              "page",
              "SELECT json_agg(x)::text AS j FROM (SELECT id, name FROM readings ORDER BY val DESC"
                  + " NULLS LAST, id LIMIT 5) x"),
          new Shape(
              "pages",
              "SELECT o.id, (SELECT json_agg(x)::text FROM (SELECT r.id, r.name FROM readings r"
                  + " WHERE r.c = o.id ORDER BY r.ts DESC, r.id LIMIT 3) x) AS j, (SELECT"
                  + " string_agg(x.name, ',') FROM (SELECT r.name FROM readings r WHERE r.c = o.id"
                  + " ORDER BY lower(r.name), r.id) x) AS names, ARRAY(SELECT x.id FROM (SELECT"
                  + " r.id FROM readings r WHERE r.c = o.id ORDER BY r.val DESC, r.id) x) AS ids"
                  + " FROM owners o"),
          new Shape(
              "collected",
              "SELECT array_agg(id) AS a, string_agg(name, ',') FILTER (WHERE val > 2) AS s,"
                  + " sum(val) AS o FROM (SELECT id, name, val FROM readings ORDER"
                  + " BY ts, id DESC) s"),
          new Shape(
              "grouped",
              "SELECT c, array_agg(id) AS a, count(*) AS n FROM (SELECT * FROM readings ORDER BY c,"
                  + " ts DESC, id) s GROUP BY c"),
          new Shape("of_a_view", "SELECT array_agg(id) AS a, max(c) AS n FROM sorted WHERE c > 1"),
          new Shape(
              "of_a_common_table",
              "WITH s AS (SELECT id, c FROM readings ORDER BY ts DESC, id) SELECT array_agg(c) AS a"
                  + " FROM s"),
          new Shape(
              "of_groups",
              "SELECT array_agg(c) AS a FROM (SELECT c FROM readings GROUP BY c ORDER BY count(*)"
                  + " DESC, c) s"),
          new Shape(
              "first_of_sorted",
              "SELECT id FROM (SELECT id, name FROM readings ORDER BY name, id) s WHERE id > 2"
                  + " LIMIT 4"),
          new Shape(
              "of_union",
              "SELECT array_agg(n) AS a FROM (SELECT name AS n FROM readings UNION SELECT name FROM"
                  + " owners ORDER BY n DESC) s"),
          new Shape(
              "places_of_a_function",
              "SELECT r.id, l.x, l.n FROM readings r, LATERAL (SELECT x, row_number() OVER () AS n"
                  + " FROM unnest(ARRAY[r.ts, r.c, r.id]) x WHERE x <> 3) l"));

  @Test
  void streamTablesEqualTheirQueriesAfterEveryCycle() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect();
        Connection writer = database.connect()) {
      run(connection, SCHEMA);
      Random random = new Random(SEED);
      for (int i = 0; i < 12; i++) {
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
    }
  }

  private static void transaction(Connection writer, Random random) throws SQLException {
    String[] statements = new String[1 + random.nextInt(4)];
    for (int i = 0; i < statements.length; i++) {
      int id = random.nextInt(24);
      statements[i] =
          switch (random.nextInt(5)) {
            case 0 -> "DELETE FROM readings WHERE id = " + id;
            case 1 -> "UPDATE readings SET ts = ts + 1 WHERE id % 3 = " + id % 3;
            default ->
                "INSERT INTO readings VALUES (%d, %d, %d, '%s', %s) ON CONFLICT (id) DO UPDATE SET (c, ts, val) = ROW(excluded.c, excluded.ts, excluded.val)"
                    .formatted(
                        id,
                        random.nextInt(5),
                        random.nextInt(6),
                        (char) ((random.nextBoolean() ? 'a' : 'A') + random.nextInt(5)),
                        random.nextInt(6) == 0 ? "NULL" : String.valueOf(random.nextInt(5)));
          };
    }
    run(writer, statements);
  }
}
