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
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/// The queries of Nexmark, all maintained at once while events arrive and are revised.
final class NexmarkIT {
  private static final int CYCLES = 12;
  private static final int EVENTS = 600;
  private static final int PER_CYCLE = 50;

  @Test
  void everyQueryEqualsItsStreamTableAfterEveryCycle()
      throws SQLException, InterruptedException, IOException {
    Map<String, String> queries = queries();
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect();
        Connection writer = database.connect()) {
      run(writer, resource("schema"), "CALL nexmark.events(0, " + (EVENTS - 1) + ")");
      run(connection, "CREATE SCHEMA st", "SET search_path = st, nexmark");
      for (Map.Entry<String, String> query : queries.entrySet()) {
        streamTable(connection, query.getKey(), query.getValue(), "DIFFERENTIAL");
      }
      for (int cycle = 0; cycle < CYCLES; cycle++) {
        int from = EVENTS + cycle * PER_CYCLE;
        run(
            writer,
            "CALL nexmark.events(%s, %s)".formatted(from, from + PER_CYCLE - 1),
            "CALL nexmark.revise(" + cycle + ")");
        sync(connection);
        for (Map.Entry<String, String> query : queries.entrySet()) {
          assertThat(differences(connection, "st." + query.getKey(), query.getValue()))
              .as("%s, cycle %s", query.getKey(), cycle)
              .isEmpty();
        }
      }
      for (String name : queries.keySet()) {
        assertThat(value(connection, "SELECT count(*) FROM st." + name)).as(name).isNotEqualTo("0");
      }
      assertThat(
              rows(
                  connection,
                  "SELECT pgt_name FROM pgtrickle.pgt_stream_tables WHERE status <> 'ACTIVE'"
                      + " OR effective_refresh_mode <> 'DIFFERENTIAL'"))
          .isEmpty();
    }
  }

  /// The queries of the file by the names in the comments before them.
  private static Map<String, String> queries() throws IOException {
    Map<String, String> queries = new LinkedHashMap<>();
    String[] parts = resource("queries").split("-- (?=q\\d+\\n)", -1);
    for (int i = 1; i < parts.length; i++) {
      int end = parts[i].indexOf('\n');
      queries.put(parts[i].substring(0, end), parts[i].substring(end + 1));
    }
    return queries;
  }

  private static String resource(String name) throws IOException {
    String path = "/nexmark/" + name + ".sql";
    try (InputStream in = Objects.requireNonNull(NexmarkIT.class.getResourceAsStream(path), path)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
