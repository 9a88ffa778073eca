package io.pgtrickle.cdc.slot;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashSet;
import java.util.Set;

/// Which transactions a snapshot of the server shows, as `pg_current_snapshot()` tells.
///
/// The log tells of a commit as soon as its record is flushed, and other sessions see it a moment
/// later; as long after as a synchronous standby is waited for. So what is read from tables because
/// of a commit in the log may not show that commit yet.
///
/// @param next the transaction id that comes next: none from there on is visible
/// @param inProgress the ids before it that are not visible yet
public record Visibility(int next, Set<Integer> inProgress) {
  public Visibility {
    inProgress = Set.copyOf(inProgress);
  }

  /// What the session's current snapshot shows; a later one shows at least as much.
  public static Visibility of(Connection session) throws SQLException {
    try (Statement statement = session.createStatement();
        ResultSet row = statement.executeQuery("SELECT pg_current_snapshot()::text")) {
      row.next();
      return parse(row.getString(1));
    }
  }

  /// Reads `xmin:xmax:xip,…`, whose ids have an epoch above their lower 32 bits.
  static Visibility parse(String snapshot) {
    String[] parts = snapshot.split(":", -1);
    Set<Integer> inProgress = new HashSet<>();
    if (!parts[2].isEmpty()) {
      for (String id : parts[2].split(",", -1)) {
        inProgress.add((int) Long.parseLong(id));
      }
    }
    return new Visibility((int) Long.parseLong(parts[1]), inProgress);
  }

  /// Whether a transaction that has committed is visible.
  ///
  /// @param xid of a top-level transaction, at most two thousand million transactions old
  public boolean shows(int xid) {
    return xid - next < 0 && !inProgress.contains(xid);
  }
}
