package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Grouping, sorting and joining by types whose order extensions and users have made: citext,
/// hstore,
/// ltree, and a row type with an operator class of its own. Every stream table equals its query
/// after every cycle, as a bag and as text, and follows by deltas.
///
/// Where equal values look different, the queries show what does not depend on which is shown.
final class UserOrdersIT {
  private static final int CYCLES = 8;

  private static final String[] SCHEMA = {
    "CREATE EXTENSION citext",
    "CREATE EXTENSION hstore",
    "CREATE EXTENSION ltree",
    "CREATE TABLE accounts (id int PRIMARY KEY, email citext, tags hstore, path ltree, grp int)",
    "CREATE TABLE logins (id int, email citext, path ltree, bytewise citext COLLATE \"C\")",
  };

  private static final List<Shape> SHAPES =
      List.of(
          new Shape(
              "by_email",
              "SELECT lower(email) AS email, n, s FROM (SELECT email, count(*) AS n, sum(grp) AS s"
                  + " FROM accounts GROUP BY email) x"),
          new Shape("by_tags", "SELECT tags, count(*) AS n FROM accounts GROUP BY tags"),
          new Shape("by_path", "SELECT path, min(id) AS m FROM accounts GROUP BY path"),
          new Shape("distinct_paths", "SELECT DISTINCT path, tags FROM accounts"),
          new Shape("emails", "SELECT grp, count(DISTINCT email) AS n FROM accounts GROUP BY grp"),
          new Shape("first_emails", "SELECT id, email FROM accounts ORDER BY email, id LIMIT 5"),
          new Shape(
              "last_paths", "SELECT id FROM accounts ORDER BY path DESC NULLS LAST, id LIMIT 4"),
          new Shape(
              "one_of_each",
              "SELECT DISTINCT ON (path) path, id FROM accounts ORDER BY path, email DESC, id"),
          new Shape(
              "joined",
              "SELECT a.id, l.id AS login FROM accounts a JOIN logins l ON l.email = a.email"),
          new Shape(
              "joined_outer",
              "SELECT a.id, l.id AS login FROM accounts a FULL JOIN logins l ON l.path = a.path AND"
                  + " l.email = a.email"),
          new Shape(
              "joined_under_another_collation",
              "SELECT a.id, l.id AS login FROM accounts a LEFT JOIN logins l ON l.bytewise ="
                  + " a.email"),
          new Shape(
              "seen_under_another_collation",
              "SELECT id FROM accounts WHERE email IN (SELECT bytewise FROM logins)"),
          new Shape(
              "seen",
              "SELECT id FROM accounts WHERE email IN (SELECT email FROM logins) OR NOT EXISTS"
                  + " (SELECT FROM logins l WHERE l.path = accounts.path)"),
          new Shape(
              "ranked",
              "SELECT id, rank() OVER (PARTITION BY path ORDER BY email) AS r, count(*) OVER (ORDER"
                  + " BY email DESC) AS n FROM accounts"),
          new Shape(
              "listed",
              "SELECT grp, array_agg(id ORDER BY email, path DESC, id) AS ids FROM accounts"
                  + " GROUP BY grp"),
          new Shape("united", "SELECT path FROM accounts UNION SELECT path FROM logins"),
          new Shape("common", "SELECT path FROM accounts INTERSECT ALL SELECT path FROM logins"),
          new Shape("subtracted", "SELECT path FROM accounts EXCEPT SELECT path FROM logins"));

  private static final class Changes {
    private static final String[] EMAILS = {"a@x", "A@x", "A@X", "b@x", "B@y", "ä@z", "Ä@z", ""};
    private static final String[] TAGS = {"a=>1", "a=>1,b=>2", "b=>2,a=>1", "c=>NULL", ""};
    private static final String[] PATHS = {"a", "a.b", "a.b.c", "a.c", "b", "b.a"};
    private final Random random = new Random(17);

    private String one(String[] of) {
      return random.nextInt(6) == 0 ? "NULL" : "'" + of[random.nextInt(of.length)] + "'";
    }

    String account(int id) {
      return "(%d, %s, %s, %s, %d)"
          .formatted(id, one(EMAILS), one(TAGS), one(PATHS), random.nextInt(3));
    }

    String login() {
      return "(%d, %s, %s, %s)".formatted(random.nextInt(10), one(EMAILS), one(PATHS), one(EMAILS));
    }

    String statement() {
      return switch (random.nextInt(6)) {
        case 0, 1 ->
            "INSERT INTO accounts VALUES "
                + account(random.nextInt(40))
                + " ON CONFLICT (id) DO UPDATE SET email = excluded.email, path = excluded.path";
        case 2 -> "INSERT INTO logins VALUES " + login() + ", " + login();
        case 3 -> "DELETE FROM accounts WHERE id % 11 = " + random.nextInt(11);
        case 4 ->
            "DELETE FROM logins WHERE ctid IN (SELECT ctid FROM logins ORDER BY id, path LIMIT 2)";
        default ->
            "UPDATE accounts SET tags = %s, email = %s WHERE id %% 5 = %d"
                .formatted(one(TAGS), one(EMAILS), random.nextInt(5));
      };
    }
  }

  @Test
  void typesOfExtensionsAreGroupedSortedAndJoined() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(connection, SCHEMA);
      Changes changes = new Changes();
      for (int id = 0; id < 25; id++) {
        run(connection, "INSERT INTO accounts VALUES " + changes.account(id));
      }
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
      change(connection, changes);
      compare(connection, "after the restart and a change");
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

  @Test
  void anOrderOfTheUserIsFollowedAlsoWhenItIsReplaced() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TYPE version AS (major int, minor int)",
          "CREATE FUNCTION version_cmp(a version, b version) RETURNS int LANGUAGE sql IMMUTABLE"
              + " STRICT AS 'SELECT btint4cmp(a.major * 100 + a.minor, b.major * 100 + b.minor)'");
      operatorClass(connection, "version");
      run(
          connection,
          "CREATE TABLE releases (id int PRIMARY KEY, v version)",
          "INSERT INTO releases VALUES (1, (1, 10)), (2, (0, 110)), (3, (2, 0)), (4, (1, 2))");
      Map<String, String> tables =
          Map.of(
              "newest", "SELECT id FROM releases ORDER BY v DESC, id LIMIT 2",
              "grouped", "SELECT count(*) AS n, min(id) AS first FROM releases GROUP BY v",
              "shown", "SELECT count(DISTINCT v) AS n FROM releases WHERE id <> 2",
              "same", "SELECT a.id, b.id AS other FROM releases a JOIN releases b ON a.v ~=~ b.v");
      for (Map.Entry<String, String> table : tables.entrySet()) {
        streamTable(connection, table.getKey(), table.getValue(), "DIFFERENTIAL");
      }
      run(connection, "INSERT INTO releases VALUES (5, (1, 9)), (6, NULL)");
      sync(connection);
      requireAgreement(connection, tables);
      assertThat(rows(connection, "SELECT * FROM same WHERE id < other")).containsExactly("1|2");

      // Minor numbers decide from now on, which is noticed within seconds.
      run(
          connection,
          "CREATE OR REPLACE FUNCTION version_cmp(a version, b version) RETURNS int LANGUAGE sql"
              + " IMMUTABLE STRICT AS 'SELECT btint4cmp(a.minor, b.minor)'",
          "UPDATE releases SET v = (7, 9) WHERE id = 1");
      await().atMost(PATIENCE).untilAsserted(() -> requireAgreement(connection, tables));
      assertThat(rows(connection, "SELECT * FROM same WHERE id < other")).containsExactly("1|5");
      for (String table : tables.keySet()) {
        ready(connection, table);
      }
      run(connection, "UPDATE releases SET v = (1, 2) WHERE id IN (2, 6)");
      sync(connection);
      requireAgreement(connection, tables);

      // A value comes that the old order has no place for, before the new one is noticed; and the
      // old one comes back.
      for (String comparison :
          List.of("a.minor - b.minor, 0", "b.major, a.major", "a.minor, b.minor")) {
        run(
            connection,
            "CREATE OR REPLACE FUNCTION version_cmp(a version, b version) RETURNS int LANGUAGE sql"
                + " IMMUTABLE STRICT AS 'SELECT btint4cmp(%s)'".formatted(comparison),
            "INSERT INTO releases SELECT max(id) + 1, ((max(id) * 7) % 5, max(id) * 3 % 4)::version"
                + " FROM releases");
        await().atMost(PATIENCE).untilAsserted(() -> requireAgreement(connection, tables));
      }
    }
  }

  @Test
  void anOrderThatMayChangeByItselfIsNotFollowed() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TYPE level AS (n int)",
          "CREATE TABLE prio (n int, p int)",
          "CREATE FUNCTION level_cmp(a level, b level) RETURNS int LANGUAGE sql STABLE AS 'SELECT"
              + " btint4cmp((SELECT p FROM prio WHERE n = a.n), (SELECT p FROM prio WHERE n ="
              + " b.n))'");
      operatorClass(connection, "level");
      run(
          connection,
          "CREATE TABLE leveled (id int PRIMARY KEY, v level)",
          "INSERT INTO prio VALUES (1, 3), (2, 2), (3, 1)",
          "INSERT INTO leveled VALUES (1, ROW(1)), (2, ROW(2)), (3, ROW(3))");
      for (String query :
          List.of(
              "SELECT id FROM leveled ORDER BY v LIMIT 2",
              "SELECT count(*) AS n FROM leveled GROUP BY v",
              "SELECT DISTINCT v FROM leveled")) {
        assertThat(
                rows(
                    connection,
                    "SELECT result FROM pgtrickle.validate_query($$%s$$) WHERE check_name ="
                            .formatted(query)
                        + " 'resolved_refresh_mode'"))
            .as(query)
            .containsExactly("FULL");
      }
    }
  }

  /// Makes an order of a type, by a function that compares, the default one.
  private static void operatorClass(Connection connection, String type) throws SQLException {
    for (String operator : List.of("< lt", "<= le", "= eq", ">= ge", "> gt")) {
      String[] parts = operator.split(" ", 2);
      run(
          connection,
          "CREATE FUNCTION %1$s_%2$s(a %1$s, b %1$s) RETURNS bool LANGUAGE sql IMMUTABLE STRICT AS"
                  .formatted(type, parts[1])
              + " 'SELECT %s_cmp(a, b) %s 0'".formatted(type, parts[0]),
          "CREATE OPERATOR ~%2$s~ (LEFTARG = %1$s, RIGHTARG = %1$s, FUNCTION = %1$s_%3$s)"
              .formatted(type, parts[0], parts[1]));
    }
    run(
        connection,
        ("CREATE OPERATOR CLASS %1$s_ops DEFAULT FOR TYPE %1$s USING btree AS OPERATOR 1 ~<~,"
                + " OPERATOR 2 ~<=~, OPERATOR 3 ~=~, OPERATOR 4 ~>=~, OPERATOR 5 ~>~,"
                + " FUNCTION 1 %1$s_cmp(%1$s, %1$s)")
            .formatted(type));
  }

  private static void requireAgreement(Connection connection, Map<String, String> tables)
      throws SQLException {
    for (Map.Entry<String, String> table : tables.entrySet()) {
      assertThat(differences(connection, table.getKey(), table.getValue()))
          .as(table.getKey())
          .isEmpty();
    }
  }
}
