package io.pgtrickle.engine.apply;

import io.pgtrickle.engine.catalog.Pipeline;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.function.LongConsumer;

/// Statements that run as a table's owner, through the functions that he made for it.
///
/// In front of each goes, in the same round trip, what makes sure that the functions are as they
/// were made; behind it what takes back what the owner's code may have done to the search path,
/// under which everything after it is read.
public final class OwnerCalls {
  private static final String OWN_PATH = "SET search_path = pg_catalog, pg_temp";

  private OwnerCalls() {}

  /// Fails where the owner's functions are not as they were made; for calls that no pipeline can
  /// make.
  public static void require(Connection session, StreamTable table) throws SQLException {
    Pipeline pipeline = new Pipeline();
    require(table, pipeline);
    pipeline.run(session);
  }

  /// Adds a statement that returns no rows; how many it affected is told when it has run.
  static void exec(
      StreamTable table,
      String sql,
      List<String> arguments,
      Pipeline pipeline,
      LongConsumer affected) {
    require(table, pipeline);
    pipeline.query(
        "SELECT "
            + table.execFunction().orElseThrow()
            + "(?::pg_catalog.text, ?::pg_catalog.text[])",
        List.of(sql, array(arguments)),
        count -> {
          count.next();
          affected.accept(count.getLong(1));
        });
    pipeline.update(OWN_PATH, List.of(), _ -> {});
  }

  /// Adds a query.
  ///
  /// @param columns names and types of what it returns
  static void query(
      StreamTable table,
      String sql,
      List<String> arguments,
      String columns,
      Pipeline pipeline,
      Pipeline.Reader reader) {
    require(table, pipeline);
    pipeline.query(
        "SELECT * FROM "
            + table.queryFunction().orElseThrow()
            + "(?::pg_catalog.text, ?::pg_catalog.text[]) AS q("
            + columns
            + ")",
        List.of(sql, array(arguments)),
        reader);
    pipeline.update(OWN_PATH, List.of(), _ -> {});
  }

  private static void require(StreamTable table, Pipeline pipeline) {
    if (table.delegated()) {
      pipeline.query(
          "SELECT pgtrickle_internal.require_delegates(?::pg_catalog.int8)",
          List.of(String.valueOf(table.id())),
          _ -> {});
    }
  }

  private static String array(List<String> arguments) {
    ArrayText array = new ArrayText();
    arguments.forEach(array::add);
    return array.toString();
  }
}
