package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// What is done with arrays of native types is done here: every stream table equals its query, as a
/// bag and as text, follows by deltas, and asks the server nothing.
final class NativeArraysIT {
  private static final int CYCLES = 6;

  private static final String SCHEMA =
      "CREATE TABLE posts (id int PRIMARY KEY, grp int, tag text, word varchar(20),"
          + " tags text[], words varchar(20)[], nums int[], big bigint[], grid int[][],"
          + " prices numeric[], days date[], flags bool[], codes char(3)[])";

  private static final Map<String, String> QUERIES = new LinkedHashMap<>();

  static {
    query("any_of", "SELECT id FROM posts WHERE 'a' = ANY (tags)");
    query("any_of_column", "SELECT id, tag = ANY (tags) AS t, grp = ANY (nums) AS n FROM posts");
    query("any_of_constant", "SELECT id FROM posts WHERE tag = ANY ('{a,b,NULL}'::text[])");
    query("any_of_grid", "SELECT id FROM posts WHERE grp = ANY ('{{1,2},{4,NULL}}'::int[])");
    query("all_differ", "SELECT id FROM posts WHERE tag <> ALL (tags)");
    query("all_differ_constant", "SELECT id FROM posts WHERE grp <> ALL ('{1,2}'::int[])");
    query("no_array", "SELECT id, grp = ANY (NULL::int[]) AS n FROM posts");
    query("like_any", "SELECT id, tag LIKE ANY (tags) AS l, grp > ALL (nums) AS g FROM posts");
    query("other_width", "SELECT id, grp = ANY (big) AS b, word = ANY (words) AS w FROM posts");
    query(
        "subscripts",
        "SELECT id, tags[1] AS first, nums[grp] AS nth, grid[1][2] AS cell, grid[1] AS none,"
            + " prices[2] * 2 AS twice FROM posts");
    query(
        "constructors",
        "SELECT id, ARRAY[grp, id] AS pair, ARRAY[tag, word] AS texts, ARRAY[nums, nums] AS rows,"
            + " ARRAY[[1, grp], [id, NULL]] AS matrix, ARRAY[]::int[] AS nothing FROM posts");
    query(
        "containment",
        "SELECT id, tags @> '{a}' AS c, tags <@ ARRAY['a', 'b', tag] AS d, nums && '{1,2}' AS o,"
            + " prices @> ARRAY[1.0] AS p FROM posts");
    query(
        "equality",
        "SELECT id, tags = '{a,NULL}' AS e, nums <> ARRAY[grp] AS n, nums < ARRAY[1, 2] AS l,"
            + " nums = '[0:1]={1,2}'::int[] AS b, nums IS DISTINCT FROM '{1}' AS d FROM posts");
    query(
        "changes",
        "SELECT id, nums || 7 AS more, 7 || nums AS before, nums || big AS both, CASE WHEN"
            + " array_lower(grid, 2) = 1 THEN grid || ARRAY[8, 9] END AS grown, array_append(tags,"
            + " tag) AS tagged, array_remove(nums, 1) AS less FROM posts");
    query(
        "searches",
        "SELECT id, array_position(tags, 'a') AS a, array_position(nums, NULL) AS n,"
            + " array_upper(nums, 1) AS u, array_lower(grid, 2) AS l, array_ndims(grid) AS d"
            + " FROM posts");
    query(
        "texts",
        "SELECT id, array_to_string(tags, ', ') AS t, array_to_string(nums, '/', '-') AS n,"
            + " array_to_string(days, ' ') AS d, array_to_string(flags, '') AS f,"
            + " array_to_string(prices, ';') AS p, array_to_string(codes, '|') AS c FROM posts");
    query(
        "casts",
        "SELECT id, nums::bigint[] AS b, nums::text[] AS t, words::text[] AS w FROM posts");
    query(
        "grouped",
        "SELECT tags[1] AS tag, count(*) AS n, count(*) FILTER (WHERE 1 = ANY (nums)) AS ones"
            + " FROM posts GROUP BY tags[1]");
    query(
        "joined",
        "SELECT a.id, b.id AS other FROM posts a JOIN posts b ON b.grp = a.nums[1] AND a.tag = ANY"
            + " (b.tags)");
  }

  private static void query(String name, String text) {
    QUERIES.put(name, text);
  }

  private static final class Changes {
    private static final String[] TAGS = {"a", "b", "a%", "", "NULL", "x,\\\"y", "ä"};
    private final Random random = new Random(20_261_130);

    private String tag() {
      return TAGS[random.nextInt(TAGS.length)];
    }

    private String maybe(String text) {
      return random.nextInt(7) == 0 ? "NULL" : "'" + text + "'";
    }

    private String list(boolean texts, int bound) {
      StringBuilder list = new StringBuilder();
      for (int i = random.nextInt(4); i > 0; i--) {
        String item = texts ? "\"" + tag().replace("x,", "x,") + "\"" : "" + random.nextInt(bound);
        list.append(list.isEmpty() ? "" : ",").append(random.nextInt(5) == 0 ? "NULL" : item);
      }
      return list.toString();
    }

    private String numbers() {
      String list = list(false, 4);
      int length = list.isEmpty() ? 0 : list.split(",").length;
      return random.nextInt(4) == 0 && length > 0
          ? "[0:" + (length - 1) + "]={" + list + "}"
          : "{" + list + "}";
    }

    private String post(int id) {
      int n = random.nextInt(5);
      return "(%d, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
          .formatted(
              id,
              maybe("" + n),
              maybe(tag()),
              maybe(tag()),
              maybe("{" + list(true, 0) + "}"),
              maybe("{" + list(true, 0) + "}"),
              maybe(numbers()),
              maybe("{" + list(false, 5) + "}"),
              maybe(n == 0 ? "{}" : n == 1 ? "[0:0][2:3]={{1,2}}" : "{{1," + n + "},{NULL,4}}"),
              maybe("{1.00," + n + ".5,NULL}"),
              maybe("{2024-02-29,infinity,NULL}"),
              maybe("{t,NULL,f}"),
              maybe("{a,bcd,NULL}"));
    }

    void transaction(Connection connection) throws SQLException {
      connection.setAutoCommit(false);
      for (int i = 0; i < 5; i++) {
        int id = random.nextInt(30);
        run(connection, "DELETE FROM posts WHERE id = " + id);
        if (random.nextInt(4) > 0) {
          run(connection, "INSERT INTO posts VALUES " + post(id));
        }
        if (random.nextInt(3) == 0) {
          run(
              connection,
              "UPDATE posts SET nums = %s WHERE grp = %d"
                  .formatted(maybe(numbers()), random.nextInt(5)));
        }
      }
      connection.commit();
      connection.setAutoCommit(true);
    }
  }

  @Test
  void streamTablesEqualTheirQueriesWithoutAskingTheServer()
      throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect();
        Connection writer = database.connect()) {
      run(connection, SCHEMA, "CREATE SCHEMA st");
      Changes changes = new Changes();
      for (int i = 0; i < 10; i++) {
        changes.transaction(writer);
      }
      for (Map.Entry<String, String> query : QUERIES.entrySet()) {
        streamTable(connection, "st." + query.getKey(), query.getValue(), "DIFFERENTIAL");
        assertThat(
                value(
                    connection,
                    "SELECT pgtrickle.explain_stream_table('st." + query.getKey() + "')"))
            .as(query.getKey())
            .doesNotContain("Ask server");
      }
      for (int cycle = 0; cycle < CYCLES; cycle++) {
        changes.transaction(writer);
        changes.transaction(writer);
        sync(connection);
        for (Map.Entry<String, String> query : QUERIES.entrySet()) {
          assertThat(differences(connection, "st." + query.getKey(), query.getValue()))
              .as("%s, cycle %s", query.getKey(), cycle)
              .isEmpty();
        }
      }
      assertThat(
              rows(
                  connection,
                  "SELECT pgt_name, status, effective_refresh_mode FROM pgtrickle.pgt_stream_tables"
                      + " WHERE effective_refresh_mode <> 'DIFFERENTIAL' OR status <> 'ACTIVE'"))
          .isEmpty();
    }
  }
}
