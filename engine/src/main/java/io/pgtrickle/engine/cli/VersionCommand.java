package io.pgtrickle.engine.cli;

import io.pgtrickle.engine.Build;
import java.io.PrintWriter;
import java.util.List;

/// `pgtrickle version`
final class VersionCommand implements Subcommand {
  @Override
  public String name() {
    return "version";
  }

  @Override
  public String description() {
    return "Prints the versions of pgtrickle and of the Java it runs on.";
  }

  @Override
  public List<Parameter<?>> parameters() {
    return List.of();
  }

  @Override
  public int run(Configuration configuration, PrintWriter out) {
    out.printf(
        "pgtrickle %s%nJava %s (%s)%n",
        Build.version(), Runtime.version(), System.getProperty("java.home"));
    out.flush();
    return ExitCode.OK;
  }
}
