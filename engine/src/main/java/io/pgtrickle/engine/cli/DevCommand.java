package io.pgtrickle.engine.cli;

import io.pgtrickle.engine.DatabaseUrl;
import io.pgtrickle.engine.embedded.EmbeddedServer;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// `pgtrickle dev`: a PostgreSQL of one's own with a sidecar, for as long as the terminal is open.
final class DevCommand implements Subcommand {
  private static final Duration READY_WITHIN = Duration.ofMinutes(5);

  private final SidecarLauncher launcher;

  DevCommand(SidecarLauncher launcher) {
    this.launcher = launcher;
  }

  @Override
  public String name() {
    return "dev";
  }

  @Override
  public String description() {
    return "Starts an embedded PostgreSQL and the sidecar; its data is kept between runs.";
  }

  @Override
  public List<Parameter<?>> parameters() {
    return List.of(
        Parameter.PORT,
        Parameter.HTTP_HOST,
        Parameter.HTTP_PORT,
        Parameter.DATA_DIR,
        Parameter.PG_VERSION,
        Parameter.STATE_DIR,
        Parameter.LOG_FORMAT,
        Parameter.LOG_LEVEL);
  }

  @Override
  public int run(Configuration configuration, PrintWriter out) throws InterruptedException {
    try (StopSignal stop = StopSignal.install();
        EmbeddedServer server = EmbeddedServer.start(options(configuration))) {
      DatabaseUrl database = server.url();
      Database.install(database, null);
      try (SidecarLauncher.Running sidecar = launcher.start(configuration.sidecar(database))) {
        if (!sidecar.awaitReady(READY_WITHIN)) {
          out.println("not every stream table is live; see /ready");
        }
        out.println("ready: " + database);
        out.printf(
            "http://%s:%d/health /ready /metrics; data in %s; Ctrl-C stops%n",
            configuration.value(Parameter.HTTP_HOST), sidecar.httpPort(), server.dataDirectory());
        out.flush();
        return Foreground.until(stop, sidecar);
      }
    }
  }

  private static EmbeddedServer.Options options(Configuration configuration) {
    int major = configuration.value(Parameter.PG_VERSION);
    Path data = configuration.value(Parameter.DATA_DIR);
    return new EmbeddedServer.Options(
        major,
        Optional.of(Path.of(data.toString().replace("@", Integer.toString(major)))),
        configuration.value(Parameter.PORT),
        Directories.cache(),
        Directories.home(),
        Map.of());
  }
}
