package io.pgtrickle.engine.cli;

import io.pgtrickle.dvm.TrickleException;
import io.pgtrickle.engine.Sidecar;
import io.pgtrickle.engine.http.Readiness;
import io.pgtrickle.engine.metrics.Meters;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine;

/// Where the process begins.
public final class Main {
  private Main() {}

  public static void main(String[] args) {
    System.exit(
        commandLine(config -> new Started(Sidecar.start(config)), System.getenv()).execute(args));
  }

  /// A sidecar in this process.
  private record Started(Sidecar sidecar) implements SidecarLauncher.Running {
    @Override
    public int httpPort() {
      return sidecar.httpPort();
    }

    @Override
    public Meters meters() {
      return sidecar.meters();
    }

    @Override
    public Readiness.Report readiness() {
      return sidecar.readiness();
    }

    @Override
    public void await() throws InterruptedException {
      sidecar.await();
    }

    @Override
    public Optional<TrickleException> failure() {
      return sidecar.failure();
    }

    @Override
    public void close() {
      sidecar.close();
    }
  }

  static CommandLine commandLine(SidecarLauncher launcher, Map<String, String> environment) {
    return CommandTree.of(
        List.of(
            new DemoCommand(launcher),
            new DevCommand(launcher),
            new RunCommand(launcher),
            new InstallCommand(),
            new UninstallCommand(),
            new DoctorCommand(),
            new StatusCommand(),
            new VersionCommand()),
        environment);
  }
}
