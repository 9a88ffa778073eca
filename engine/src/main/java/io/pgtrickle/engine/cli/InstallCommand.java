package io.pgtrickle.engine.cli;

import io.pgtrickle.engine.DatabaseUrl;
import io.pgtrickle.engine.catalog.Installer;
import java.io.PrintWriter;
import java.util.List;

/// `pgtrickle install --url …`
final class InstallCommand implements Subcommand {
  @Override
  public String name() {
    return "install";
  }

  @Override
  public String description() {
    return "Creates or upgrades the schema pgtrickle in a database; harmless when it is there.";
  }

  @Override
  public List<Parameter<?>> parameters() {
    return List.of(
        Parameter.URL,
        Parameter.PASSWORD,
        Parameter.PASSWORD_FILE,
        Parameter.ROLE,
        Parameter.LOG_LEVEL);
  }

  @Override
  public int run(Configuration configuration, PrintWriter out) {
    DatabaseUrl database = configuration.database();
    String role = configuration.value(Parameter.ROLE);
    Installer.Outcome outcome = Database.install(database, role.isEmpty() ? null : role);
    out.println(
        switch (outcome) {
          case INSTALLED -> "installed version " + Installer.version() + " in " + database;
          case UPGRADED -> "upgraded to version " + Installer.version() + " in " + database;
          case UP_TO_DATE -> "version " + Installer.version() + " is already in " + database;
        });
    Database.with(database, Database::unlimitedRetention)
        .ifPresent(advice -> out.println("WARNING: max_slot_wal_keep_size is -1: " + advice));
    out.flush();
    return ExitCode.OK;
  }
}
