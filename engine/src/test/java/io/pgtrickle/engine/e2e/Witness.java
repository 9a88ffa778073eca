package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;

import io.pgtrickle.cdc.Lsn;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Listens to a channel for as long as it is not closed, through crashes of the server, and looks
/// at the catalog: what anybody has seen must never be taken back.
final class Witness implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int WAIT_MILLIS = 50;

  private final Callable<Connection> sessions;
  private final String channel;
  private final List<String> objections = new CopyOnWriteArrayList<>();
  private final Map<String, Seen> told = new HashMap<>();
  private final Map<String, Seen> stored = new HashMap<>();
  private final Thread thread = Thread.ofPlatform().name("witness").unstarted(this::watch);
  private volatile boolean closed;
  private final AtomicLong notifications = new AtomicLong();

  /// How far a stream table was.
  private record Seen(long refresh, Lsn frontier) {}

  private Witness(Callable<Connection> sessions, String channel) {
    this.sessions = sessions;
    this.channel = channel;
  }

  /// @param sessions opens sessions, or fails with an [SQLException] while the server is away
  static Witness start(Callable<Connection> sessions, String channel) {
    Witness witness = new Witness(sessions, channel);
    witness.thread.start();
    return witness;
  }

  /// What was seen that must not be.
  List<String> objections() {
    return objections;
  }

  /// How many notifications have come.
  long notifications() {
    return notifications.get();
  }

  private void watch() {
    while (!closed) {
      try (Connection connection = sessions.call()) {
        listen(connection);
        while (!closed) {
          PGNotification[] news =
              connection.unwrap(PGConnection.class).getNotifications(WAIT_MILLIS);
          for (PGNotification one : news == null ? new PGNotification[0] : news) {
            notifications.incrementAndGet();
            hear(JSON.readTree(one.getParameter()));
          }
          look(connection);
        }
      } catch (SQLException e) {
        // The server crashes by intention; it comes back.
        Thread.onSpinWait();
      } catch (Exception e) {
        objections.add("the witness fell ill: " + e);
        return;
      }
    }
  }

  private void listen(Connection connection) throws SQLException {
    run(connection, "LISTEN " + channel);
  }

  // Each tells of refreshes that no notification before it has told of, and comes after them.
  private void hear(JsonNode payload) {
    String table = payload.path("name").asString();
    Seen now =
        new Seen(
            payload.path("refresh_id").asLong(), Lsn.parse(payload.path("frontier").asString()));
    Seen before = told.put(table, now);
    if (before != null
        && (now.refresh <= before.refresh || now.frontier.isBefore(before.frontier))) {
      objections.add("%s was told to be at %s, and then at %s".formatted(table, before, now));
    }
  }

  // After all that was told before: what a listener was told of is there.
  private void look(Connection connection) throws SQLException {
    for (String row :
        rows(
            connection,
            "SELECT format('%I.%I', d.schema_name, d.table_name), s.refresh_id, s.frontier"
                + " FROM pgtrickle.pgt_state s JOIN pgtrickle.pgt_definitions d USING (pgt_id)"
                + " WHERE s.frontier IS NOT NULL")) {
      String[] columns = row.split("\\|", 3);
      Seen now = new Seen(Long.parseLong(columns[1]), Lsn.parse(columns[2]));
      Seen before = stored.put(columns[0], now);
      requireNotBehind(columns[0], now, before, "was seen");
      requireNotBehind(columns[0], now, told.get(columns[0]), "was told to be");
    }
  }

  private void requireNotBehind(String table, Seen now, @Nullable Seen before, String how) {
    if (before != null
        && (now.refresh < before.refresh || now.frontier.isBefore(before.frontier))) {
      objections.add("%s %s at %s, and is at %s".formatted(table, how, before, now));
    }
  }

  @Override
  public void close() {
    closed = true;
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
