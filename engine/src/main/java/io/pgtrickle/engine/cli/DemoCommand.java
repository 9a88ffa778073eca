package io.pgtrickle.engine.cli;

import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.engine.DatabaseUrl;
import io.pgtrickle.engine.embedded.EmbeddedServer;
import io.pgtrickle.engine.http.Readiness;
import java.io.Console;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/// `pgtrickle demo`: stream tables that follow live changes, with nothing to prepare.
///
/// Each run has a new database that goes away at its end, so that it always starts.
final class DemoCommand implements Subcommand {
  private static final Duration READY_WITHIN = Duration.ofSeconds(60);
  private static final Duration TERMINAL_PAUSE = Duration.ofMillis(500);
  private static final Duration PIPE_PAUSE = Duration.ofSeconds(5);
  private static final int NEWEST = 18;

  private final SidecarLauncher launcher;

  DemoCommand(SidecarLauncher launcher) {
    this.launcher = launcher;
  }

  @Override
  public String name() {
    return "demo";
  }

  @Override
  public String description() {
    return "Shows stream tables following a workload on an embedded PostgreSQL 18.";
  }

  @Override
  public List<Parameter<?>> parameters() {
    return List.of(
        Parameter.RATE,
        Parameter.PORT,
        Parameter.HTTP_HOST,
        Parameter.HTTP_PORT,
        Parameter.LOG_FORMAT,
        Parameter.LOG_LEVEL);
  }

  @Override
  public int run(Configuration configuration, PrintWriter out) throws InterruptedException {
    Path log = Directories.cache().resolve("demo.log");
    Logging.configure(
        configuration.value(Parameter.LOG_FORMAT), configuration.value(Parameter.LOG_LEVEL), log);
    out.println("starting PostgreSQL 18 …");
    out.flush();
    try (StopSignal stop = StopSignal.install();
        EmbeddedServer server =
            EmbeddedServer.startTemporary(
                options(configuration), Directories.cache().resolve("demo"))) {
      DatabaseUrl database = server.url();
      Database.install(database, null);
      // Goes away with the server.
      Path state = server.dataDirectory().resolve("pgtrickle-state");
      try (SidecarLauncher.Running sidecar =
          launcher.start(configuration.sidecar(database, state))) {
        if (!ready(sidecar, stop, log, Readiness.Report::following)) {
          return ExitCode.OK;
        }
        List<String> header =
            List.of(
                "pgtrickle demo: %d orders a second on PostgreSQL %d"
                    .formatted(configuration.value(Parameter.RATE), NEWEST),
                "  look inside   psql " + database,
                "  metrics       http://%s:%d/metrics (also /health, /ready)"
                    .formatted(configuration.value(Parameter.HTTP_HOST), sidecar.httpPort()),
                "  log           " + log);
        try (Connection connection =
            DriverManager.getConnection(database.jdbcUrl(), database.properties())) {
          DemoSchema.create(connection);
          if (ready(sidecar, stop, log, DemoCommand::areLive)) {
            int rate = configuration.value(Parameter.RATE);
            show(connection, database, sidecar, rate, header, stop, out);
          }
        }
      }
    } catch (SQLException e) {
      throw new SourceUnavailable("08006", "the demo lost its database: " + e.getMessage(), e);
    }
    out.println("stopped");
    out.flush();
    return ExitCode.OK;
  }

  private static boolean areLive(Readiness.Report report) {
    return report.tables().size() == DemoSchema.STREAM_TABLES.size() && report.ready();
  }

  // False when it was asked to end meanwhile.
  private static boolean ready(
      SidecarLauncher.Running sidecar,
      StopSignal stop,
      Path log,
      Predicate<Readiness.Report> condition)
      throws InterruptedException {
    if (Foreground.await(stop, READY_WITHIN, () -> condition.test(sidecar.readiness()))) {
      return true;
    }
    if (stop.isRequested()) {
      return false;
    }
    throw new SourceUnavailable(
        "55000", "the sidecar is not ready after " + READY_WITHIN + "; see " + log, null);
  }

  private static void show(
      Connection connection,
      DatabaseUrl database,
      SidecarLauncher.Running sidecar,
      int rate,
      List<String> header,
      StopSignal stop,
      PrintWriter out)
      throws SQLException, InterruptedException {
    boolean terminal = Optional.ofNullable(System.console()).map(Console::isTerminal).orElse(false);
    DemoView view = DemoView.open(connection, sidecar.meters(), header, terminal, out);
    try (DemoWriter writer = DemoWriter.start(database, rate)) {
      Duration pause = terminal ? TERMINAL_PAUSE : PIPE_PAUSE;
      do {
        view.draw(writer.transactions());
        Optional<SQLException> failure = writer.failure();
        if (failure.isPresent()) {
          throw failure.get();
        }
      } while (!stop.await(pause));
    }
  }

  private static EmbeddedServer.Options options(Configuration configuration) {
    return new EmbeddedServer.Options(
        NEWEST,
        Optional.empty(),
        configuration.value(Parameter.PORT),
        Directories.cache(),
        Directories.home(),
        Map.of());
  }
}
