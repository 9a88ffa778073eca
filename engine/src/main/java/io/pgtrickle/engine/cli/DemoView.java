package io.pgtrickle.engine.cli;

import io.pgtrickle.engine.cli.DemoSchema.StreamTable;
import io.pgtrickle.engine.metrics.Meters;
import java.io.PrintWriter;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// What the terminal shows of the demo: per stream table its rows, how far it is behind, how long a
/// commit takes to be visible, and the last notification a listener got.
///
/// On a terminal it redraws in place, elsewhere each report is appended.
final class DemoView {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final String HOME_AND_CLEAR = "\u001b[H\u001b[J";
  private static final String BOLD = "\u001b[1m";
  private static final String PLAIN = "\u001b[0m";

  private final Connection connection;
  private final Meters meters;
  private final List<String> header;
  private final boolean terminal;
  private final PrintWriter out;
  private final Map<String, String> lastNotification = new HashMap<>();

  private DemoView(
      Connection connection,
      Meters meters,
      List<String> header,
      boolean terminal,
      PrintWriter out) {
    this.connection = connection;
    this.meters = meters;
    this.header = List.copyOf(header);
    this.terminal = terminal;
    this.out = out;
  }

  /// Listens from now on, on this connection.
  static DemoView open(
      Connection connection, Meters meters, List<String> header, boolean terminal, PrintWriter out)
      throws SQLException {
    try (Statement statement = connection.createStatement()) {
      for (StreamTable table : DemoSchema.STREAM_TABLES) {
        statement.execute("LISTEN " + table.channel());
      }
    }
    DemoView view = new DemoView(connection, meters, header, terminal, out);
    if (!terminal) {
      header.forEach(out::println);
      out.flush();
    }
    return view;
  }

  void draw(long transactions) throws SQLException {
    List<List<String>> rows = new ArrayList<>();
    rows.add(
        List.of("stream table", "example of", "rows", "behind", "p50", "p99", "last notification"));
    for (StreamTable table : DemoSchema.STREAM_TABLES) {
      rows.add(row(table));
    }
    List<String> lines = TextTable.lines(rows);

    if (terminal) {
      out.print(HOME_AND_CLEAR);
      header.forEach(out::println);
      out.println();
      out.println(BOLD + lines.getFirst() + PLAIN);
      lines.stream().skip(1).forEach(out::println);
      out.println();
      out.println(transactions + " transactions written; Ctrl-C stops");
    } else {
      lines.forEach(out::println);
    }
    out.flush();
  }

  private List<String> row(StreamTable table) throws SQLException {
    String count = Long.toString(count(table));
    takeNotifications();
    String name = table.qualifiedName();
    Meters.Percentiles latency =
        meters
            .commitToVisiblePercentiles(name)
            .orElse(new Meters.Percentiles(0, Duration.ZERO, Duration.ZERO));
    return List.of(
        table.name(),
        table.shape(),
        count,
        meters.freshnessLag(name).map(DemoView::milliseconds).orElse("-"),
        latency.count() == 0 ? "-" : milliseconds(latency.p50()),
        latency.count() == 0 ? "-" : milliseconds(latency.p99()),
        lastNotification.getOrDefault(table.channel(), "-"));
  }

  private long count(StreamTable table) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet result =
            statement.executeQuery("SELECT count(*) FROM " + table.qualifiedName())) {
      result.next();
      return result.getLong(1);
    }
  }

  /// Those that came with the answers to our queries.
  private void takeNotifications() throws SQLException {
    for (PGNotification notification : connection.unwrap(PGConnection.class).getNotifications()) {
      JsonNode payload = JSON.readTree(notification.getParameter());
      lastNotification.put(
          notification.getName(),
          "refresh %d: +%d -%d"
              .formatted(
                  payload.path("refresh_id").asLong(),
                  payload.path("inserted_count").asLong(),
                  payload.path("deleted_count").asLong()));
    }
  }

  private static String milliseconds(Duration duration) {
    return String.format(Locale.ROOT, "%.1f ms", duration.toNanos() / 1e6);
  }
}
