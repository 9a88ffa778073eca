package io.pgtrickle.engine.apply;

import io.pgtrickle.engine.catalog.Pipeline;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.function.LongConsumer;

/// Statements that run as a table's owner: through the functions that he made for it, or directly
/// where he is the sidecar's own role.
///
/// In front of each goes, in the same round trip, what makes sure that the functions are as they
/// were made, or that the table is still the sidecar's; behind a call what takes back what the
/// owner's code may have done to settings that decide
/// what the statements after it mean, write and leave behind.
public final class OwnerCalls {
  // The first decides what names mean, the next six which value a text is; then come whether a NULL
  // in an array is one, durability, whether policies hide rows, and what would end or spoil the
  // transactions of everybody. Qualified, since it is itself read under the path that was left.
  private static final String OWN_SETTINGS =
      """
      SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false),
        pg_catalog.set_config('datestyle', 'ISO, YMD', false),
        pg_catalog.set_config('intervalstyle', 'postgres', false),
        pg_catalog.set_config('timezone', 'UTC', false),
        pg_catalog.set_config('xmloption', 'content', false),
        pg_catalog.set_config('extra_float_digits', '3', false),
        pg_catalog.set_config('bytea_output', 'hex', false),
        pg_catalog.set_config('array_nulls', 'on', false),
        pg_catalog.set_config('synchronous_commit', 'on', false),
        pg_catalog.set_config('row_security', 'off', false),
        pg_catalog.set_config('statement_timeout', '0', false),
        pg_catalog.set_config('default_transaction_read_only', 'off', false),
        pg_catalog.set_config('default_transaction_isolation', 'read committed', false)\
      """;

  private OwnerCalls() {}

  /// Fails where statements about a table cannot run as its owner, and with nobody else's code: his
  /// functions are not as they were made, or, where there are none because the sidecar's role owns
  /// the table, it is another's by now. For statements that no pipeline can have.
  public static void require(Connection session, StreamTable table) throws SQLException {
    Pipeline pipeline = new Pipeline();
    require(table, pipeline);
    pipeline.run(session);
  }

  /// Takes back settings that code of owners has left in the session: a trigger that is deferred
  /// runs at the commit, after all statements.
  public static void ownSettings(Connection session) throws SQLException {
    Pipeline pipeline = new Pipeline();
    ownSettings(pipeline);
    pipeline.run(session);
  }

  /// Adds what takes back settings, as [#ownSettings(Connection)] does.
  static void ownSettings(Pipeline pipeline) {
    pipeline.query(OWN_SETTINGS, List.of(), _ -> {});
  }

  /// Adds a statement that returns no rows; how many it affected is told when it has run.
  static void exec(
      StreamTable table,
      String sql,
      List<String> arguments,
      Pipeline pipeline,
      LongConsumer affected) {
    require(table, pipeline);
    if (!table.delegated()) {
      pipeline.update(sql, arguments, affected);
      return;
    }
    pipeline.query(
        "SELECT "
            + table.execFunction().orElseThrow()
            + "(?::pg_catalog.text, ?::pg_catalog.text[])",
        List.of(sql, array(arguments)),
        count -> {
          count.next();
          affected.accept(count.getLong(1));
        });
    ownSettings(pipeline);
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
    if (!table.delegated()) {
      pipeline.query(sql, arguments, reader);
      return;
    }
    pipeline.query(
        "SELECT * FROM "
            + table.queryFunction().orElseThrow()
            + "(?::pg_catalog.text, ?::pg_catalog.text[]) AS q("
            + columns
            + ")",
        List.of(sql, array(arguments)),
        reader);
    ownSettings(pipeline);
  }

  private static void require(StreamTable table, Pipeline pipeline) {
    if (table.delegated()) {
      pipeline.query(
          "SELECT pgtrickle_internal.require_delegates(?::pg_catalog.int8)",
          List.of(String.valueOf(table.id())),
          _ -> {});
    } else {
      pipeline.query(
          "SELECT pgtrickle_internal.require_own_storage(?::pg_catalog.text)",
          List.of(table.qualifiedName()),
          _ -> {});
    }
  }

  private static String array(List<String> arguments) {
    ArrayText array = new ArrayText();
    arguments.forEach(array::add);
    return array.toString();
  }
}
