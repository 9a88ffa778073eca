package io.pgtrickle.engine.apply;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Looks a storage table up in the server's catalog.
public final class StorageCatalog {
  // A type is hashable if all that it is made of is, by the equality by which it is sorted. What is
  // not takes part in a hash by its text, or by what is sent for it, if an index may rely on that:
  // what record_out and cash_out write depends on settings.
  private static final String COLUMNS =
      """
      WITH RECURSIVE part (number, type, hashable) AS (
        SELECT a.attnum, a.atttypid, false
        FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE n.nspname = ? AND c.relname = ?
        UNION
        SELECT p.number, inner_type.oid, inner_type.oid = t.oid
        FROM part p
        JOIN pg_type t ON t.oid = p.type
        CROSS JOIN LATERAL (
          SELECT t.oid WHERE t.typtype = 'e' OR EXISTS (
            SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
            WHERE m.amname = 'hash' AND o.opcdefault
              AND (o.opcintype = t.oid
                   OR EXISTS (SELECT FROM pg_cast k WHERE k.castsource = t.oid
                              AND k.casttarget = o.opcintype AND k.castmethod = 'b'
                              AND k.castcontext = 'i')))
          UNION ALL
          SELECT t.typbasetype WHERE t.typtype = 'd'
          UNION ALL
          SELECT t.typelem WHERE t.typtype = 'b' AND t.typelem <> 0 AND t.typlen = -1
          UNION ALL
          SELECT r.rngsubtype FROM pg_range r WHERE r.rngtypid = t.oid
          UNION ALL
          SELECT r.rngsubtype FROM pg_range r WHERE r.rngmultitypid = t.oid
          UNION ALL
          SELECT f.atttypid FROM pg_attribute f
          WHERE t.typtype = 'c' AND f.attrelid = t.typrelid AND f.attnum > 0
            AND NOT f.attisdropped
        ) inner_type (oid)
        WHERE NOT p.hashable
      ), unhashable AS (
        SELECT p.number FROM part p
        WHERE NOT p.hashable
          AND NOT EXISTS (SELECT FROM part h
                          WHERE h.number = p.number AND h.type = p.type AND h.hashable)
          AND (SELECT t.typtype NOT IN ('d', 'c', 'r', 'm')
                      AND NOT (t.typtype = 'b' AND t.typelem <> 0 AND t.typlen = -1)
               FROM pg_type t WHERE t.oid = p.type)
        UNION
        SELECT p.number FROM part p
        JOIN pg_opclass b ON b.opcintype = p.type AND b.opcdefault
        JOIN pg_am bm ON bm.oid = b.opcmethod AND bm.amname = 'btree'
        JOIN pg_amop e ON e.amopfamily = b.opcfamily AND e.amopstrategy = 3
          AND e.amoplefttype = p.type AND e.amoprighttype = p.type
        WHERE NOT EXISTS (
          SELECT FROM pg_amop h JOIN pg_am hm ON hm.oid = h.amopmethod
          WHERE hm.amname = 'hash' AND h.amopopr = e.amopopr)
      )
      SELECT c.oid, a.attname, a.atttypid, a.atttypmod, a.attcollation,
             k.collname, kn.nspname AS collschema,
             format_type(a.atttypid, a.atttypmod) AS type_name,
             CASE WHEN t.typtype = 'd' THEN format('%I.%I', bn.nspname, b.typname)
                  ELSE format_type(a.atttypid, a.atttypmod) END AS staged_type,
             pgtrickle_internal.runs_user_code(b.oid) AS runs_code,
             c.relowner <> (SELECT r.oid FROM pg_roles r WHERE r.rolname = current_user) AS foreign_owner,
             CASE
               WHEN a.attnum NOT IN (SELECT number FROM unhashable) THEN '%s'
               WHEN o.provolatile = 'i' AND NOT EXISTS (
                 SELECT FROM pg_cast x
                 WHERE x.castsource = t.oid AND x.casttarget = 25 AND x.castmethod = 'f')
               THEN '(%s)::text'
               WHEN s.provolatile = 'i'
               THEN replace(format('%I.%I', sn.nspname, s.proname), '%', '%%') || '(%s)'
             END AS hashed
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      JOIN pg_type t ON t.oid = a.atttypid
      JOIN pg_type b ON b.oid = pgtrickle_internal.base_type(t.oid)
      JOIN pg_namespace bn ON bn.oid = b.typnamespace
      LEFT JOIN pg_proc o ON o.oid = t.typoutput
      LEFT JOIN pg_proc s ON s.oid = t.typsend
      LEFT JOIN pg_namespace sn ON sn.oid = s.pronamespace
      LEFT JOIN pg_collation k ON k.oid = a.attcollation AND k.oid <> t.typcollation
      LEFT JOIN pg_namespace kn ON kn.oid = k.collnamespace
      WHERE n.nspname = ? AND c.relname = ? AND c.relkind = 'r'
      ORDER BY a.attnum
      """;

  private StorageCatalog() {}

  /// Whether a storage table still has its name, and no other table has, and it is the sidecar's or
  /// not as it was.
  public static boolean isInPlace(Connection connection, StreamTable table) throws SQLException {
    return displaced(connection, List.of(table)).isEmpty();
  }

  /// Those of some storage tables whose names mean another table by now, or none, or one that has
  /// been handed over from the sidecar's role or to it, so that other rights are needed to write
  /// it.
  public static List<StreamTable> displaced(Connection connection, List<StreamTable> tables)
      throws SQLException {
    String[] schemas = tables.stream().map(StreamTable::schemaName).toArray(String[]::new);
    String[] names = tables.stream().map(StreamTable::name).toArray(String[]::new);
    List<StreamTable> displaced = new ArrayList<>();
    try (PreparedStatement query =
        connection.prepareStatement(
            "SELECT w.n, c.oid, pg_get_userbyid(c.relowner) <> current_user"
                // to_regclass() would fail for all of them where one schema cannot be used.
                + " FROM unnest(?::text[], ?::text[]) WITH ORDINALITY w (schema_name, name, n)"
                + " LEFT JOIN (pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace)"
                + " ON s.nspname = w.schema_name AND c.relname = w.name")) {
      query.setArray(1, connection.createArrayOf("text", schemas));
      query.setArray(2, connection.createArrayOf("text", names));
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          StreamTable table = tables.get(row.getInt(1) - 1);
          if ((int) row.getLong(2) != table.relation() || row.getBoolean(3) != table.delegated()) {
            displaced.add(table);
          }
        }
      }
    }
    return displaced;
  }

  /// Reads the storage table of a definition.
  ///
  /// @param key positions of the columns that identify a row, as the analysis found them; see
  ///     [Identity]
  /// @throws QueryRejected 42P01 when it does not exist, 0A000 when the sidecar cannot receive its
  ///     values without running code of another owner
  public static StreamTable load(
      Connection connection,
      long id,
      String schemaName,
      String name,
      Optional<List<Integer>> key,
      boolean joining)
      throws SQLException {
    List<Column> columns = new ArrayList<>();
    List<String> typeNames = new ArrayList<>();
    List<String> stagedTypes = new ArrayList<>();
    List<String> collations = new ArrayList<>();
    List<Optional<String>> hashed = new ArrayList<>();
    int relation = 0;
    boolean foreignOwner = false;
    try (PreparedStatement query = connection.prepareStatement(COLUMNS)) {
      query.setString(1, schemaName);
      query.setString(2, name);
      query.setString(3, schemaName);
      query.setString(4, name);
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          relation = (int) row.getLong("oid");
          foreignOwner = row.getBoolean("foreign_owner");
          hashed.add(Optional.ofNullable(row.getString("hashed")));
          columns.add(
              new Column(
                  row.getString("attname"),
                  SqlType.of(
                      (int) row.getLong("atttypid"),
                      row.getInt("atttypmod"),
                      (int) row.getLong("attcollation"))));
          typeNames.add(row.getString("type_name"));
          stagedTypes.add(row.getString("staged_type"));
          if (foreignOwner && row.getBoolean("runs_code")) {
            throw runsUserCode(schemaName, name, row.getString("attname"), typeNames.getLast());
          }
          String collation = row.getString("collname");
          collations.add(
              collation == null
                  ? ""
                  : " COLLATE "
                      + Identifiers.quote(row.getString("collschema"))
                      + "."
                      + Identifiers.quote(collation));
        }
      }
    }
    if (columns.isEmpty()) {
      throw new QueryRejected(
          QueryRejected.Kind.INVALID,
          "42P01",
          "storage_table_missing",
          name,
          "the storage table "
              + Identifiers.quote(schemaName)
              + "."
              + Identifiers.quote(name)
              + " does not exist; drop the stream table and create it again");
    }
    Schema schema = new Schema(columns);
    return new StreamTable(
        id,
        relation,
        schemaName,
        name,
        schema,
        typeNames,
        stagedTypes,
        collations,
        Identity.of(schema, key, hashed, serverVersion(connection)),
        hashed,
        foreignOwner,
        joining);
  }

  private static QueryRejected runsUserCode(
      String schemaName, String name, String column, String type) {
    String table = Identifiers.quoteIfNeeded(schemaName) + "." + Identifiers.quoteIfNeeded(name);
    return new QueryRejected(
        QueryRejected.Kind.NOT_YET,
        "0A000",
        "unsupported_type",
        type,
        "column \"%s\" of %s is of type %s, which contains a domain, or a range type with functions of its own: they would run with the rights of the sidecar; have the query return %s::text, or what the domain is made of"
            .formatted(column, table, type, Identifiers.quoteIfNeeded(column)));
  }

  // As in `server_version_num`, without the patch release.
  private static int serverVersion(Connection connection) throws SQLException {
    return connection.getMetaData().getDatabaseMajorVersion() * 10_000;
  }
}
