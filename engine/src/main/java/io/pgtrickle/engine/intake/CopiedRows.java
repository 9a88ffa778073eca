package io.pgtrickle.engine.intake;

import io.pgtrickle.cdc.slot.BulkCopy;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.sql.Connection;
import java.sql.SQLException;

/// Reads the result of a query as a Z-set.
public final class CopiedRows {
  private CopiedRows() {}

  /// Every row of a query with a weight each.
  ///
  /// @param schema of the result, column by column
  /// @param weight +1 for rows that are, −1 for rows to be replaced
  public static ZSet read(Connection session, String query, Schema schema, long weight)
      throws SQLException {
    ZSet.Builder rows = new ZSet.Builder(1024);
    readInto(session, query, schema, weight, rows);
    return rows.build();
  }

  /// Adds every row of a query to a builder.
  public static void readInto(
      Connection session, String query, Schema schema, long weight, ZSet.Builder rows)
      throws SQLException {
    TupleDecoder decoder = TupleDecoder.positional(schema);
    BulkCopy.query(
        session, query, schema.size(), tuple -> rows.add(decoder.row(tuple, null), weight));
  }
}
