package io.pgtrickle.engine.cli;

import io.pgtrickle.engine.DatabaseUrl;
import io.pgtrickle.engine.embedded.EmbeddedServer;
import io.pgtrickle.engine.http.Readiness;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// `pgtrickle dev`: a PostgreSQL of one's own with a sidecar, for as long as the terminal is open.
final class DevCommand implements Subcommand {
  private static final Duration QUIET = Duration.ofSeconds(10);
  private static final Duration PATIENCE = Duration.ofMinutes(5);

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
        if (follows(sidecar, stop, out)) {
          out.println("ready: " + database);
          notLive(sidecar.readiness(), out);
        }
        out.printf(
            "http://%s:%d/health /ready /metrics; data in %s; Ctrl-C stops%n",
            configuration.value(Parameter.HTTP_HOST), sidecar.httpPort(), server.dataDirectory());
        out.flush();
        return Foreground.until(stop, sidecar);
      }
    }
  }

  // Not until every stream table is live: one in error may never be.
  private static boolean follows(SidecarLauncher.Running sidecar, StopSignal stop, PrintWriter out)
      throws InterruptedException {
    if (Foreground.await(stop, QUIET, () -> sidecar.readiness().following())) {
      return true;
    }
    if (stop.isRequested()) {
      return false;
    }
    out.println("not ready yet: " + sidecar.readiness().capture().orElse("starting"));
    out.flush();
    return Foreground.await(stop, PATIENCE, () -> sidecar.readiness().following());
  }

  private static void notLive(Readiness.Report report, PrintWriter out) {
    for (Readiness.Table table : report.tables()) {
      if (table.state() != Readiness.State.LIVE) {
        String state = table.state().name().toLowerCase(Locale.ROOT);
        out.println(
            "not live: "
                + table.name()
                + " ("
                + (table.problem() == null ? state : state + ": " + table.problem())
                + ")");
      }
    }
  }

  private static EmbeddedServer.Options options(Configuration configuration) {
    int major = configuration.value(Parameter.PG_VERSION);
    Path data = configuration.value(Parameter.DATA_DIR);
    return new EmbeddedServer.Options(
        major,
        Optional.of(ofVersion(data, major)),
        configuration.value(Parameter.PORT),
        Directories.cache(),
        Directories.home(),
        Map.of());
  }

  // In the last name only: the folders above may have an @ of their own.
  static Path ofVersion(Path data, int major) {
    Path name = data.getFileName();
    return name == null
        ? data
        : data.resolveSibling(name.toString().replace("@", Integer.toString(major)));
  }
}
