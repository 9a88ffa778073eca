package io.pgtrickle.engine.cli;

import io.pgtrickle.engine.DatabaseUrl;
import io.pgtrickle.engine.catalog.Installer;
import java.io.PrintWriter;
import java.util.List;

/// `pgtrickle uninstall --url …`
final class UninstallCommand implements Subcommand {
  @Override
  public String name() {
    return "uninstall";
  }

  @Override
  public String description() {
    return "Removes the schema, slots and publications; stream tables stay as ordinary tables.";
  }

  @Override
  public List<Parameter<?>> parameters() {
    return List.of(Parameter.URL, Parameter.PASSWORD, Parameter.PASSWORD_FILE, Parameter.LOG_LEVEL);
  }

  @Override
  public int run(Configuration configuration, PrintWriter out) {
    DatabaseUrl database = configuration.database();
    boolean removed = Database.with(database, Installer::uninstall);
    out.println(
        removed ? "removed pgtrickle from " + database : "there is no pgtrickle in " + database);
    out.flush();
    return ExitCode.OK;
  }
}
