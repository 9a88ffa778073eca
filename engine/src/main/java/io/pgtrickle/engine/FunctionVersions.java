package io.pgtrickle.engine;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.Map;

/// Functions of users that queries call, compared with what they were when the queries were
/// analyzed.
final class FunctionVersions {
  private FunctionVersions() {}

  /// Those of the known functions that are other ones by now, with what they were.
  ///
  /// @param known versions by OID
  static Map<Integer, String> differing(Connection session, Map<Integer, String> known)
      throws SQLException {
    if (known.isEmpty()) {
      return Map.of();
    }
    Map<Integer, String> differing = new HashMap<>(known);
    try (PreparedStatement query =
        session.prepareStatement(
            "SELECT f, pgtrickle_internal.function_version(f::oid) FROM unnest(?) f")) {
      query.setArray(
          1,
          session.createArrayOf(
              "int8", known.keySet().stream().map(Integer::toUnsignedLong).toArray(Long[]::new)));
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          differing.remove((int) row.getLong(1), String.valueOf(row.getString(2)));
        }
      }
    }
    return differing;
  }
}
