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

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Functions in FROM and set-returning functions in SELECT lists and GROUP BY under random
/// transactions: after each cycle every stream table equals its query, as a bag and as text.
final class FunctionsInFromIT {
  private static final int CYCLES = 8;
  private static final long SEED = 20_261_122;

  private static final List<Shape> SHAPES =
      List.of(
          new Shape("elements", "SELECT l.id, u FROM lists l, unnest(l.tags) u"),
          new Shape("bare_elements", "SELECT u FROM lists l, unnest(l.numbers) u"),
          new Shape(
              "numbered_elements",
              "SELECT l.id, u.tag, u.n FROM lists l, unnest(l.tags) WITH ORDINALITY u (tag, n)"),
          new Shape(
              "kept",
              "SELECT l.id, u, n FROM lists l LEFT JOIN LATERAL unnest(l.numbers) WITH ORDINALITY"
                  + " u (u, n) ON u > l.low AND n < 4"),
          new Shape(
              "in_step",
              "SELECT l.id, z.* FROM lists l, ROWS FROM (unnest(l.tags), unnest(l.numbers),"
                  + " generate_series(l.low, l.high)) WITH ORDINALITY z (tag, x, g, n)"),
          new Shape(
              "pairs", "SELECT l.id, a, b FROM lists l, unnest(l.tags) a, unnest(l.numbers) b"),
          new Shape(
              "series",
              "SELECT l.id, g, h FROM lists l, generate_series(l.low, l.high) g,"
                  + " generate_series(g::numeric, l.high, 1.50) h"),
          new Shape(
              "other_types", "SELECT l.id, d, m FROM lists l, unnest(l.days) d, unnest(l.moods) m"),
          new Shape("one_row", "SELECT l.id, u FROM lists l, upper(l.note) u"),
          new Shape(
              "constant_rows",
              "SELECT g, l.id FROM generate_series(0, 6) g LEFT JOIN lists l ON l.low = g"),
          new Shape(
              "joined",
              "SELECT l.id, m.id AS other FROM lists l, lists m, unnest(l.numbers) u"
                  + " WHERE u = m.id AND l.note IS NOT NULL"),
          new Shape(
              "joined_on_its_left",
              "SELECT l.id, u, m.note FROM lists l, unnest(l.numbers) u LEFT JOIN lists m"
                  + " ON m.id = u"),
          new Shape(
              "counted",
              "SELECT u, count(*) AS n, min(l.id) AS least FROM lists l, unnest(l.tags)"
                  + " u GROUP BY u HAVING count(*) > 1"),
          new Shape("different", "SELECT DISTINCT u FROM lists l, unnest(l.numbers) u"),
          new Shape(
              "existing",
              "SELECT l.id FROM lists l WHERE EXISTS (SELECT FROM unnest(l.numbers) u WHERE u >"
                  + " l.low) AND NOT EXISTS (SELECT FROM unnest(l.tags) u WHERE u = 'red')"),
          new Shape(
              "contained",
              "SELECT l.id FROM lists l WHERE l.id IN (SELECT u FROM"
                  + " unnest(l.numbers) u) OR l.low NOT IN (SELECT u FROM unnest(l.numbers) u)"),
          new Shape(
              "totals",
              "SELECT l.id, (SELECT sum(u) FROM unnest(l.numbers) u) AS s, (SELECT string_agg(u,"
                  + " '-' ORDER BY u) FROM unnest(l.tags) u) AS t FROM lists l"),
          new Shape(
              "largest",
              "SELECT l.id, x.u FROM lists l LEFT JOIN LATERAL (SELECT u FROM unnest(l.numbers) u"
                  + " ORDER BY u DESC NULLS LAST LIMIT 2) x ON true"),
          new Shape(
              "grouped_in_lateral",
              "SELECT l.id, x.u, x.n FROM lists l, LATERAL (SELECT u, count(*) AS n FROM"
                  + " unnest(l.tags) u GROUP BY u) x"),
          new Shape(
              "selected",
              "SELECT id, unnest(numbers) + 1 AS x, unnest(tags) AS tag, generate_series(low, high)"
                  + " AS g FROM lists"),
          new Shape(
              "selected_nested",
              "SELECT id, generate_series(1, unnest(numbers)) AS x, unnest(tags) AS t FROM lists"),
          new Shape(
              "grouped_by", "SELECT unnest(tags) AS tag, count(*) AS n FROM lists GROUP BY tag"),
          new Shape(
              "first_selected",
              "SELECT id, unnest(numbers) AS x FROM lists ORDER BY x DESC NULLS LAST, id LIMIT 5"),
          new Shape("over_elements", "SELECT u, count(*) AS n FROM st.elements GROUP BY u"));

  @Test
  void streamTablesEqualTheirQueriesAfterEveryCycle() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect();
        Connection writer = database.connect()) {
      run(
          connection,
          "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')",
          "CREATE TABLE lists (id int PRIMARY KEY, tags text[], numbers int[], low int, high int,"
              + " days date[], moods mood[], note text)",
          "CREATE SCHEMA st",
          "SET search_path = st, public");
      Random random = new Random(SEED);
      for (int i = 0; i < 10; i++) {
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
              .as("%s, cycle %s", shape.name(), cycle)
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

  @Test
  void anErrorOfAFunctionHealsWithItsRow() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE steps (id int PRIMARY KEY, stop bigint, step bigint)",
          "INSERT INTO steps VALUES (1, 5, 2)");
      streamTable(
          connection,
          "series",
          "SELECT id, g FROM steps, generate_series(1, stop, step) g",
          "DIFFERENTIAL");
      run(connection, "INSERT INTO steps VALUES (2, 3, 0)");
      awaitStatus(connection, "ERROR 22023");
      run(connection, "UPDATE steps SET stop = 1000000000, step = 1 WHERE id = 2");
      awaitStatus(connection, "ERROR 54000");
      assertThat(rows(connection, "SELECT * FROM series ORDER BY g"))
          .containsExactly("1|1", "1|3", "1|5");
      run(connection, "UPDATE steps SET stop = 2 WHERE id = 2");
      awaitStatus(connection, "ACTIVE");
      sync(connection);
      assertThat(rows(connection, "SELECT * FROM series ORDER BY id, g"))
          .containsExactly("1|1", "1|3", "1|5", "2|1", "2|2");
    }
  }

  private static void awaitStatus(Connection connection, String status) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(() -> assertThat(status(connection, "series")).isEqualTo(status));
  }

  private static void transaction(Connection writer, Random random) throws SQLException {
    String[] statements = new String[1 + random.nextInt(5)];
    for (int i = 0; i < statements.length; i++) {
      int id = random.nextInt(14);
      statements[i] =
          switch (random.nextInt(9)) {
            case 0 -> "DELETE FROM lists WHERE id = " + id;
            case 1 -> "UPDATE lists SET tags = tags || " + tags(random) + " WHERE id % 3 = 1";
            case 2 -> "UPDATE lists SET numbers = numbers[2:] WHERE id = " + id;
            case 3 -> "UPDATE lists SET note = NULL, high = high + 1 WHERE id = " + id;
            case 4 ->
                random.nextInt(8) == 0
                    ? "TRUNCATE lists"
                    : "UPDATE lists SET low = " + small(random) + " WHERE id < 4";
            default ->
                "INSERT INTO lists VALUES (%d, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET (tags, numbers, low, high, days, moods) = ROW(excluded.tags, excluded.numbers, excluded.low, excluded.high, excluded.days, excluded.moods)"
                    .formatted(
                        id,
                        tags(random),
                        numbers(random),
                        small(random),
                        small(random),
                        one(random, "NULL", "'{}'", "'{2024-02-29,NULL,infinity}'::date[]"),
                        one(random, "NULL", "'{ok}'::mood[]", "'{happy,sad,happy}'::mood[]"),
                        one(random, "NULL", "'one'", "'Two'"));
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

  private static String tags(Random random) {
    return one(
        random,
        "NULL::text[]",
        "'{}'::text[]",
        "'{red,green,red}'::text[]",
        "'{NULL,\"\",\"a,b\",\"NULL\"}'::text[]",
        "'{blue}'::text[]",
        "'{green,ü€𝄞,\"\\\\\\\\\"}'::text[]");
  }

  private static String numbers(Random random) {
    return one(
        random,
        "NULL",
        "'{}'::int[]",
        "'{1,2,3,2}'::int[]",
        "'{{4,5},{NULL,1}}'::int[]",
        "'[0:2]={7,7,-1}'::int[]",
        "ARRAY[" + random.nextInt(9) + ", " + random.nextInt(9) + "]");
  }

  private static String small(Random random) {
    return random.nextInt(6) == 0 ? "NULL" : String.valueOf(random.nextInt(6));
  }

  private static String one(Random random, String... values) {
    return values[random.nextInt(values.length)];
  }
}
