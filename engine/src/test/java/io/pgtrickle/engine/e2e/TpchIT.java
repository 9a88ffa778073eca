package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// The 22 queries of TPC-H with their validation parameters, all maintained at once while every
/// table
/// changes.
///
/// The data is small, so that PostgreSQL can be asked for every answer after every cycle.
final class TpchIT {
  private static final int CYCLES = 20;
  private static final int SOAK_CYCLES = 1_000;

  @Test
  void everyQueryEqualsItsStreamTableAfterEveryCycle()
      throws SQLException, InterruptedException, IOException {
    List<String> all = IntStream.rangeClosed(1, 22).mapToObj("q%02d"::formatted).toList();
    maintain(all, CYCLES);
  }

  /// Those with what is hardest to keep exact: self joins, subqueries that are correlated twice,
  /// extremes of sums.
  @Test
  @Tag("soak")
  void theHardestQueriesEqualTheirStreamTablesForAThousandCycles()
      throws SQLException, InterruptedException, IOException {
    maintain(List.of("q07", "q08", "q09", "q15", "q17", "q20", "q21"), SOAK_CYCLES);
  }

  private static void maintain(List<String> names, int cycles)
      throws SQLException, InterruptedException, IOException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect();
        Connection writer = database.connect()) {
      run(writer, resource("schema"), "CALL tpch.load(0.002)");
      run(connection, "CREATE SCHEMA st", "SET search_path = st, tpch");
      for (String name : names) {
        streamTable(connection, name, resource(name), "AUTO");
      }
      assertThat(
              rows(
                  connection,
                  "SELECT pgt_name FROM pgtrickle.pgt_stream_tables"
                      + " WHERE effective_refresh_mode <> 'DIFFERENTIAL'"))
          .isEmpty();

      Map<String, Set<String>> seen = new LinkedHashMap<>();
      for (int cycle = 1; cycle <= cycles; cycle++) {
        change(writer, cycle);
        sync(connection);
        for (String name : names) {
          assertThat(differences(connection, "st." + name, resource(name)))
              .as("%s, cycle %s", name, cycle)
              .isEmpty();
          seen.computeIfAbsent(name, _ -> new HashSet<>()).add(contents(connection, name));
        }
      }
      // A comparison that never sees rows, or never sees them change, proves nothing.
      seen.forEach(
          (name, contents) ->
              assertThat(contents).as("contents of %s", name).hasSizeGreaterThan(2));
      assertThat(
              rows(
                  connection,
                  "SELECT pgt_name FROM pgtrickle.pgt_stream_tables WHERE status <> 'ACTIVE'"))
          .isEmpty();
    }
  }

  private static void change(Connection writer, int cycle) throws SQLException {
    run(
        writer,
        "CALL tpch.refresh(" + cycle + ", 0.006)",
        "CALL tpch.stir(" + cycle + ")",
        // Again, and more of the same rows, in one transaction.
        "BEGIN; CALL tpch.refresh("
            + (SOAK_CYCLES + cycle)
            + ", 0.005); UPDATE tpch.lineitem SET l_quantity = l_quantity + 1"
            + " WHERE tpch.drawn(l_orderkey, "
            + cycle
            + ", 30, 0.01); COMMIT");
  }

  private static String contents(Connection connection, String name) throws SQLException {
    String sql = "SELECT string_agg(md5(t::text), '' ORDER BY t::text) FROM st." + name + " t";
    return String.valueOf(value(connection, sql));
  }

  private static String resource(String name) throws IOException {
    String path = "/tpch/" + name + ".sql";
    try (InputStream in = Objects.requireNonNull(TpchIT.class.getResourceAsStream(path), path)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
