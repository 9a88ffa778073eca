package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differencesByClock;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Conditions on the clock: a stream table shows its query as it is when the clock shows the time
/// of the table's frontier.
final class TemporalFiltersIT {
  private static final Map<String, String> TABLES = new LinkedHashMap<>();

  static {
    TABLES.put("t_recent", "SELECT id, ts FROM e WHERE ts > now() - interval '2 seconds'");
    TABLES.put("t_future", "SELECT id FROM e WHERE ts > current_timestamp");
    TABLES.put("t_past", "SELECT id, v FROM e WHERE ts <= transaction_timestamp()");
    TABLES.put("t_valid", "SELECT id FROM e WHERE ts + ttl > statement_timestamp() AND v > 2");
    TABLES.put(
        "t_between", "SELECT id, g FROM e WHERE ts BETWEEN now() - interval '3 s' AND now()");
    // Before version 17 infinite times cannot be subtracted.
    TABLES.put(
        "t_age",
        "SELECT id FROM e WHERE now() - nullif(nullif(ts, 'infinity'), '-infinity') < interval '2.5"
            + " seconds'");
    TABLES.put(
        "t_epoch", "SELECT id FROM e WHERE extract(epoch FROM ts) >= extract(epoch FROM now())");
    TABLES.put("t_today", "SELECT id FROM e WHERE ts::date = current_date");
    TABLES.put("t_week", "SELECT id FROM e WHERE ts >= current_date - 7 OR g = 1");
    TABLES.put("t_local", "SELECT id FROM e WHERE ts::timestamp > localtimestamp - interval '1 s'");
    TABLES.put(
        "t_minute",
        "SELECT id FROM e WHERE date_trunc('minute', ts) = date_trunc('minute', now())");
    TABLES.put(
        "t_groups",
        "SELECT g, count(*) AS n, sum(v) AS s FROM e WHERE ts > now() - interval '2 s' GROUP BY g");
    TABLES.put("t_count", "SELECT count(*) AS n FROM e WHERE now() < ts + interval '1500 ms'");
    TABLES.put(
        "t_having",
        "SELECT g, max(ts) AS last FROM e GROUP BY g HAVING max(ts) > now() - interval '2 s'");
    TABLES.put("t_distinct", "SELECT DISTINCT g FROM e WHERE ts > now() - interval '1 s'");
    TABLES.put(
        "t_join",
        "SELECT e.id, x.name FROM e JOIN gs x ON x.g = e.g AND e.ts > now() - x.keep AND e.v > 1");
    TABLES.put(
        "t_exists",
        "SELECT g FROM gs WHERE EXISTS (SELECT FROM e WHERE e.g = gs.g AND ts > now() - interval '1"
            + " s')");
    TABLES.put(
        "t_left",
        "SELECT x.name, e.id FROM gs x LEFT JOIN (SELECT * FROM e WHERE ts > now() - interval '1"
            + " s') e USING (g)");
    TABLES.put(
        "t_fails", "SELECT id, 10 / v AS q FROM e WHERE ts > now() - interval '2 s' AND v <> 0");
    TABLES.put(
        "t_asked",
        "SELECT id FROM e WHERE ts + cbrt(g) * interval '1 s' > now() AND v::text ~ '^[1-9]'");
    TABLES.put(
        "t_counts",
        "SELECT g, count(*) AS n, count(*) FILTER (WHERE ts > now() - interval '1 s') AS r, sum(v)"
            + " FILTER (WHERE ts > now() - interval '2 s' AND v > 1) AS s, count(*) FILTER (WHERE v"
            + " = 2) AS w FROM e GROUP BY g");
    TABLES.put(
        "t_totals",
        "SELECT count(*) FILTER (WHERE ts > now() - interval '1 s') AS a, count(*) FILTER (WHERE ts"
            + " <= now()) AS b, max(ts) FILTER (WHERE ts < now()) AS last, array_agg(id ORDER BY"
            + " id) FILTER (WHERE ts + ttl > now()) AS ids, count(DISTINCT g) FILTER (WHERE ts >"
            + " current_date) AS gs FROM e");
    TABLES.put(
        "t_rollup",
        "SELECT g, v, count(*) FILTER (WHERE ts > now() - interval '1500 ms') AS n, GROUPING(v) AS"
            + " q FROM e GROUP BY ROLLUP (g, v) HAVING count(*) > 1");
    TABLES.put(
        "t_kept_counts",
        "SELECT x.name, count(e.id) AS n, count(*) FILTER (WHERE e.ts > now() - x.keep) AS k FROM"
            + " gs x LEFT JOIN e USING (g) GROUP BY x.name");
    TABLES.put(
        "t_scalar_count",
        "SELECT gs.g, (SELECT count(*) FILTER (WHERE e.ts > now() - interval '1 s') FROM e WHERE"
            + " e.g = gs.g) AS n FROM gs");
    TABLES.put(
        "t_asked_counts",
        "SELECT g, (json_object_agg(id, v ORDER BY id) FILTER (WHERE ts > now() - interval '2"
            + " s'))::text AS vs, count(*) AS n FROM e GROUP BY g");
    TABLES.put("t_chain", "SELECT n, count(*) AS groups FROM t_groups GROUP BY n");
    TABLES.put("t_over", "SELECT b.id FROM t_between b JOIN t_valid v USING (id)");
  }

  private LiveDatabase database;
  private Connection connection;

  TemporalFiltersIT() throws Exception {
    database = LiveDatabase.create();
    connection = database.connect();
  }

  @BeforeEach
  void start() throws Exception {
    assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
    run(
        connection,
        "SET TimeZone = 'Europe/Berlin'",
        "SELECT pgtrickle.set_config('checkpoint_interval', '300 ms')",
        "CREATE TABLE e (id int PRIMARY KEY, g int, v int, ts timestamptz, ttl interval)",
        "CREATE TABLE gs (g int PRIMARY KEY, name text, keep interval)",
        "INSERT INTO gs SELECT g, 'group ' || g, g * interval '700 ms' FROM generate_series(0, 4)"
            + " g");
    write(new Random(1), 40);
  }

  @AfterEach
  void stop() throws SQLException {
    connection.close();
    database.close();
  }

  private void define(Collection<String> names) throws SQLException {
    for (Map.Entry<String, String> table : TABLES.entrySet()) {
      if (names.contains(table.getKey())) {
        streamTable(connection, table.getKey(), table.getValue(), "DIFFERENTIAL");
      }
    }
  }

  private void write(Random random, int changes) throws SQLException {
    for (int i = 0; i < changes; i++) {
      int id = random.nextInt(60);
      String ts =
          switch (random.nextInt(12)) {
            case 0 -> "NULL";
            case 1 -> "'infinity'";
            case 2 -> "'-infinity'";
            case 3 -> "now() - interval '8 days'";
            case 4 -> "now()";
            default -> "now() + interval '%d ms'".formatted(random.nextInt(6000) - 3000);
          };
      run(
          connection,
          random.nextInt(5) == 0
              ? "DELETE FROM e WHERE id = " + id
              : """
              INSERT INTO e VALUES (%d, %d, %d, %s, interval '%d ms')
              ON CONFLICT (id) DO UPDATE SET (g, v, ts, ttl)
                = (excluded.g, excluded.v, excluded.ts, excluded.ttl)
              """
                  .formatted(id, random.nextInt(5), random.nextInt(6), ts, random.nextInt(3000)));
    }
  }

  private void compare(String when) throws SQLException {
    for (Map.Entry<String, String> table : TABLES.entrySet()) {
      assertThat(differencesByClock(connection, table.getKey(), table.getValue()))
          .as("%s, %s", table.getKey(), when)
          .isEmpty();
    }
  }

  private int shown(String table) throws SQLException {
    return Integer.parseInt(
        Objects.requireNonNull(value(connection, "SELECT count(*) FROM " + table)));
  }

  @Test
  void stormsOfChangesAndTimeLeaveTheTablesExact() throws Exception {
    define(TABLES.keySet());
    Random random = new Random(20_261_121);
    for (int cycle = 0; cycle < 6; cycle++) {
      write(random, 10);
      sync(connection);
      compare("cycle " + cycle);
    }
    assertThat(
            rows(
                connection,
                "SELECT pgt_name FROM pgtrickle.pgt_stream_tables"
                    + " WHERE effective_refresh_mode <> 'DIFFERENTIAL' OR status <> 'ACTIVE'"))
        .isEmpty();
  }

  @Test
  void rowsComeAndGoWhileNothingIsWritten() throws Exception {
    define(List.of("t_recent", "t_past", "t_groups", "t_chain"));
    run(
        connection,
        "TRUNCATE e",
        "INSERT INTO e VALUES (1, 1, 5, now(), '1 s'),"
            + " (2, 2, 5, now() + interval '2 s', '1 s'), (3, 3, 5, 'infinity', '1 s')");
    sync(connection);
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(
            () -> assertThat(rows(connection, "SELECT id FROM t_past")).containsExactly("1", "2"));
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(
            () -> {
              assertThat(rows(connection, "SELECT id FROM t_recent")).containsExactly("3");
              assertThat(rows(connection, "SELECT * FROM t_groups")).containsExactly("3|1|5");
              assertThat(rows(connection, "SELECT * FROM t_chain")).containsExactly("1|1");
            });
  }

  @Test
  void aRestartGoesOnAtTheTimeThatWasShown() throws Exception {
    define(TABLES.keySet());
    Random random = new Random(7);
    for (int round = 0; round < 2; round++) {
      write(random, 15);
      sync(connection);
      compare("before restart " + round);
      database.stopSidecar();
      write(random, 15);
      assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
      for (String table : TABLES.keySet()) {
        ready(connection, table);
      }
      sync(connection);
      compare("after restart " + round);
    }
    assertThat(shown("t_past")).isPositive();
  }

  @Test
  void aTableWithAScheduleShowsTheTimeOfItsRelease() throws Exception {
    run(
        connection,
        "TRUNCATE e",
        "SELECT pgtrickle.create_stream_table('slow', 'SELECT id FROM e WHERE ts <= now()',"
            + " schedule => '1h')");
    ready(connection, "slow");
    streamTable(connection, "live", "SELECT id FROM e WHERE ts <= now()", "DIFFERENTIAL");
    run(connection, "INSERT INTO e VALUES (1, 1, 5, now() + interval '1 s', '1 s')");
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> assertThat(shown("live")).isEqualTo(1));
    assertThat(shown("slow")).isZero();
    run(connection, "SELECT pgtrickle.refresh_stream_table('slow')");
    assertThat(shown("slow")).isEqualTo(1);
  }

  @Test
  void whatIsNoConditionThatChangesOnceIsFullForThatReason() throws Exception {
    for (String query :
        List.of(
            "SELECT id, now() AS at FROM e",
            "SELECT id FROM e WHERE ts <> now()",
            "SELECT id FROM e WHERE extract(hour FROM ts) = extract(hour FROM now())",
            "SELECT id FROM e WHERE CASE WHEN ts > now() THEN g = 1 ELSE g = 2 END",
            "SELECT sum(CASE WHEN ts > now() THEN 1 END) AS n FROM e",
            "SELECT count(*) FILTER (WHERE 10 / v > 1 AND ts > now()) AS n FROM e",
            "SELECT count(*) FILTER (WHERE ts <> now()) AS n FROM e",
            "SELECT g, sum(q) FILTER (WHERE v <> 0) AS s, count(*) FILTER (WHERE ts > now()) AS n"
                + " FROM (SELECT g, v, ts, 10 / v AS q FROM e) x GROUP BY g",
            "SELECT e.id FROM gs LEFT JOIN e ON e.g = gs.g AND e.ts > now() + gs.keep")) {
      assertThat(
              rows(
                  connection,
                  "SELECT result || ' ' || reason_code FROM pgtrickle.validate_query($$%s$$) WHERE check_name = 'resolved_refresh_mode'"
                      .formatted(query)))
          .as(query)
          .containsExactly("FULL stable_expression");
    }
  }
}
