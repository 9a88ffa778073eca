package io.pgtrickle.engine.catalog;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

/// Whether the connected role can be the sidecar of this database. It need not be a superuser: it
/// owns the installation, may replicate, and is a member of the owners of the tables it captures,
/// which `create_stream_table` checks table by table.
public final class SidecarRole {
  private SidecarRole() {}

  /// What the role lacks, each with its remedy; empty when nothing.
  public static List<String> problems(Connection connection) throws SQLException {
    List<String> problems = new ArrayList<>();
    try (PreparedStatement query =
            connection.prepareStatement(
                "SELECT current_user, quote_ident(current_user), current_database(),"
                    + " quote_ident(current_database()), pgtrickle_internal.sidecar_role(),"
                    + " EXISTS (SELECT FROM pg_publication WHERE pubname = 'pgtrickle')"
                    + " OR has_database_privilege(current_database(), 'CREATE'),"
                    + " has_database_privilege(current_database(), 'TEMPORARY')");
        ResultSet row = query.executeQuery()) {
      row.next();
      String role = row.getString(1);
      String database = row.getString(3);
      String grant = " ON DATABASE " + row.getString(4) + " TO " + row.getString(2);
      String owner = row.getString(5);
      if (!role.equals(owner)) {
        // Delegates and row policies are made for the owner of the installation, a superuser too
        // would find them made for somebody else.
        problems.add(
            "the pgtrickle of database \"%s\" belongs to role \"%s\" and this is \"%s\": connect as it"
                .formatted(database, owner, role));
      }
      if (!row.getBoolean(6)) {
        problems.add(
            "role \"%s\" may not create the publication: GRANT CREATE%s".formatted(role, grant));
      }
      if (!row.getBoolean(7)) {
        problems.add(
            "role \"%s\" may not create temporary views, with which queries are analyzed: GRANT TEMPORARY%s"
                .formatted(role, grant));
      }
    }
    return problems;
  }
}
