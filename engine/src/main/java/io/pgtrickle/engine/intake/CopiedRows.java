package io.pgtrickle.engine.intake;

import io.pgtrickle.cdc.slot.BulkCopy;
import io.pgtrickle.dvm.zset.KeptColumns;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.function.Consumer;

/// Reads the result of a query as a Z-set.
public final class CopiedRows {
  private CopiedRows() {}

  /// Reads the rows of a query, with weight 1 each, a chunk at a time.
  ///
  /// @param schema of the result, column by column
  /// @param chunk an empty one
  public static void read(
      Connection session, String query, Schema schema, RowChunk chunk, Consumer<ZSet> chunks)
      throws SQLException {
    TupleDecoder decoder = TupleDecoder.positional(schema);
    BulkCopy.query(
        session,
        query,
        schema.size(),
        tuple -> {
          if (chunk.add(decoder.row(tuple, null), 1)) {
            chunks.accept(chunk.take());
          }
        });
    chunks.accept(chunk.take());
  }

  /// Rows of a table as the log would tell them, with weight 1 each.
  ///
  /// @param names what the query returns
  /// @param columns those that are kept; all others are NULL
  public static ZSet read(Connection session, String query, List<String> names, KeptColumns columns)
      throws SQLException {
    TupleDecoder decoder = TupleDecoder.of(columns, names);
    ZSet.Builder rows = new ZSet.Builder();
    BulkCopy.query(session, query, names.size(), tuple -> rows.add(decoder.row(tuple, null), 1));
    return rows.build();
  }

  /// Adds every row of a query to a builder.
  ///
  /// @param weight +1 for rows that are, −1 for rows to be replaced
  public static void readInto(
      Connection session, String query, Schema schema, long weight, ZSet.Builder rows)
      throws SQLException {
    TupleDecoder decoder = TupleDecoder.positional(schema);
    BulkCopy.query(
        session, query, schema.size(), tuple -> rows.add(decoder.row(tuple, null), weight));
  }
}
