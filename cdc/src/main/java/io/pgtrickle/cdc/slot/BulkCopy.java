package io.pgtrickle.cdc.slot;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.TableName;
import io.pgtrickle.cdc.Tuple;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.stream.Collectors;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyOut;

/// Reads whole tables as of an [ExportedSnapshot], in binary, row by row, in memory for one row.
///
/// Each instance is one connection with the snapshot imported; several of them, on one snapshot,
/// read
/// in parallel and still see one state. All are opened before the snapshot is closed.
///
/// Used by one thread.
public final class BulkCopy implements AutoCloseable {
  private final Connection connection;

  private BulkCopy(Connection connection) {
    this.connection = connection;
  }

  /// Connects and imports the snapshot.
  ///
  /// Reading the log checks no privilege on tables and knows no row security; this does both. With
  /// `row_security` off, a policy that applies to us makes the copy fail instead of leaving out
  /// rows
  /// that the stream will later update.
  public static BulkCopy open(SourceDatabase database, ExportedSnapshot snapshot) {
    Connection connection = database.connect("pgtrickle copy");
    try (Statement statement = connection.createStatement()) {
      connection.setAutoCommit(false);
      statement.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
      statement.execute("SET TRANSACTION SNAPSHOT '" + snapshot.name() + "'");
      statement.execute("SET LOCAL row_security = off");
      // A snapshot keeps dead rows for as long as it is held.
      statement.execute("SET LOCAL lock_timeout = '10s'");
      return new BulkCopy(connection);
    } catch (SQLException e) {
      closeAfter(connection, e);
      throw CaptureException.of(e, "import the snapshot " + snapshot.name());
    }
  }

  /// Streams the rows of a table.
  ///
  /// The rows are those the stream reports under the table's name: of a partitioned table those of
  /// all partitions, of any other table its own and not those of tables that inherit from it, which
  /// the stream reports under theirs.
  ///
  /// @param columns in the order of the tuples' cells
  /// @param sink called for every row on this thread; may throw, which ends this connection
  /// @return the number of rows
  public long copy(TableName table, List<String> columns, RowSink sink) {
    String doing = "copy table " + table;
    try {
      CopyOut copy =
          connection.unwrap(PGConnection.class).getCopyAPI().copyOut(select(table, columns));
      return stream(copy, columns.size(), sink);
    } catch (SQLException e) {
      closeAfter(connection, e);
      throw CaptureException.of(e, doing);
    } catch (RuntimeException e) {
      // The rest of the copy is still on its way: the connection is of no use any more.
      abort(connection, e);
      throw e;
    }
  }

  /// Streams the rows of a query in a session of the caller's, as the same tuples that a copied
  /// table and the
  /// stream yield.
  ///
  /// @param query a SELECT or VALUES statement without parameters
  /// @param width the number of its columns
  /// @param sink called for every row on this thread; if it throws, the session is closed
  /// @return the number of rows
  public static long query(Connection session, String query, int width, RowSink sink)
      throws SQLException {
    CopyOut copy =
        session
            .unwrap(PGConnection.class)
            .getCopyAPI()
            .copyOut("COPY (" + query + ") TO STDOUT (FORMAT BINARY)");
    try {
      return stream(copy, width, sink);
    } catch (RuntimeException e) {
      // Whoever used the session next would wait for the rest of the copy without end.
      abort(session, e);
      throw e;
    }
  }

  private String select(TableName table, List<String> columns) throws SQLException {
    String list = columns.stream().map(TableName::quoted).collect(Collectors.joining(", "));
    return "COPY (SELECT "
        + list
        + " FROM "
        + (isPartitioned(table) ? "" : "ONLY ")
        + table.sql()
        + ") TO STDOUT (FORMAT BINARY)";
  }

  private boolean isPartitioned(TableName table) throws SQLException {
    try (PreparedStatement query =
        connection.prepareStatement("SELECT relkind = 'p' FROM pg_class WHERE oid = ?::regclass")) {
      query.setString(1, table.sql());
      try (ResultSet row = query.executeQuery()) {
        row.next();
        return row.getBoolean(1);
      }
    }
  }

  private static long stream(CopyOut copy, int width, RowSink sink) throws SQLException {
    BinaryRows rows = new BinaryRows(width);
    for (byte[] chunk = copy.readFromCopy(); chunk != null; chunk = copy.readFromCopy()) {
      rows.accept(chunk, sink);
    }
    return rows.finish();
  }

  private static void closeAfter(Connection connection, Exception cause) {
    try {
      connection.close();
    } catch (SQLException e) {
      cause.addSuppressed(e);
    }
  }

  private static void abort(Connection connection, Exception cause) {
    try {
      connection.abort(Runnable::run);
    } catch (SQLException e) {
      cause.addSuppressed(e);
    }
  }

  @Override
  public void close() {
    try {
      connection.close();
    } catch (SQLException e) {
      throw CaptureException.of(e, "close a connection");
    }
  }

  /// Takes the rows of a copy.
  @FunctionalInterface
  public interface RowSink {
    /// Takes the next row.
    ///
    /// @param row may be kept
    void accept(Tuple row);
  }
}
