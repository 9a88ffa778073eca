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
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// Times taken apart, made and printed, and regular expressions: every stream table equals its
/// query, as a bag and as text, follows by deltas, and asks the server nothing.
final class NativeFunctionsIT {
  private static final int CYCLES = 6;

  // Intervals have infinities since 17; what takes them apart is asked for before.
  private static final Set<String> NATIVE_SINCE_17 = Set.of("stays", "ages", "made");

  private static final List<Shape> SHAPES =
      List.of(
          new Shape(
              "months",
              "SELECT to_char(at, 'YYYY-MM') AS month, count(*) AS n, sum(amount) AS s FROM visits"
                  + " GROUP BY to_char(at, 'YYYY-MM')"),
          new Shape(
              "weeks",
              "SELECT to_char(local, 'IYYY-\"W\"IW') AS week, to_char(day, 'Dy DD Mon YYYY') AS d,"
                  + " to_char(at, 'FMDay, FMDD FMMonth YYYY HH12:MI:SS.MS AM') AS t FROM visits"),
          new Shape(
              "stays",
              "SELECT id, extract(epoch FROM len) AS e, extract(hour FROM len) AS h,"
                  + " date_part('day', len) AS d, extract(epoch FROM at - '2020-01-01') / 3600 AS"
                  + " hours FROM visits"),
          new Shape(
              "ages",
              "SELECT id, age(local, '2020-02-29') AS a, age(at, '2021-01-31 12:00+00') AS b,"
                  + " justify_interval(len) AS j, justify_days(len * 3) AS d FROM visits"),
          new Shape(
              "made",
              "SELECT id, make_interval(days => amount, secs => amount / 4.0::float8) AS i,"
                  + " make_interval(1, 2, 3) AS c, make_timestamp(2020 + amount, 2, 3, 4, 5, 6.7)"
                  + " AS t, to_timestamp(amount * 86400.5::float8) AS u FROM visits"),
          new Shape(
              "matching",
              "SELECT id, url FROM visits WHERE url ~ '^https?://[a-z.]+/(shop|cart)' AND url !~"
                  + " '\\\\.(png|gif)$'"),
          new Shape(
              "matching_any_case",
              "SELECT id, url ~* 'SHOP|cart$' AS m, url !~* '^http:' AS n FROM visits"));

  private static String visit(int id, Random random) {
    List<String> urls =
        List.of(
            "https://a.example/shop/1",
            "http://b.example/cart",
            "HTTPS://A.example/Shop",
            "https://a.example/shop/x.png",
            "",
            "ü");
    String at =
        "20%02d-%02d-%02d %02d:%02d:%02d.%03d"
            .formatted(
                random.nextInt(18, 25),
                random.nextInt(1, 13),
                random.nextInt(1, 29),
                random.nextInt(24),
                random.nextInt(60),
                random.nextInt(60),
                random.nextInt(1000));
    String length =
        "%d mons %d days %d.%03d secs"
            .formatted(
                random.nextInt(-20, 20),
                random.nextInt(-50, 50),
                random.nextInt(-99999, 99999),
                random.nextInt(1000));
    boolean none = random.nextInt(6) == 0;
    return none
        ? "(%d, NULL, NULL, NULL, NULL, NULL, NULL)".formatted(id)
        : "(%d, '%s', '%s+01', '%s', '%s', %d, '%s')"
            .formatted(
                id,
                random.nextInt(8) == 0 ? "infinity" : at,
                at,
                at,
                length,
                random.nextInt(9),
                urls.get(random.nextInt(urls.size())));
  }

  private static void change(Connection connection, Random random) throws SQLException {
    connection.setAutoCommit(false);
    for (int i = 0; i < 5; i++) {
      int id = random.nextInt(30);
      run(connection, "DELETE FROM visits WHERE id = " + id);
      if (random.nextInt(4) > 0) {
        run(connection, "INSERT INTO visits VALUES " + visit(id, random));
      }
    }
    run(connection, "UPDATE visits SET amount = amount + 1 WHERE id = " + random.nextInt(30));
    connection.commit();
    connection.setAutoCommit(true);
  }

  @Test
  void streamTablesEqualTheirQueriesWithoutAskingTheServer()
      throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect();
        Connection writer = database.connect()) {
      run(
          connection,
          "CREATE TABLE visits (id int PRIMARY KEY, local timestamp, at timestamptz, day date, len"
              + " interval, amount int, url text)",
          "CREATE SCHEMA st",
          "SET TimeZone = 'Europe/Berlin'");
      int version = connection.getMetaData().getDatabaseMajorVersion();
      Random random = new Random(20_261_130);
      for (int i = 0; i < 8; i++) {
        change(writer, random);
      }
      for (Shape shape : SHAPES) {
        streamTable(connection, "st." + shape.name(), shape.query(), "DIFFERENTIAL");
        if (version >= 17 || !NATIVE_SINCE_17.contains(shape.name())) {
          assertThat(
                  value(
                      connection,
                      "SELECT pgtrickle.explain_stream_table('st." + shape.name() + "')"))
              .as(shape.name())
              .doesNotContain("Ask server");
        }
      }
      for (int cycle = 0; cycle < CYCLES; cycle++) {
        change(writer, random);
        sync(connection);
        for (Shape shape : SHAPES) {
          assertThat(differences(connection, "st." + shape.name(), shape.query()))
              .as("%s, cycle %s", shape.name(), cycle)
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
