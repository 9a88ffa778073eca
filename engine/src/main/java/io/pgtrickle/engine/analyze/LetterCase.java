package io.pgtrickle.engine.analyze;

import io.pgtrickle.dvm.expr.CaseMapping;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Optional;

/// Asks the server for the upper and lower case of every character under one collation.
///
/// One statement and about a tenth of a second of the server's time, so answers are kept. Only
/// blocks
/// of characters that have any case travel; planes beyond the first two are ideographs, tags and
/// private use, which have none.
final class LetterCase {
  private static final String UNDEFINED_OBJECT = "42704";

  private LetterCase() {}

  /// The table; empty when the collation does not map character to character, or is not there for
  /// this session (it may have been made in a transaction that has not committed).
  ///
  /// @param collation its qualified, quoted name, in a database encoded in UTF8
  static Optional<CaseMapping> read(Connection server, String collation) throws SQLException {
    CaseMapping.Builder table = new CaseMapping.Builder();
    String blocks =
        """
        SELECT c.s, c.l, c.u
        FROM (SELECT b.s, lower(b.s COLLATE %1$s) AS l, upper(b.s COLLATE %1$s) AS u
              FROM (SELECT string_agg(chr(g), '' ORDER BY g) AS s FROM generate_series(1, 131071) g
                    WHERE g NOT BETWEEN 55296 AND 57343 GROUP BY g / 512) b) c
        WHERE c.l COLLATE "C" <> c.s OR c.u COLLATE "C" <> c.s
        """
            .formatted(collation);
    try (PreparedStatement query = server.prepareStatement(blocks);
        ResultSet block = query.executeQuery()) {
      while (block.next()) {
        int[] from = block.getString(1).codePoints().toArray();
        int[] lower = block.getString(2).codePoints().toArray();
        int[] upper = block.getString(3).codePoints().toArray();
        if (lower.length != from.length || upper.length != from.length) {
          return Optional.empty();
        }
        for (int i = 0; i < from.length; i++) {
          if (lower[i] != from[i]) {
            table.lower(from[i], lower[i]);
          }
          if (upper[i] != from[i]) {
            table.upper(from[i], upper[i]);
          }
        }
      }
      return Optional.of(table.build());
    } catch (SQLException e) {
      if (UNDEFINED_OBJECT.equals(e.getSQLState())) {
        return Optional.empty();
      }
      throw e;
    }
  }
}
