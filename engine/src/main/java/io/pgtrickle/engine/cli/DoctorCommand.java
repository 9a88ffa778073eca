package io.pgtrickle.engine.cli;

import io.pgtrickle.engine.DatabaseUrl;
import io.pgtrickle.engine.cli.Checkup.Finding;
import io.pgtrickle.engine.cli.Checkup.Verdict;
import java.io.PrintWriter;
import java.time.Clock;
import java.util.List;
import java.util.Locale;

/// `pgtrickle doctor --url …`: is this database fit to be followed, and what is to be done?
final class DoctorCommand implements Subcommand {
  @Override
  public String name() {
    return "doctor";
  }

  @Override
  public String description() {
    return "Checks server, role and capture, and says what to do; exit code 1 when something"
        + " fails.";
  }

  @Override
  public List<Parameter<?>> parameters() {
    return List.of(Parameter.URL, Parameter.PASSWORD, Parameter.PASSWORD_FILE, Parameter.LOG_LEVEL);
  }

  @Override
  public int run(Configuration configuration, PrintWriter out) {
    DatabaseUrl database = configuration.database();
    List<Finding> findings =
        Database.with(database, connection -> Checkup.of(connection, database, Clock.systemUTC()));
    for (Finding finding : findings) {
      out.println(
          String.format(
              Locale.ROOT, "%-4s  %s: %s", finding.verdict(), finding.what(), finding.seen()));
      if (!finding.advice().isEmpty()) {
        out.println("      → " + finding.advice());
      }
    }
    boolean fails = findings.stream().anyMatch(finding -> finding.verdict() == Verdict.FAIL);
    out.println(fails ? "Something has to be done." : "Fit to be followed.");
    out.flush();
    return fails ? ExitCode.NOT_READY : ExitCode.OK;
  }
}
