package io.pgtrickle.engine;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.slot.ServerIdentity;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Optional;

/// The server's timelines: on which of them which positions are part of its history.
///
/// A standby that is promoted begins a timeline of its own, at the end of what it had received.
/// What
/// was read of the former timeline up to there is its history too; what came after is not, however
/// far its own log gets.
final class Branches {
  private final SourceDatabase database;
  private final ServerIdentity server;

  private Branches(SourceDatabase database, ServerIdentity server) {
    this.database = database;
    this.server = server;
  }

  static Branches of(SourceDatabase database, ServerIdentity server) {
    return new Branches(database, server);
  }

  /// Whether the server's history has this position of this timeline.
  boolean contain(int timeline, Lsn position) {
    return end(timeline).filter(end -> !position.isAfter(end)).isPresent();
  }

  /// Up to where a timeline is part of the server's history; empty if it is not.
  Optional<Lsn> end(int timeline) {
    if (timeline == server.timeline()) {
      return Optional.of(server.flushed());
    }
    if (timeline > server.timeline()) {
      return Optional.empty();
    }
    try (Connection replication = database.connectForReplication("pgtrickle history")) {
      return server.endOfTimeline(replication, timeline);
    } catch (SQLException e) {
      throw CaptureException.of(e, "close a connection");
    }
  }
}
