package io.pgtrickle.engine.cli;

import io.pgtrickle.engine.DatabaseUrl;
import java.io.PrintWriter;
import java.util.List;

/// `pgtrickle run --url …`
final class RunCommand implements Subcommand {
  private final SidecarLauncher launcher;

  RunCommand(SidecarLauncher launcher) {
    this.launcher = launcher;
  }

  @Override
  public String name() {
    return "run";
  }

  @Override
  public String description() {
    return "Runs the sidecar for a database until it is stopped.";
  }

  @Override
  public List<Parameter<?>> parameters() {
    return List.of(
        Parameter.URL,
        Parameter.PASSWORD,
        Parameter.PASSWORD_FILE,
        Parameter.HTTP_HOST,
        Parameter.HTTP_PORT,
        Parameter.STATE_DIR,
        Parameter.LOG_FORMAT,
        Parameter.LOG_LEVEL);
  }

  @Override
  public int run(Configuration configuration, PrintWriter out) throws InterruptedException {
    DatabaseUrl database = configuration.database();
    try (StopSignal stop = StopSignal.install();
        SidecarLauncher.Running sidecar = launcher.start(configuration.sidecar(database))) {
      out.printf(
          "%s %s; http://%s:%d/health /ready /metrics%n",
          sidecar.readiness().capture().isEmpty() ? "following" : "waiting for",
          database,
          configuration.value(Parameter.HTTP_HOST),
          sidecar.httpPort());
      out.flush();
      return Foreground.until(stop, sidecar);
    }
  }
}
