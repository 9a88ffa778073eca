package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
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

/// Documents and enums, of which the sidecar reads by itself what most queries ask, and conditions
/// of the server that are asked below joins.
final class DocumentsIT {
  private static final int CYCLES = 4;

  private static final String[] SCHEMA = {
    "CREATE TYPE order_status AS ENUM ('new', 'open', 'paid')",
    "CREATE DOMAIN live_status AS order_status",
    "CREATE TABLE customers (id int PRIMARY KEY, name text)",
    "CREATE TABLE orders (id int PRIMARY KEY, customer int, status order_status,"
        + " live live_status, doc jsonb, raw json, tags text[], valid int4range)"
  };

  private static final List<Shape> NATIVE =
      List.of(
          new Shape(
              "tagged",
              "SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer"
                  + " WHERE o.tags && '{x,y}'"),
          new Shape(
              "members",
              "SELECT id, doc -> 'a' AS a, doc ->> 'a' AS t, doc -> 'items' -> 0 AS i, doc ->"
                  + " 'items' ->> -1 AS l, raw -> 'a' ->> 'b' AS ra, raw ->> 'b' AS rb FROM"
                  + " orders"),
          new Shape(
              "typed",
              "SELECT id, jsonb_typeof(doc) AS d, json_typeof(raw -> 'b') AS r, doc ? 'a' AS has"
                  + " FROM orders"),
          new Shape(
              "paths",
              "SELECT id, doc #> '{items,0}' AS i, doc #>> '{items,-1,q}' AS q, cardinality(tags)"
                  + " AS n, array_length(tags, 1) AS l, doc #> '{}' AS whole FROM orders"),
          new Shape("open", "SELECT id, status FROM orders WHERE status = 'open'"),
          new Shape("listed", "SELECT id FROM orders WHERE status IN ('open', 'paid')"),
          new Shape(
              "others", "SELECT id FROM orders WHERE live::order_status NOT IN ('open', 'paid')"),
          new Shape(
              "changed",
              "SELECT id, status IS DISTINCT FROM (CASE WHEN id > 5 THEN status END) AS d,"
                  + " nullif(status, 'new') AS n, coalesce(doc, '{\"n\": \"x\\ny\"}') AS doc"
                  + " FROM orders"),
          new Shape(
              "sorted_out",
              "SELECT CASE status WHEN 'open' THEN 'o' WHEN 'paid' THEN 'p' END AS s, count(*)"
                  + " FROM orders GROUP BY 1"),
          new Shape(
              "by_member",
              "SELECT doc ->> 'a' AS a, count(*), sum((doc ->> 'n')::int) FROM orders GROUP BY 1"),
          new Shape(
              "joined",
              "SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer"
                  + " WHERE o.status = 'open' AND o.doc ->> 'a' = 'x'"),
          new Shape(
              "items",
              "SELECT o.id, i, i ->> 'q' AS q FROM orders o, jsonb_array_elements(CASE"
                  + " jsonb_typeof(o.doc -> 'items') WHEN 'array' THEN o.doc -> 'items' END) i"));

  private static final List<Shape> ASKED_BELOW =
      List.of(
          new Shape(
              "containing",
              "SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer"
                  + " WHERE o.doc @> '{\"a\": \"x\"}' AND o.doc ?| '{a,n}'"),
          new Shape(
              "later",
              "SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer"
                  + " WHERE o.status > 'new' AND o.valid @> 3 AND 'x' = ANY (o.tags)"));

  @Test
  void streamTablesEqualTheirQueries() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect();
        Connection writer = database.connect()) {
      run(connection, SCHEMA);
      run(connection, "CREATE SCHEMA st");
      run(connection, "INSERT INTO customers SELECT g, 'c' || g FROM generate_series(0, 4) g");
      Random random = new Random(20_261_130);
      change(writer, random);
      for (Shape shape : NATIVE) {
        streamTable(connection, "st." + shape.name(), shape.query(), "DIFFERENTIAL");
        assertThat(explained(connection, shape)).as(shape.name()).doesNotContain("Ask server");
      }
      for (Shape shape : ASKED_BELOW) {
        streamTable(connection, "st." + shape.name(), shape.query(), "DIFFERENTIAL");
        String plan = explained(connection, shape);
        assertThat(plan).as(shape.name()).contains("Ask server");
        assertThat(plan.indexOf("Ask server"))
            .as("%s: %s", shape.name(), plan)
            .isGreaterThan(plan.indexOf("Join"));
      }
      for (int cycle = 0; cycle < CYCLES; cycle++) {
        change(writer, random);
        sync(connection);
        for (List<Shape> shapes : List.of(NATIVE, ASKED_BELOW)) {
          for (Shape shape : shapes) {
            assertThat(differences(connection, "st." + shape.name(), shape.query()))
                .as("%s, cycle %s", shape.name(), cycle)
                .isEmpty();
          }
        }
      }
    }
  }

  private static String explained(Connection connection, Shape shape) throws SQLException {
    return String.valueOf(
        value(connection, "SELECT pgtrickle.explain_stream_table('st." + shape.name() + "')"));
  }

  private static void change(Connection writer, Random random) throws SQLException {
    for (int i = 0; i < 25; i++) {
      int id = random.nextInt(40);
      if (random.nextInt(4) == 0) {
        run(writer, "DELETE FROM orders WHERE id = " + id);
      } else {
        String document = document(random);
        run(
            writer,
            "INSERT INTO orders VALUES (%d, %d, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE"
                    .formatted(
                        id,
                        random.nextInt(6),
                        status(random),
                        status(random),
                        document,
                        document,
                        random.nextInt(5) == 0 ? "NULL" : "'{x,z}'",
                        "'[%d,%d]'".formatted(random.nextInt(3), 3 + random.nextInt(3)))
                + " SET status = EXCLUDED.status, live = EXCLUDED.live, doc = EXCLUDED.doc,"
                + " raw = EXCLUDED.raw, tags = EXCLUDED.tags, valid = EXCLUDED.valid");
      }
    }
  }

  private static String status(Random random) {
    return random.nextInt(6) == 0
        ? "NULL"
        : "'" + List.of("new", "open", "paid").get(random.nextInt(3)) + "'";
  }

  private static String document(Random random) {
    return switch (random.nextInt(6)) {
      case 0 -> "NULL";
      case 1 -> "'[1, \"a\", null]'";
      case 2 -> "'{\"a\": \"x\", \"n\": 1, \"items\": [{\"q\": 1.50}, {\"q\": \"\\u00e9\"}]}'";
      case 3 -> "'{\"a\": {\"b\": [true]}, \"b\": null, \"items\": []}'";
      case 4 -> "'{\"a\": \"x\\ty\", \"items\": [{\"q\": null}, 7]}'";
      default -> "'{\"n\": %d, \"a\": \"%s\"}'".formatted(random.nextInt(9), random.nextInt(3));
    };
  }
}
