package io.pgtrickle.engine.catalog;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.Collections;
import java.util.Map;

/// The settings under which a query was written, for the rest of a transaction.
///
/// The search path is one of them, and names functions and types of the query's owner: from then on
/// a statement of ours must not contain a name without a schema, until [#ownPath].
public final class CapturedSettings {
  private CapturedSettings() {}

  /// Sets all of them in one statement, of which no part is read under another part.
  public static void set(Connection session, Map<String, String> settings) throws SQLException {
    if (settings.isEmpty()) {
      return;
    }
    String sql =
        "SELECT "
            + String.join(
                ", ",
                Collections.nCopies(
                    settings.size(),
                    "pg_catalog.set_config(?::pg_catalog.text, ?::pg_catalog.text, true)"));
    try (PreparedStatement set = session.prepareStatement(sql)) {
      int next = 1;
      for (Map.Entry<String, String> setting : settings.entrySet()) {
        set.setString(next++, setting.getKey());
        set.setString(next++, setting.getValue());
      }
      set.execute();
    }
  }

  /// Has names without a schema mean what they mean in every session of ours.
  public static void ownPath(Connection session) throws SQLException {
    try (PreparedStatement set =
        session.prepareStatement("SET LOCAL search_path = pg_catalog, pg_temp")) {
      set.execute();
    }
  }
}
