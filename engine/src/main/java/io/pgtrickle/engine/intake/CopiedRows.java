package io.pgtrickle.engine.intake;

import io.pgtrickle.cdc.slot.BulkCopy;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;

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

  /// Rows of a table as the log would tell them, with weight 1 each.
  ///
  /// @param columns what the query returns, by name; columns of the schema that are not among them
  ///     are NULL
  public static ZSet read(Connection session, String query, Schema schema, List<String> columns)
      throws SQLException {
    TupleDecoder decoder = TupleDecoder.of(schema, columns);
    ZSet.Builder rows = new ZSet.Builder();
    BulkCopy.query(session, query, columns.size(), tuple -> rows.add(decoder.row(tuple, null), 1));
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
