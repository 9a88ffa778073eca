package io.pgtrickle.engine.ask;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

/// How values of a type travel to the server and back.
///
/// @param name qualified and quoted
/// @param wire the type itself, or what a domain is made of: whoever reads a value of a domain
///     runs the checks of its author
/// @param wireArray the name of the array type over that; empty when there is none, as over arrays
/// @param element the type of its elements where it is an array, 0 otherwise
/// @param row whether it is a row type
/// @param send the function that makes the binary form
record TypeForm(String name, int wire, String wireArray, int element, boolean row, String send) {
  private static final String READ =
      """
      WITH RECURSIVE below AS (
        SELECT t.oid, t.typbasetype, 1 AS depth FROM pg_catalog.pg_type t WHERE t.oid = ?::oid
        UNION ALL
        SELECT t.oid, t.typbasetype, b.depth + 1
        FROM below b JOIN pg_catalog.pg_type t ON t.oid = b.typbasetype)
      SELECT pg_catalog.format('%I.%I', tn.nspname, t.typname), w.oid::bigint,
             CASE WHEN a.oid IS NULL THEN '' ELSE pg_catalog.format('%I.%I', an.nspname, a.typname) END,
             CASE WHEN w.typcategory = 'A' THEN w.typelem::bigint ELSE 0 END, w.typtype = 'c',
             pg_catalog.format('%I.%I', sn.nspname, s.proname)
      FROM pg_catalog.pg_type t
      JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
      JOIN pg_catalog.pg_type w
        ON w.oid = (SELECT b.oid FROM below b ORDER BY b.depth DESC LIMIT 1)
      LEFT JOIN pg_catalog.pg_type a ON a.oid = w.typarray
      LEFT JOIN pg_catalog.pg_namespace an ON an.oid = a.typnamespace
      JOIN pg_catalog.pg_proc s ON s.oid = w.typsend
      JOIN pg_catalog.pg_namespace sn ON sn.oid = s.pronamespace
      WHERE t.oid = ?::oid
      """;

  /// The form of a type.
  ///
  /// @throws SQLException when there is none: the type is gone, or has no binary form
  static TypeForm read(Connection session, int type) throws SQLException {
    try (PreparedStatement query = session.prepareStatement(READ)) {
      query.setLong(1, Integer.toUnsignedLong(type));
      query.setLong(2, Integer.toUnsignedLong(type));
      try (ResultSet row = query.executeQuery()) {
        if (!row.next()) {
          throw new SQLException(
              "type " + Integer.toUnsignedString(type) + " has no binary form", "42704");
        }
        return new TypeForm(
            row.getString(1),
            (int) row.getLong(2),
            row.getString(3),
            (int) row.getLong(4),
            row.getBoolean(5),
            row.getString(6));
      }
    }
  }
}
