package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The scripts of `sql-tests`, run on both engines: after every transaction each stream table is
/// what PostgreSQL makes of its query. What scripts may contain is told in their README.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class SqlTestsIT {
  private static final Pattern PARAGRAPHS = Pattern.compile("\n\\s*\n");

  private LiveDatabase database;

  /// A stream table as it was defined.
  private record Defined(String name, String query, boolean full) {}

  @BeforeAll
  void start() throws SQLException, InterruptedException {
    database = LiveDatabase.start();
  }

  @AfterAll
  void stop() throws SQLException {
    database.close();
  }

  static List<String> scripts() throws IOException, URISyntaxException {
    try (Stream<Path> files = Files.list(folder())) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(".sql"))
          .sorted()
          .toList();
    }
  }

  @ParameterizedTest
  @MethodSource("scripts")
  void streamTablesAreTheirQueriesAfterEveryTransaction(String script)
      throws SQLException, IOException, URISyntaxException {
    String schema = '"' + script.replace(".sql", "") + '"';
    try (Connection connection = database.connect()) {
      run(connection, "CREATE SCHEMA " + schema, "SET search_path = " + schema);
      Set<String> known = new HashSet<>();
      for (String transaction :
          PARAGRAPHS.splitAsStream(Files.readString(folder().resolve(script))).toList()) {
        // One message to the server, and so one transaction.
        run(connection, transaction);
        List<Defined> tables = tables(connection);
        for (Defined table : tables) {
          if (known.add(table.name)) {
            ready(connection, table.name);
            assertThat(full(connection, table.name)).as(table.name).isEqualTo(table.full);
          }
        }
        if (!tables.isEmpty()) {
          sync(connection);
        }
        for (Defined table : tables) {
          assertThat(differences(connection, table.name, table.query))
              .as("%s: %s after%n%s", script, table.name, transaction)
              .isEmpty();
        }
      }
      assertThat(known).as("stream tables of %s", script).isNotEmpty();
    }
  }

  private static List<Defined> tables(Connection connection) throws SQLException {
    List<Defined> tables = new ArrayList<>();
    try (Statement statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery(
                "SELECT pgt_name, original_query, refresh_mode = 'FULL'"
                    + " FROM pgtrickle.pgt_stream_tables WHERE pgt_schema = current_schema()")) {
      while (row.next()) {
        tables.add(new Defined(row.getString(1), row.getString(2), row.getBoolean(3)));
      }
    }
    return tables;
  }

  private static boolean full(Connection connection, String table) throws SQLException {
    return !"DIFFERENTIAL"
        .equals(
            LiveDatabase.value(
                connection,
                "SELECT effective_refresh_mode FROM pgtrickle.stream_tables_info"
                    + " WHERE pgt_name = '%s' AND pgt_schema = current_schema()".formatted(table)));
  }

  private static Path folder() throws URISyntaxException {
    return Path.of(
        Objects.requireNonNull(SqlTestsIT.class.getResource("/sql-tests"), "no scripts").toURI());
  }
}
