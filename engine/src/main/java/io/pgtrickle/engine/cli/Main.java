package io.pgtrickle.engine.cli;

import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;

/// Where the process begins.
public final class Main {
  private Main() {}

  public static void main(String[] args) {
    System.exit(
        commandLine(
                _ -> {
                  throw new SourceUnavailable("55000", "the engine is not part of this jar", null);
                },
                System.getenv())
            .execute(args));
  }

  static CommandLine commandLine(SidecarLauncher launcher, Map<String, String> environment) {
    return CommandTree.of(
        List.of(
            new DemoCommand(launcher),
            new DevCommand(launcher),
            new RunCommand(launcher),
            new InstallCommand(),
            new UninstallCommand(),
            new StatusCommand(),
            new VersionCommand()),
        environment);
  }
}
