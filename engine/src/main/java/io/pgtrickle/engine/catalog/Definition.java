package io.pgtrickle.engine.catalog;

import io.pgtrickle.cdc.Oid;
import io.pgtrickle.cdc.TableName;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What a user asked for: one row of `pgtrickle.pgt_definitions`.
///
/// A definition takes effect at its place in the WAL, where the table is published; reading it with
/// a query is for the start, at the snapshot from which the stream goes on.
///
/// The document was collected in the user's session, and the user may write the row. So it tells
/// what the query *means*; it proves nothing about what its owner may read.
///
/// @param pgtId identifies the stream table for ever, across renames
/// @param table the storage table
/// @param relation the storage table's OID when the row was written: a cache
/// @param owner the storage table's owner, as whom the query is evaluated
/// @param query the text as the user wrote it
/// @param document the query document, JSON
/// @param schedule as `engine.schedule` reads it
/// @param paused whether the user has suspended it
/// @param initialize whether it is filled without being asked to
/// @param generation raised whenever the contents must be built anew
/// @param appendOnly the user's promise that sources only grow
public record Definition(
    long pgtId,
    TableName table,
    Oid relation,
    String owner,
    String query,
    String document,
    String schedule,
    RefreshMode mode,
    boolean paused,
    boolean initialize,
    int generation,
    boolean appendOnly) {

  private static final List<String> COLUMNS =
      List.of(
          "pgt_id",
          "schema_name",
          "table_name",
          "relid",
          "owner",
          "query",
          "analysis",
          "schedule",
          "refresh_mode",
          "status",
          "initialize",
          "generation",
          "append_only");

  /// The published table whose changes are definitions.
  public static final TableName TABLE = new TableName("pgtrickle", "pgt_definitions");

  /// Has the definitions of a restored dump name their storage tables as they are here.
  public static void stampRestored(Connection connection) throws SQLException {
    try (PreparedStatement stamp =
        connection.prepareStatement("SELECT pgtrickle_internal.stamp_restored()")) {
      stamp.execute();
    }
  }

  /// Every definition visible to the connection, in order of creation.
  public static List<Definition> readAll(Connection connection) throws SQLException {
    try (PreparedStatement query = connection.prepareStatement(select("ORDER BY pgt_id"))) {
      return all(query);
    }
  }

  private static List<Definition> all(PreparedStatement query) throws SQLException {
    try (ResultSet row = query.executeQuery()) {
      List<Definition> definitions = new ArrayList<>();
      while (row.next()) {
        definitions.add(of(row));
      }
      return definitions;
    }
  }

  /// Per definition visible to the connection what tells its versions apart, in order of creation.
  public static Map<Long, String> versions(Connection connection) throws SQLException {
    try (PreparedStatement query =
            connection.prepareStatement(
                "SELECT pgt_id, xmin || ' ' || ctid FROM pgtrickle.pgt_definitions ORDER BY"
                    + " pgt_id");
        ResultSet row = query.executeQuery()) {
      Map<Long, String> versions = new LinkedHashMap<>();
      while (row.next()) {
        versions.put(row.getLong(1), row.getString(2));
      }
      return versions;
    }
  }

  /// The definitions of some ids, as far as they are there.
  public static List<Definition> readAll(Connection connection, Collection<Long> ids)
      throws SQLException {
    try (PreparedStatement query =
        connection.prepareStatement(select("WHERE pgt_id = ANY (?) ORDER BY pgt_id"))) {
      query.setArray(1, connection.createArrayOf("bigint", ids.toArray()));
      return all(query);
    }
  }

  /// One definition, or empty if there is none of this id.
  public static Optional<Definition> read(Connection connection, long pgtId) throws SQLException {
    try (PreparedStatement query = connection.prepareStatement(select("WHERE pgt_id = ?"))) {
      query.setLong(1, pgtId);
      try (ResultSet row = query.executeQuery()) {
        return row.next() ? Optional.of(of(row)) : Optional.empty();
      }
    }
  }

  private static String select(String rest) {
    return "SELECT " + String.join(", ", COLUMNS) + " FROM pgtrickle.pgt_definitions " + rest;
  }

  private static Definition of(ResultSet row) throws SQLException {
    Map<String, @Nullable String> columns = new HashMap<>();
    for (String column : COLUMNS) {
      columns.put(column, row.getString(column));
    }
    return of(columns);
  }

  /// Reads a row given by the text of its columns, as the stream delivers it; columns of other
  /// versions of the schema are ignored.
  public static Definition of(Map<String, @Nullable String> columns) {
    return new Definition(
        Long.parseLong(required(columns, "pgt_id")),
        new TableName(required(columns, "schema_name"), required(columns, "table_name")),
        Oid.of(Long.parseLong(required(columns, "relid"))),
        required(columns, "owner"),
        required(columns, "query"),
        required(columns, "analysis"),
        required(columns, "schedule"),
        RefreshMode.valueOf(required(columns, "refresh_mode")),
        required(columns, "status").equals("PAUSED"),
        truth(required(columns, "initialize")),
        Integer.parseInt(required(columns, "generation")),
        truth(required(columns, "append_only")));
  }

  private static boolean truth(String text) {
    return switch (text) {
      case "t", "true" -> true;
      case "f", "false" -> false;
      default -> throw new IllegalArgumentException("not a boolean: '" + text + "'");
    };
  }

  private static String required(Map<String, @Nullable String> columns, String column) {
    String value = columns.get(column);
    if (value == null) {
      throw new IllegalArgumentException(
          "pgt_definitions." + column + " is missing among " + columns.keySet());
    }
    return value;
  }

  /// `schema.table`, quoted only where SQL needs it, as the SQL functions show and take it.
  public String displayName() {
    return quoteIfNeeded(table.schema()) + "." + quoteIfNeeded(table.name());
  }

  private static String quoteIfNeeded(String identifier) {
    return identifier.matches("[a-z_][a-z0-9_]*") ? identifier : TableName.quoted(identifier);
  }

  /// Whether another row asks for contents that have to be built anew.
  public boolean rebuilds(Definition earlier) {
    return generation != earlier.generation || mode != earlier.mode || !table.equals(earlier.table);
  }
}
