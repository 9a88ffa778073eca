package io.pgtrickle.engine.refresh;

import io.pgtrickle.cdc.slot.Visibility;
import io.pgtrickle.dvm.zset.ZSet;
import io.pgtrickle.engine.apply.OwnerCalls;
import io.pgtrickle.engine.apply.StreamTable;
import io.pgtrickle.engine.catalog.CapturedSettings;
import io.pgtrickle.engine.intake.CopiedRows;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;

/// FULL refresh: evaluates a defining query as its owner and compares the result with the table,
/// exactly, row
/// image by row image, both at one snapshot.
final class QueryEvaluation {
  private final StreamTable table;
  private final String query;
  private final Map<String, String> settings;

  /// @param query the canonical text of the defining query
  /// @param settings the session settings captured at creation
  QueryEvaluation(StreamTable table, String query, Map<String, String> settings) {
    this.table = table;
    // As the server prints it, with a semicolon that nothing may follow.
    this.query = query.strip().replaceFirst(";$", "");
    this.settings = Map.copyOf(settings);
  }

  /// What an evaluation yields.
  ///
  /// @param difference what the query's rows have more than the table's
  /// @param seen the transactions that both show
  record Result(ZSet difference, Visibility seen) {}

  /// Compares what the query yields now with what the table holds.
  ///
  /// @param session autocommit off, without an open transaction; left without one
  Result evaluate(Connection session) throws SQLException {
    try (Statement statement = session.createStatement()) {
      statement.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
      OwnerCalls.require(session, table);
      statement.execute("SET TRANSACTION READ ONLY");
      Visibility seen = Visibility.of(session);
      ZSet.Builder rows = new ZSet.Builder(1024);
      // The table has to be seen whole; its owner's query has the policies of what it reads.
      statement.execute("SET LOCAL row_security = off");
      CopiedRows.readInto(
          session, table.contents(table.schema().columns()), table.schema(), -1, rows);
      statement.execute("SET LOCAL row_security = on");
      OwnerCalls.require(session, table);
      CapturedSettings.set(session, settings);
      CopiedRows.readInto(
          session, table.asOwner(query, table.typeNames()), table.schema(), 1, rows);
      return new Result(rows.build(), seen);
    } finally {
      if (!session.isClosed()) {
        session.rollback();
      }
    }
  }
}
