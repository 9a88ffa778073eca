package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.differencesQuery;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.StringJoiner;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Random queries and random transactions: after each transaction every stream table equals its
/// query, as a bag and as text.
///
/// Many stream tables share a database, since an epoch maintains them all. A failure names the
/// seed, the query and how to come to it: the tables before the transaction, and the transaction.
final class RandomQueriesIT {
  private static final int CASES = 300;
  private static final int SOAK_CASES = 10_000;
  private static final int PER_DATABASE = 100;
  private static final int TRANSACTIONS = 8;
  private static final int COMPARED_AT_ONCE = 10;
  private static final double INCREMENTAL = 0.95;
  private static final double WITH_ROWS = 0.6;

  /// Where the queries run: a database in which text is sorted by bytes, and one in which only the
  /// server knows the order of texts.
  private record Setting(String name, String options, List<String> texts) {
    static final Setting BYTES = new Setting("bytes", "", RandomChanges.PLAIN_TEXTS);
    static final Setting ICU =
        new Setting(
            "ICU",
            "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'",
            RandomChanges.ACCENTED_TEXTS);
  }

  private int incremental;
  private int withRows;
  private int expressions;
  private int asked;

  @Test
  void randomQueriesEqualTheirStreamTables() throws SQLException, InterruptedException {
    check(Setting.BYTES, 1, CASES);
  }

  @Test
  void randomQueriesEqualTheirStreamTablesWhereTextIsSortedByTheServer()
      throws SQLException, InterruptedException {
    assumeThat(hasDatabasesOfIcu()).isTrue();
    check(Setting.ICU, 1, CASES);
  }

  @Test
  @Tag("soak")
  void manyMoreRandomQueriesEqualTheirStreamTables() throws SQLException, InterruptedException {
    long seed = Long.getLong("soak.seed", System.nanoTime());
    int cases = Integer.getInteger("soak.cases", SOAK_CASES);
    check(Setting.BYTES, seed, cases / 2);
    if (hasDatabasesOfIcu()) {
      check(Setting.ICU, seed, cases / 2);
    }
  }

  // Since version 15.
  private static boolean hasDatabasesOfIcu() throws SQLException {
    try (Connection connection = LiveDatabase.server().connect()) {
      return connection.getMetaData().getDatabaseMajorVersion() >= 15;
    }
  }

  private void check(Setting setting, long seed, int cases)
      throws SQLException, InterruptedException {
    incremental = 0;
    withRows = 0;
    expressions = 0;
    asked = 0;
    for (int done = 0; done < cases; done += PER_DATABASE) {
      checkDatabase(setting, seed + done);
    }
    System.out.printf(
        "%s: of %d random queries %.1f %% incremental, %.1f %% with rows; of %d expressions"
            + " %.1f %% in the server tier%n",
        setting.name(),
        cases,
        100.0 * incremental / cases,
        100.0 * withRows / cases,
        expressions,
        100.0 * asked / Math.max(1, expressions));
    assertThat((double) incremental / cases)
        .as("share of queries that are maintained incrementally")
        .isGreaterThanOrEqualTo(INCREMENTAL);
    assertThat((double) withRows / cases)
        .as("share of queries that have had rows")
        .isGreaterThanOrEqualTo(WITH_ROWS);
  }

  /// Some queries on a database of their own; the seed of each is the database's and its number.
  private void checkDatabase(Setting setting, long seed) throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start(setting.options());
        Connection connection = database.connect();
        Connection writer = database.connect()) {
      run(connection, RandomChanges.SCHEMA, "CREATE SCHEMA st", "SET search_path = st, public");
      run(connection, "SET jit = off");
      RandomChanges changes = new RandomChanges(seed, setting.texts());
      for (int i = 0; i < 20; i++) {
        commit(writer, changes.transaction());
      }
      List<String> queries = create(connection, setting, seed);
      tiers(connection, queries);
      Set<String> seen = new HashSet<>();
      for (int i = 0; i < TRANSACTIONS; i++) {
        String before = contents(connection);
        List<String> transaction = changes.transaction();
        commit(writer, transaction);
        sync(connection);
        compare(connection, queries, seed, before, transaction);
        seen.addAll(rows(connection, withRows(queries.size())));
      }
      incremental +=
          count(
              connection,
              "SELECT count(*) FROM pgtrickle.pgt_stream_tables WHERE"
                  + " effective_refresh_mode = 'DIFFERENTIAL' AND status = 'ACTIVE'");
      withRows += seen.size();
    }
  }

  /// Counts where expressions are evaluated.
  private void tiers(Connection connection, List<String> queries) throws SQLException {
    try (var validate =
        connection.prepareStatement(
            "SELECT count(*), count(*) FILTER (WHERE tier = 'server') FROM"
                + " pgtrickle.validate_query(?) WHERE tier IN ('native', 'mixed', 'server')")) {
      for (String query : queries) {
        validate.setString(1, query);
        try (ResultSet row = validate.executeQuery()) {
          row.next();
          expressions += row.getInt(1);
          asked += row.getInt(2);
        }
      }
    }
  }

  /// The numbers of the stream tables that have rows.
  private static String withRows(int queries) {
    return IntStream.range(0, queries)
        .mapToObj(i -> "(SELECT " + i + " FROM st.q" + i + " LIMIT 1)")
        .collect(Collectors.joining(" UNION ALL "));
  }

  private static int count(Connection connection, String sql) throws SQLException {
    return Integer.parseInt(String.valueOf(value(connection, sql)));
  }

  private static List<String> create(Connection connection, Setting setting, long seed)
      throws SQLException {
    List<String> queries = new ArrayList<>();
    try (var create = connection.prepareStatement("SELECT pgtrickle.create_stream_table(?, ?)")) {
      for (int i = 0; i < PER_DATABASE; i++) {
        String query = new RandomQuery(seed + i, RandomChanges.RELATIONS, setting.texts()).next();
        create.setString(1, "q" + i);
        create.setString(2, query);
        create.execute();
        queries.add(query);
      }
    }
    // The last waits for all the others.
    for (int i = 0; i < PER_DATABASE; i++) {
      run(connection, "SELECT pgtrickle.wait_until_ready('q%d', '600 s')".formatted(i));
    }
    return queries;
  }

  private static void commit(Connection writer, List<String> transaction) throws SQLException {
    run(writer, "BEGIN; " + String.join("; ", transaction) + "; COMMIT");
  }

  private static void compare(
      Connection connection,
      List<String> queries,
      long seed,
      String before,
      List<String> transaction)
      throws SQLException {
    for (int from = 0; from < queries.size(); from += COMPARED_AT_ONCE) {
      StringJoiner all = new StringJoiner("\nUNION ALL ");
      for (int i = from; i < Math.min(from + COMPARED_AT_ONCE, queries.size()); i++) {
        String differences = differencesQuery("st.q" + i, queries.get(i));
        all.add("SELECT " + i + ", * FROM (" + differences + ") d" + i);
      }
      List<String> found = rows(connection, all.toString());
      if (!found.isEmpty()) {
        int number = Integer.parseInt(found.getFirst().split("\\|", 2)[0]);
        throw new AssertionError(
            """
            the stream table differs from its query (seed %s)
            %s
            -- the tables before
            %s
            -- the query
            %s;
            -- the transaction
            BEGIN; %s; COMMIT;
            """
                .formatted(
                    seed + number,
                    String.join("\n", found),
                    before,
                    queries.get(number),
                    String.join("; ", transaction)));
      }
    }
  }

  /// The tables as statements that fill them.
  private static String contents(Connection connection) throws SQLException {
    StringJoiner inserts = new StringJoiner("\n");
    for (String table : List.of("a", "b", "c")) {
      String rows =
          value(
              connection,
              "SELECT string_agg(quote_literal(row_of::text) || '::"
                  + table
                  + "', ', ') FROM "
                  + table
                  + " row_of");
      if (rows != null) {
        inserts.add("INSERT INTO " + table + " SELECT (r).* FROM unnest(ARRAY[" + rows + "]) r;");
      }
    }
    return inserts.toString();
  }
}
