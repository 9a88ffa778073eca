package io.pgtrickle.cdc.slot;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Lsn;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Optional;

/// Which cluster a connection leads to, on which branch of its history, and how far its log goes.
///
/// A position means something only together with these. The server itself does not object to a
/// position that it has not reached: it waits in silence until its log has passed it, and
/// everything
/// before is lost to the reader. That is what happens after a fail-over to a standby that lagged,
/// or
/// a restore to an earlier time.
///
/// @param systemId made at `initdb`; kept by standbys, restored copies and upgrades in place of
/// files
/// @param timeline grows by each promotion and each restore to a point in time
/// @param flushed the end of the log that is on disk
public record ServerIdentity(String systemId, int timeline, Lsn flushed) {

  /// Asks the server.
  ///
  /// @param replication a replication connection that is not streaming
  public static ServerIdentity of(Connection replication) {
    try (Statement statement = replication.createStatement();
        ResultSet row = statement.executeQuery("IDENTIFY_SYSTEM")) {
      row.next();
      return new ServerIdentity(
          row.getString("systemid"), row.getInt("timeline"), Lsn.parse(row.getString("xlogpos")));
    } catch (SQLException e) {
      throw CaptureException.of(e, "identify the server");
    }
  }

  /// Whether the log of this server continues the one that `stored` was read from.
  ///
  /// @param replication a replication connection that is not streaming
  public StartCheck check(Connection replication, StoredPosition stored) {
    if (!stored.systemId().equals(systemId)) {
      return new StartCheck.OtherCluster(stored.systemId(), systemId);
    }
    if (stored.timeline() > timeline) {
      return new StartCheck.Forked(stored, timeline, Optional.empty());
    }
    if (stored.timeline() < timeline) {
      Optional<Lsn> fork = endOfTimeline(replication, stored.timeline());
      if (fork.isEmpty() || stored.lsn().isAfter(fork.get())) {
        return new StartCheck.Forked(stored, timeline, fork);
      }
    }
    if (stored.lsn().isAfter(flushed)) {
      return new StartCheck.Ahead(stored, flushed);
    }
    return new StartCheck.Continues(this);
  }

  /// Where the server's history left a former timeline; empty if it never was on it.
  ///
  /// @param replication a replication connection that is not streaming
  public Optional<Lsn> endOfTimeline(Connection replication, int former) {
    try (Statement statement = replication.createStatement();
        ResultSet row = statement.executeQuery("TIMELINE_HISTORY " + timeline)) {
      row.next();
      // Declared bytea but sent as the file's bytes up to 14: read as bytes, which suits both.
      return endOfTimeline(new String(row.getBytes("content"), StandardCharsets.UTF_8), former);
    } catch (SQLException e) {
      throw CaptureException.of(e, "read the history of timeline " + timeline);
    }
  }

  /// A history file has a line per former timeline: its number, its end, and a reason, separated by
  /// tabs; comments start with `#`.
  static Optional<Lsn> endOfTimeline(String history, int former) {
    for (String line : history.lines().toList()) {
      String[] fields = line.strip().split("\\s+", 3);
      if (fields.length >= 2 && fields[0].equals(Integer.toString(former))) {
        return Optional.of(Lsn.parse(fields[1]));
      }
    }
    return Optional.empty();
  }

  /// Where the consumer stopped, as it stored it with its results.
  public record StoredPosition(String systemId, int timeline, Lsn lsn) {}
}
