package io.pgtrickle.engine.backfill;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.Set;

/// Tables that somebody has locked so that not even their description can be read.
///
/// @param relations among those that were asked for
record LockedTables(Set<Integer> relations) {
  LockedTables {
    relations = Set.copyOf(relations);
  }

  /// @param session autocommit off, without an open transaction; left without one
  static LockedTables among(Connection session, Set<Integer> relations) throws SQLException {
    Set<Integer> locked = new HashSet<>();
    // Locks of prepared transactions have no pid. One that is waited for is in the way, too.
    try (PreparedStatement query =
        session.prepareStatement(
            "SELECT l.relation::int8 FROM pg_catalog.pg_locks l WHERE l.locktype = 'relation' AND"
                + " l.mode = 'AccessExclusiveLock' AND l.relation = ANY (?::oid[])"
                + " AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid() AND l.database = (SELECT"
                + " d.oid FROM pg_catalog.pg_database d WHERE d.datname ="
                + " pg_catalog.current_database())")) {
      query.setArray(
          1,
          session.createArrayOf(
              "int8", relations.stream().map(Integer::toUnsignedLong).toArray(Long[]::new)));
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          locked.add((int) row.getLong(1));
        }
      }
    } finally {
      session.rollback();
    }
    return new LockedTables(locked);
  }

  boolean anyOf(Collection<Integer> others) {
    return !Collections.disjoint(relations, others);
  }
}
