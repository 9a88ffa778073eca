package io.pgtrickle.bench;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.postgresql.PGConnection;
import org.postgresql.replication.PGReplicationStream;

/// The driver's replication stream, with the options that the sidecar asks for; it looks at the
/// first
/// byte of each message and throws it away. Nobody who uses this driver can be faster.
final class BareConsumer implements Consumer {
  @Override
  public String name() {
    return "bare consumer";
  }

  @Override
  public Reading read(Rig rig, String slot, long rows) throws SQLException, IOException {
    try (Connection connection = connect(rig)) {
      Stopwatch watch = Stopwatch.start();
      PGReplicationStream stream = start(connection, slot);
      long seen = 0;
      boolean committed = false;
      while (seen < rows || !committed) {
        switch (next(stream)) {
          case 'I' -> {
            seen++;
            committed = false;
          }
          case 'C', 'c' -> committed = true;
          default -> {}
        }
      }
      return watch.stop(rig, slot);
    }
  }

  /// Notes when each commit came, one per transaction.
  static void stamp(Rig rig, String slot, long[] received, CountDownLatch streaming)
      throws SQLException {
    try (Connection connection = connect(rig)) {
      PGReplicationStream stream = start(connection, slot);
      streaming.countDown();
      for (int commits = 0; commits < received.length; ) {
        if (next(stream) == 'C') {
          received[commits++] = System.nanoTime();
        }
      }
    }
  }

  private static Connection connect(Rig rig) throws SQLException {
    Connection connection = rig.source().connectForReplication("bare consumer");
    try (Statement statement = connection.createStatement()) {
      statement.execute("SET logical_decoding_work_mem = '1MB'");
    }
    return connection;
  }

  private static PGReplicationStream start(Connection connection, String slot) throws SQLException {
    return connection
        .unwrap(PGConnection.class)
        .getReplicationAPI()
        .replicationStream()
        .logical()
        .withSlotName(slot)
        .withSlotOption("proto_version", 2)
        .withSlotOption("publication_names", Backlog.PUBLICATION)
        .withSlotOption("binary", "true")
        .withSlotOption("messages", "true")
        .withSlotOption("streaming", "on")
        .withStatusInterval(1, TimeUnit.SECONDS)
        .withAutomaticFlush(false)
        .start();
  }

  // The driver waits for up to a millisecond.
  private static char next(PGReplicationStream stream) throws SQLException {
    ByteBuffer message = stream.readPending();
    while (message == null) {
      message = stream.readPending();
    }
    return (char) message.get(message.position());
  }
}
