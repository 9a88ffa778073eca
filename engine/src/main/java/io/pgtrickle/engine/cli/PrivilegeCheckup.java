package io.pgtrickle.engine.cli;

import io.pgtrickle.engine.cli.Checkup.Finding;
import io.pgtrickle.engine.cli.Checkup.Verdict;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

/// What the sidecar's role and the owners of stream tables may not do and have to, each with the
/// GRANT.
///
/// The connected role counts as the sidecar's. What is read through views is not looked at: whether
/// it may be is a matter of who owns the view, or of whoever asks it, view by view.
final class PrivilegeCheckup {
  private static final String READERS =
      """
      WITH sources AS (
        SELECT DISTINCT d.owner, k.oid AS relid, k.relnamespace, s.source_type = 'TABLE' AS logged,
               k.oid IN (SELECT t FROM pgtrickle_internal.tree_oids(d.analysis ->> 'tree', 'relid') t)
                 AS direct
        FROM pgtrickle.pgt_definitions d
        JOIN pgtrickle.pgt_dependencies s ON s.pgt_id = d.pgt_id
        JOIN pg_class k ON k.oid = s.source_relid AND k.oid >= 16384),
      owners AS (
        SELECT DISTINCT r.oid, r.rolname
        FROM pgtrickle.pgt_definitions d JOIN pg_roles r ON r.rolname = d.owner
        UNION SELECT r.oid, r.rolname FROM pg_roles r WHERE r.rolname = current_user)
      """;

  private static final String SCHEMAS =
      READERS
          + """
          , used AS (
            SELECT current_user AS role, s.relnamespace AS schema FROM sources s WHERE s.logged
            UNION
            SELECT current_user, c.relnamespace
            FROM pgtrickle.pgt_definitions d JOIN pg_class c ON c.oid = d.relid
            UNION
            SELECT r.rolname, s.relnamespace
            FROM sources s JOIN pg_roles r ON r.rolname = s.owner WHERE s.direct)
          SELECT 'schema ' || quote_ident(n.nspname), 'role ' || u.role || ' may not use it',
                 format('GRANT USAGE ON SCHEMA %I TO %I', n.nspname, u.role), true
          FROM used u JOIN pg_namespace n ON n.oid = u.schema
          WHERE NOT has_schema_privilege(u.role, n.oid, 'USAGE')
          ORDER BY 1, 2
          """;

  private static final String COLUMNS =
      READERS
          + """
          , read AS (
            SELECT current_user AS role, s.relid FROM sources s WHERE s.logged
            UNION
            SELECT r.rolname, s.relid
            FROM sources s JOIN pg_roles r ON r.rolname = s.owner WHERE s.direct),
          hidden AS (
            SELECT r.role, r.relid, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns
            FROM read r JOIN pg_attribute a ON a.attrelid = r.relid AND a.attnum > 0
              AND NOT a.attisdropped
            WHERE NOT has_column_privilege(r.role, r.relid, a.attnum, 'SELECT')
            GROUP BY r.role, r.relid)
          SELECT 'columns of ' || h.relid::regclass, 'role ' || h.role || ' may not read ' || h.columns
                   || CASE WHEN has_any_column_privilege(h.role, h.relid, 'SELECT')
                           THEN ', which matters where a query reads them' ELSE '' END,
                 format('GRANT SELECT ON %s TO %I', h.relid::regclass, h.role),
                 NOT has_any_column_privilege(h.role, h.relid, 'SELECT')
          FROM hidden h
          ORDER BY 1, 2
          """;

  // Since 17 it has an argument more; whoever asks the sidecar for something calls it himself.
  private static final String MESSAGES =
      READERS
          + """
          SELECT 'messages in the log', 'role ' || o.rolname || ' may not call ' || p.oid::regprocedure,
                 format('GRANT EXECUTE ON FUNCTION %s TO %I', p.oid::regprocedure, o.rolname), true
          FROM owners o CROSS JOIN pg_proc p
          WHERE p.proname = 'pg_logical_emit_message' AND p.pronamespace = 'pg_catalog'::regnamespace
            AND p.proargtypes[2] = 'text'::regtype
            AND NOT has_function_privilege(o.rolname, p.oid, 'EXECUTE')
          ORDER BY 1, 2
          """;

  private static final String VIEWS =
      READERS
          + """
          SELECT 'temporary views', 'role ' || o.rolname || ' may not create them',
                 format('GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), o.rolname), true
          FROM owners o
          WHERE NOT has_database_privilege(o.rolname, current_database(), 'TEMPORARY')
          ORDER BY 1, 2
          """;

  private PrivilegeCheckup() {}

  /// What is missing, or that nothing is.
  static List<Finding> of(Connection connection) throws SQLException {
    List<Finding> findings = new ArrayList<>();
    for (String sql : List.of(SCHEMAS, COLUMNS, MESSAGES, VIEWS)) {
      try (PreparedStatement query = connection.prepareStatement(sql);
          ResultSet row = query.executeQuery()) {
        while (row.next()) {
          findings.add(
              new Finding(
                  row.getBoolean(4) ? Verdict.FAIL : Verdict.WARN,
                  row.getString(1),
                  row.getString(2),
                  row.getString(3)));
        }
      }
    }
    if (findings.isEmpty()) {
      findings.add(
          new Finding(
              Verdict.OK,
              "privileges",
              "on schemas, columns, messages and temporary views: sufficient, as far as queries do"
                  + " not read through views",
              ""));
    }
    return findings;
  }
}
