package io.pgtrickle.engine.catalog;

import static org.awaitility.Awaitility.await;

import io.pgtrickle.cdc.Lsn;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import org.postgresql.PGConnection;
import org.postgresql.replication.PGReplicationStream;

/// Answers requests as a sidecar does: a thread that reads logical messages from a slot, and
/// writes replies. What it answers is the test's.
final class Responder implements AutoCloseable {
  /// The answer to a request.
  interface Answer {
    void write(Connection connection, Request request) throws SQLException;
  }

  private static final Duration BEAT = Duration.ofMillis(100);

  private final CatalogDatabase database;
  private final Connection session;
  private final Connection replication;
  private final Lease lease;
  private final String slot;
  private final Thread thread;
  private final List<Request> requests = new CopyOnWriteArrayList<>();
  private volatile boolean stopped;
  private volatile boolean beating = true;
  private final Answer answer;

  Responder(CatalogDatabase database, Answer answer) throws SQLException {
    this.database = database;
    this.answer = answer;
    session = database.connect();
    lease =
        Lease.acquire(session, new Lease.Holder(UUID.randomUUID(), "localhost", 1, "", "responder"))
            .orElseThrow();
    slot = "pgtrickle_" + database.name();
    CatalogDatabase.execute(
        session, "CREATE PUBLICATION pgtrickle FOR TABLE pgtrickle.pgt_definitions");
    CatalogDatabase.execute(
        session, "SELECT pg_create_logical_replication_slot('" + slot + "', 'pgoutput')");
    Progress.startOver(session, "1", 1, slot, "test", "pgtrickle", lease.token());
    Properties properties = new Properties();
    properties.setProperty("replication", "database");
    properties.setProperty("preferQueryMode", "simple");
    properties.setProperty("assumeMinServerVersion", "14");
    replication = DriverManager.getConnection(database.url(), properties);
    PGReplicationStream stream =
        replication
            .unwrap(PGConnection.class)
            .getReplicationAPI()
            .replicationStream()
            .logical()
            .withSlotName(slot)
            .withSlotOption("proto_version", "1")
            .withSlotOption("publication_names", "pgtrickle")
            .withSlotOption("messages", "true")
            .start();
    thread = Thread.ofPlatform().name("responder").start(() -> respond(stream));
  }

  /// Goes on reading, but gives no sign of life any more.
  void stopBeating() {
    beating = false;
  }

  /// Everything that was asked so far.
  List<Request> requests() {
    return requests;
  }

  private void respond(PGReplicationStream stream) {
    try (Connection replies = database.connect()) {
      long beatAt = System.nanoTime();
      while (!stopped) {
        // Before version 17 it is this commit that flushes callers' messages.
        if (beating && System.nanoTime() - beatAt >= 0) {
          lease.heartbeat(replies);
          beatAt = System.nanoTime() + BEAT.toNanos();
        }
        ByteBuffer message = stream.readPending();
        if (message != null && message.get() == 'M') {
          Optional<Request> request = Request.parse(content(message));
          if (request.isPresent()) {
            requests.add(request.get());
            answer.write(replies, request.get());
          }
        }
      }
    } catch (SQLException e) {
      if (!stopped) {
        throw new AssertionError(e);
      }
    }
  }

  private static String content(ByteBuffer message) {
    message.get();
    message.getLong();
    while (message.get() != 0) {
      // the prefix
    }
    byte[] content = new byte[message.getInt()];
    message.get(content);
    return new String(content, StandardCharsets.UTF_8);
  }

  /// The usual answers: everything is reached, everything can be maintained.
  static void agreeably(Connection connection, Request request) throws SQLException {
    switch (request) {
      case Request.Analyze analyze -> Replies.verdict(connection, analyze.id(), DIFFERENTIAL);
      case Request.Validate validate -> Replies.verdict(connection, validate.id(), DIFFERENTIAL);
      case Request.Sync sync -> Replies.reached(connection, sync.id(), Lsn.parse("0/ABC"));
      case Request.Refresh refresh -> Replies.reached(connection, refresh.id(), Lsn.parse("0/DEF"));
      case Request.Explain explain ->
          Replies.text(connection, explain.id(), "scan of " + explain.pgtId());
    }
  }

  static final Replies.Verdict DIFFERENTIAL =
      new Replies.Verdict(RefreshMode.DIFFERENTIAL, null, null, List.of(), List.of());

  @Override
  public void close() throws SQLException {
    stopped = true;
    await().until(() -> !thread.isAlive());
    replication.close();
    await()
        .until(
            () ->
                database
                    .value(
                        "SELECT active FROM pg_replication_slots WHERE slot_name = '" + slot + "'")
                    .equals("f"));
    lease.release();
    CatalogDatabase.execute(session, "SELECT pg_drop_replication_slot('" + slot + "')");
    CatalogDatabase.execute(session, "DROP PUBLICATION pgtrickle");
    session.close();
  }
}
