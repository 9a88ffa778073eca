package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Sorting and comparing what only the server can: text under a collation of ICU, also one under
/// which different texts are equal, enums, jsonb, arrays, inet. Every stream table equals its
/// query after every cycle, as a bag and as text, and follows by deltas.
///
/// Where equal values look different, the queries show what does not depend on which is shown.
final class OrderLabelsIT {
  private static final int CYCLES = 10;

  private static final String[] SCHEMA = {
    "CREATE COLLATION anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
    "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')",
    "CREATE TABLE people (id int PRIMARY KEY, name text COLLATE \"en-x-icu\", nick varchar(20)"
        + " COLLATE \"en-x-icu\", code text COLLATE anycase, mood mood, tags text[], j jsonb,"
        + " ip inet, grp int)",
    "CREATE TABLE cities (id int, name varchar COLLATE \"en-x-icu\", code text COLLATE anycase,"
        + " mood mood, j jsonb, tags text[])"
  };

  private static final List<Shape> SHAPES =
      List.of(
          new Shape("first_names", "SELECT id, name FROM people ORDER BY name, id LIMIT 5"),
          new Shape(
              "last_names",
              "SELECT id, nick FROM people ORDER BY nick DESC NULLS LAST, id OFFSET 2 LIMIT 4"),
          new Shape(
              "one_of_each",
              "SELECT DISTINCT ON (grp) grp, id, name FROM people ORDER BY grp, name DESC, id"),
          new Shape(
              "extremes",
              "SELECT grp, min(name) AS first, max(nick) AS last, max(mood) AS best, min(ip) AS"
                  + " low, max(tags) AS tags FROM people GROUP BY grp"),
          new Shape(
              "by_mood", "SELECT mood, count(*) AS n, sum(grp) AS s FROM people GROUP BY mood"),
          new Shape(
              "by_code",
              "SELECT lower(code) AS code, n FROM (SELECT max(code) AS code,"
                  + " count(*) AS n FROM people GROUP BY code) x"),
          new Shape("by_tags", "SELECT tags, count(*) AS n FROM people GROUP BY tags"),
          new Shape(
              "by_json", "SELECT j, mood, count(DISTINCT ip) AS ips FROM people GROUP BY j, mood"),
          new Shape("distinct_moods", "SELECT DISTINCT mood, tags FROM people"),
          new Shape(
              "ranked",
              "SELECT id, rank() OVER (ORDER BY name) AS r, dense_rank() OVER (PARTITION BY mood"
                  + " ORDER BY code) AS d, min(name) OVER (PARTITION BY j) AS m,"
                  + " count(*) OVER (ORDER BY mood DESC) AS n FROM people"),
          new Shape(
              "listed",
              "SELECT grp, string_agg(name, ',' ORDER BY name, id) AS names, string_agg(DISTINCT"
                  + " nick, ',') AS nicks, array_agg(id ORDER BY mood, id) AS ids,"
                  + " percentile_disc(0.5) WITHIN GROUP (ORDER BY name) AS middle, mode() WITHIN"
                  + " GROUP (ORDER BY mood) AS usual FROM people GROUP BY grp"),
          new Shape(
              "joined_by_mood",
              "SELECT p.id, c.id AS city FROM people p JOIN cities c ON c.mood = p.mood AND"
                  + " c.id <> p.id"),
          new Shape(
              "joined_by_code",
              "SELECT p.id, c.id AS city FROM people p LEFT JOIN cities c ON c.code = p.code"),
          new Shape(
              "joined_by_json",
              "SELECT p.id, c.id AS city FROM people p FULL JOIN cities c ON c.j = p.j AND"
                  + " c.tags = p.tags"),
          new Shape(
              "without_city",
              "SELECT p.id FROM people p WHERE NOT EXISTS (SELECT FROM"
                  + " cities c WHERE c.mood = p.mood) OR p.code IN (SELECT code FROM cities)"),
          new Shape("united", "SELECT mood, tags FROM people UNION SELECT mood, tags FROM cities"),
          new Shape(
              "common",
              "SELECT mood, name FROM people INTERSECT ALL SELECT mood, name FROM cities"),
          new Shape("subtracted", "SELECT tags FROM people EXCEPT SELECT tags FROM cities"),
          new Shape("first_of_chain", "SELECT first FROM extremes ORDER BY first LIMIT 2"));

  private static final class Changes {
    private static final String[] NAMES = {
      "a", "A", "b", "B", "á", "ab", "a b", "Zoë", "zoe", "_x", "10", "9", ""
    };
    private static final String[] JSON = {
      "{\"a\": 1}",
      "{\"a\": 2, \"b\": [1]}",
      "[]",
      "null",
      "\"x\"",
      "[1, 2]",
      "{\"b\": 1, \"a\": 1}"
    };
    private static final String[] TAGS = {"{}", "{a,b}", "{a,NULL}", "{\"B x\"}", "{é}"};
    private static final String[] MOODS = {"sad", "ok", "happy"};
    private static final String[] ADDRESSES = {"10.0.0.1", "10.0.0.0/8", "::1", "192.168.1.5"};
    private final Random random;

    Changes(long seed) {
      random = new Random(seed);
    }

    private String one(String[] of) {
      return random.nextInt(7) == 0 ? "NULL" : "'" + of[random.nextInt(of.length)] + "'";
    }

    private String name() {
      return random.nextInt(4) == 0 ? "'n" + random.nextInt(200) + "'" : one(NAMES);
    }

    String person(int id) {
      return "(%d, %s, %s, %s, %s, %s, %s, %s, %d)"
          .formatted(
              id,
              name(),
              name(),
              one(NAMES),
              one(MOODS),
              one(TAGS),
              one(JSON),
              one(ADDRESSES),
              random.nextInt(4));
    }

    String city() {
      return "(%d, %s, %s, %s, %s, %s)"
          .formatted(random.nextInt(12), name(), one(NAMES), one(MOODS), one(JSON), one(TAGS));
    }

    String statement() {
      int id = random.nextInt(40);
      return switch (random.nextInt(7)) {
        case 0, 1 ->
            "INSERT INTO people VALUES "
                + person(id)
                + " ON CONFLICT (id) DO UPDATE SET name = excluded.name, code = excluded.code,"
                + " tags = excluded.tags";
        case 2 -> "INSERT INTO cities VALUES " + city() + ", " + city();
        case 3 -> "DELETE FROM people WHERE id % 13 = " + random.nextInt(13);
        case 4 ->
            "DELETE FROM cities WHERE ctid IN (SELECT ctid FROM cities ORDER BY id, name LIMIT 2)";
        case 5 ->
            "UPDATE people SET nick = %s, mood = %s, j = %s WHERE id %% 5 = %d"
                .formatted(name(), one(MOODS), one(JSON), random.nextInt(5));
        default ->
            "UPDATE cities SET mood = %s, code = %s WHERE id = %d"
                .formatted(one(MOODS), one(NAMES), random.nextInt(12));
      };
    }
  }

  @Test
  void streamTablesEqualTheirQueriesAfterEveryCycleAndAfterARestart()
      throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(connection, SCHEMA);
      Changes changes = new Changes(11);
      for (int id = 0; id < 25; id++) {
        run(connection, "INSERT INTO people VALUES " + changes.person(id));
      }
      run(connection, "INSERT INTO cities VALUES " + changes.city() + ", " + changes.city());
      run(connection, "CREATE SCHEMA st", "SET search_path = st, public");
      for (Shape shape : SHAPES) {
        streamTable(connection, shape.name(), shape.query(), "DIFFERENTIAL");
      }
      for (int cycle = 0; cycle < CYCLES; cycle++) {
        change(connection, changes);
        compare(connection, "cycle " + cycle);
      }
      database.stopSidecar();
      change(connection, changes);
      assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
      for (Shape shape : SHAPES) {
        ready(connection, shape.name());
      }
      compare(connection, "after the restart");
      for (int cycle = 0; cycle < 3; cycle++) {
        change(connection, changes);
        compare(connection, "after the restart, cycle " + cycle);
      }
    }
  }

  private static void change(Connection connection, Changes changes) throws SQLException {
    for (int i = 0; i < 3; i++) {
      run(connection, "BEGIN", changes.statement(), changes.statement(), "COMMIT");
    }
  }

  private static void compare(Connection connection, String when) throws SQLException {
    sync(connection);
    for (Shape shape : SHAPES) {
      assertThat(rows(connection, shape.differences())).as("%s, %s", shape.name(), when).isEmpty();
    }
  }
}
