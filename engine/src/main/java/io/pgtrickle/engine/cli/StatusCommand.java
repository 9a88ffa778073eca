package io.pgtrickle.engine.cli;

import io.pgtrickle.engine.DatabaseUrl;
import io.pgtrickle.engine.catalog.Installer;
import java.io.PrintWriter;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/// `pgtrickle status --url …`: what the database knows of its stream tables, whoever follows it.
final class StatusCommand implements Subcommand {
  private static final String QUERY =
      """
      SELECT name, status, refresh_mode, is_populated, consecutive_errors, schedule,
             coalesce(date_trunc('milliseconds', staleness)::text, '')
      FROM pgtrickle.pgt_status()
      """;

  private static final String SIDECAR =
      "SELECT problem, hint FROM pgtrickle_internal.sidecar_problem()";

  @Override
  public String name() {
    return "status";
  }

  @Override
  public String description() {
    return "Shows the stream tables of a database; exit code 1 when one is not live, or no sidecar"
        + " is.";
  }

  @Override
  public List<Parameter<?>> parameters() {
    return List.of(Parameter.URL, Parameter.PASSWORD, Parameter.PASSWORD_FILE, Parameter.LOG_LEVEL);
  }

  @Override
  public int run(Configuration configuration, PrintWriter out) {
    DatabaseUrl database = configuration.database();
    return Database.with(database, connection -> print(connection, database, out));
  }

  private static int print(Connection connection, DatabaseUrl database, PrintWriter out)
      throws SQLException {
    if (Installer.installedVersion(connection).isEmpty()) {
      out.println("there is no pgtrickle in " + database + "; run pgtrickle install");
      out.flush();
      return ExitCode.NOT_READY;
    }
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("stream table", "status", "mode", "schedule", "errors", "behind"));
    boolean allLive = true;
    try (Statement statement = connection.createStatement();
        ResultSet result = statement.executeQuery(QUERY)) {
      while (result.next()) {
        boolean live = result.getString(2).equals("ACTIVE") && result.getBoolean(4);
        allLive &= live || result.getString(2).equals("SUSPENDED");
        rows.add(
            List.of(
                result.getString(1),
                result.getString(2),
                result.getString(3),
                String.valueOf(result.getString(6)),
                result.getString(5),
                result.getString(7)));
      }
    }
    TextTable.print(rows, out);
    boolean followed = true;
    try (Statement statement = connection.createStatement();
        ResultSet result = statement.executeQuery(SIDECAR)) {
      while (result.next()) {
        followed = false;
        out.println("not followed: " + result.getString(1) + ". " + result.getString(2));
      }
    }
    out.flush();
    return allLive && followed ? ExitCode.OK : ExitCode.NOT_READY;
  }
}
