package io.pgtrickle.bench;

import io.pgtrickle.bench.EndToEnd.Scale;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;

/// The 22 queries of TPC-H as stream tables against materialized views, while every table changes.
///
/// Data and changes are those of the integration test (`tpch/schema.sql`), which compares contents
/// after every change; here they are compared at the end. First all queries are maintained at once:
/// the time is from before the COMMIT until every stream table shows it, against the sum of the 22
/// REFRESHes. Then each query alone, which is what can be said of a single one.
final class Tpch {
  private static final List<String> QUERIES =
      IntStream.rangeClosed(1, 22).mapToObj("q%02d"::formatted).toList();
  private static final double[] SHARES = {0.0001, 0.001, 0.01};
  private static final double PERCENT = 100;

  private final Rig rig;
  private final double factor;
  private final int rounds;
  private int cycle;

  private Tpch(Rig rig, double factor, int rounds) {
    this.rig = rig;
    this.factor = factor;
    this.rounds = rounds;
  }

  static void measure(Scale scale, PrintStream out)
      throws SQLException, IOException, InterruptedException {
    for (double factor : scale.factors()) {
      try (Rig rig = Rig.start()) {
        new Tpch(rig, factor, scale.rounds()).measure(out);
      }
    }
  }

  private void measure(PrintStream out) throws SQLException, IOException, InterruptedException {
    out.printf(Locale.ROOT, "%nScale factor %s%n", factor);
    load();
    Map<String, Long> plain = new LinkedHashMap<>();
    for (String query : QUERIES) {
      plain.put(query, time("CREATE MATERIALIZED VIEW mv." + query + " AS " + resource(query)));
    }
    together(plain, out);
    alone(plain, out);
  }

  // With indexes on the foreign keys, as anybody would have them who refreshes views: without, half
  // of the queries would be of quadratic time for PostgreSQL.
  private void load() throws SQLException, IOException {
    rig.execute(resource("schema"));
    rig.execute("CALL tpch.load(" + factor + ")");
    for (String columns :
        List.of(
            "lineitem (l_partkey, l_suppkey)",
            "lineitem (l_suppkey)",
            "orders (o_custkey)",
            "customer (c_nationkey)",
            "supplier (s_nationkey)",
            "partsupp (ps_suppkey)",
            "nation (n_regionkey)")) {
      rig.execute("CREATE INDEX ON tpch." + columns);
    }
    rig.execute("CREATE SCHEMA st; CREATE SCHEMA mv; SET search_path = tpch, public");
    rig.execute("VACUUM ANALYZE");
  }

  private void together(Map<String, Long> plain, PrintStream out)
      throws SQLException, IOException, InterruptedException {
    Map<String, String> queries = new LinkedHashMap<>();
    for (String query : QUERIES) {
      queries.put("st." + query, resource(query));
    }
    long begin = System.nanoTime();
    rig.createStreamTables(queries);
    long created = System.nanoTime() - begin;
    Table table =
        new Table(
            "all 22 at once, share of each table changed",
            "rows changed",
            "commit → all visible, ms: median (range)",
            "22 × REFRESH, ms: median (range)",
            "ratio");
    round(QUERIES, SHARES[0]);
    for (double share : SHARES) {
      List<Long> visible = new ArrayList<>();
      List<Long> refreshed = new ArrayList<>();
      long changed = 0;
      for (int i = 0; i < rounds; i++) {
        Round round = round(QUERIES, share);
        changed = round.changed();
        visible.add(round.visible());
        refreshed.add(round.refreshes().values().stream().mapToLong(Long::longValue).sum());
      }
      table.row(
          percent(share),
          Table.count((double) changed),
          Table.millis(Table.median(visible)) + " (" + Table.range(visible) + ")",
          Table.millis(Table.median(refreshed)) + " (" + Table.range(refreshed) + ")",
          Table.ratio(Table.median(refreshed) / Table.median(visible)));
    }
    table.print(out);
    out.printf(
        Locale.ROOT,
        "Initialization of all, defined in one transaction: %s ms; the plain queries: %s ms. State:"
            + " %s MB, of which on the heap %s MB; the base tables: %s MB.%n",
        Table.millis(created),
        Table.millis(plain.values().stream().mapToLong(Long::longValue).sum()),
        Table.count(rig.metrics().sum("pgtrickle_state_bytes", "") / 1e6),
        Table.count(rig.metrics().sum("jvm_memory_used_bytes", "area=\"heap\"") / 1e6),
        Table.count(
            rig.number(
                    "SELECT sum(pg_table_size(oid)) FROM pg_class WHERE relkind = 'r' AND"
                        + " relnamespace = 'tpch'::regnamespace")
                / 1e6));
    for (String query : QUERIES) {
      rig.requireEqual("st." + query, resource(query));
      drop(query);
    }
  }

  private void alone(Map<String, Long> plain, PrintStream out)
      throws SQLException, IOException, InterruptedException {
    Table table =
        new Table(
            "query alone",
            "plain query, ms",
            "initialization, ms",
            "state, MB",
            "0.01 %: visible, ms",
            "ratio",
            "0.1 %: visible, ms",
            "ratio",
            "1 %: visible, ms",
            "ratio");
    double[] logarithms = new double[SHARES.length];
    for (String query : QUERIES) {
      List<String> cells = new ArrayList<>();
      cells.add(query);
      cells.add(Table.millis(Objects.requireNonNull(plain.get(query))));
      cells.add(Table.millis(create(query)));
      round(List.of(query), SHARES[0]);
      cells.add(Table.ratio(rig.metrics().sum("pgtrickle_state_bytes", "") / 1e6));
      for (int share = 0; share < SHARES.length; share++) {
        List<Long> visible = new ArrayList<>();
        List<Long> refreshed = new ArrayList<>();
        for (int i = 0; i < rounds; i++) {
          Round round = round(List.of(query), SHARES[share]);
          visible.add(round.visible());
          refreshed.addAll(round.refreshes().values());
        }
        double ratio = Table.median(refreshed) / Table.median(visible);
        logarithms[share] += Math.log(ratio);
        cells.add(Table.millis(Table.median(visible)));
        cells.add(Table.ratio(ratio));
      }
      table.row(cells.toArray(String[]::new));
      rig.requireEqual("st." + query, resource(query));
      drop(query);
    }
    table.print(out);
    for (int share = 0; share < SHARES.length; share++) {
      out.printf(
          Locale.ROOT,
          "Geometric mean of the ratios at %s: %s%n",
          percent(SHARES[share]),
          Table.ratio(Math.exp(logarithms[share] / QUERIES.size())));
    }
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%s %%", share * PERCENT);
  }

  private long create(String query) throws SQLException, IOException {
    long begin = System.nanoTime();
    rig.createStreamTable("st." + query, resource(query));
    return System.nanoTime() - begin;
  }

  private void drop(String query) throws SQLException {
    rig.execute("SELECT pgtrickle.drop_stream_table('st." + query + "')");
  }

  private long time(String statement) throws SQLException {
    long begin = System.nanoTime();
    rig.execute(statement);
    return System.nanoTime() - begin;
  }

  private record Round(long changed, long visible, Map<String, Long> refreshes) {}

  private Round round(List<String> queries, double share) throws SQLException {
    cycle++;
    try (Connection connection = rig.connect();
        Statement statement = connection.createStatement()) {
      rig.syncAll();
      String modified =
          "SELECT sum(pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_updated(oid)"
              + " + pg_stat_get_xact_tuples_deleted(oid))::bigint FROM pg_class WHERE relkind = 'r'"
              + " AND relnamespace = 'tpch'::regnamespace";
      connection.setAutoCommit(false);
      statement.execute("CALL tpch.refresh(" + cycle + ", " + share + ")");
      long changed;
      try (var row = statement.executeQuery(modified)) {
        row.next();
        changed = row.getLong(1);
      }
      long begin = System.nanoTime();
      connection.commit();
      rig.syncAll();
      long visible = System.nanoTime() - begin;
      Map<String, Long> refreshes = new LinkedHashMap<>();
      for (String query : queries) {
        refreshes.put(query, time("REFRESH MATERIALIZED VIEW mv." + query));
      }
      return new Round(changed, visible, refreshes);
    }
  }

  private static String resource(String name) throws IOException {
    String path = "/tpch/" + name + ".sql";
    try (InputStream in = Objects.requireNonNull(Tpch.class.getResourceAsStream(path), path)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
