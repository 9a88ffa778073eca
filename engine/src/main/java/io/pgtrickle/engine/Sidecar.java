package io.pgtrickle.engine;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.stream.Backoff;
import io.pgtrickle.dvm.Nesting;
import io.pgtrickle.dvm.TrickleException;
import io.pgtrickle.dvm.TrickleException.ConfigurationInvalid;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.engine.analyze.ServerCatalog;
import io.pgtrickle.engine.catalog.CaptureEvents.Kind;
import io.pgtrickle.engine.catalog.CaptureEvents.Severity;
import io.pgtrickle.engine.catalog.Lease;
import io.pgtrickle.engine.http.Readiness;
import io.pgtrickle.engine.http.StatusServer;
import io.pgtrickle.engine.metrics.Meters;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The process: follows one database and keeps its stream tables fresh, until it is closed.
///
/// Read from here. [#start] checks the database, serves `/health` at once and begins to
/// *supervise*: one
/// [Tenure] after the other, each from taking the lease to losing a connection, with a growing
/// pause
/// between failures. Everything that runs within a tenure is wired in [Tenure#open].
public final class Sidecar implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Sidecar.class);
  private static final Duration STANDBY_PAUSE = Duration.ofMillis(500);
  private static final Duration LEASE_PATIENCE = Duration.ofSeconds(15);
  private static final Duration LOCK_PATIENCE = Duration.ofSeconds(10);
  private static final Duration STALE = Duration.ofSeconds(30);
  private static final Duration HEALTHY = Duration.ofSeconds(60);
  private static final Duration END_PATIENCE = Duration.ofSeconds(20);

  private final SidecarConfig config;
  private final SourceDatabase database;
  private final HikariDataSource pool;
  private final ServerCatalog catalog;
  private final Clock clock;
  private final Meters meters = new Meters();
  private final MeteredRefreshes observer = new MeteredRefreshes(meters);
  private final CaptureLog captureLog = new CaptureLog(meters);
  private final Lessons lessons = new Lessons();
  private final StatusServer http;
  private final Thread supervisor;
  private final CountDownLatch ended = new CountDownLatch(1);
  private @Nullable UUID formerHolder;
  private volatile boolean closing;
  private volatile @Nullable Tenure tenure;
  // Why there is no tenure, or none that has looked at everything yet.
  private volatile @Nullable String obstacle;
  // Whether the database has been found fit to be followed.
  private boolean checked;
  private volatile @Nullable ConfigurationInvalid failure;

  private Sidecar(SidecarConfig config, SourceDatabase database, Clock clock) {
    this.config = config;
    this.database = database;
    this.clock = clock;
    this.http =
        StatusServer.start(config.httpHost(), config.httpPort(), this::report, this::scrape);
    this.pool = pool(config.database().onOwnPath());
    this.catalog = new ServerCatalog(pool);
    this.supervisor = Nesting.thread().name("refresh").unstarted(this::supervise);
  }

  /// Starts following a database.
  ///
  /// @throws ConfigurationInvalid when it cannot be followed as it is set up: `wal_level`, the SQL
  ///     objects, the role, the password. What may pass by itself, such as a server that is not up
  ///     yet, is waited for instead
  public static Sidecar start(SidecarConfig config) {
    SourceDatabase database = database(config.database().onOwnPath());
    Sidecar sidecar = bound(config, database);
    try {
      DatabaseCheck.require(database);
      sidecar.checked = true;
    } catch (SourceUnavailable e) {
      LOG.warn("the database cannot be followed yet: {}", e.getMessage());
      sidecar.obstacle = e.getMessage();
    } catch (RuntimeException e) {
      sidecar.letGo();
      throw e;
    }
    sidecar.supervisor.start();
    return sidecar;
  }

  // Who cannot have the port is told what is wrong with the database too.
  private static Sidecar bound(SidecarConfig config, SourceDatabase database) {
    try {
      return new Sidecar(config, database, new SteadyClock(Clock.systemUTC(), System::nanoTime));
    } catch (ConfigurationInvalid port) {
      List<String> problems = new ArrayList<>(port.problems());
      try {
        problems.addAll(DatabaseCheck.problems(database));
      } catch (SourceUnavailable e) {
        LOG.debug("the database cannot be looked at: {}", e.getMessage());
      }
      throw new ConfigurationInvalid(problems);
    }
  }

  private static SourceDatabase database(DatabaseUrl url) {
    Map<String, String> properties = new TreeMap<>();
    url.properties().forEach((key, value) -> properties.put(key.toString(), value.toString()));
    return SourceDatabase.of(url.jdbcUrl(), properties);
  }

  // For short look-ups in the server's catalog only; sessions with a state of their own are not
  // pooled.
  private static HikariDataSource pool(DatabaseUrl url) {
    HikariConfig hikari = new HikariConfig();
    hikari.setJdbcUrl(url.jdbcUrl());
    hikari.setDataSourceProperties(url.properties());
    hikari.addDataSourceProperty("ApplicationName", "pgtrickle catalog");
    hikari.setPoolName("catalog");
    hikari.setMaximumPoolSize(2);
    hikari.setMinimumIdle(0);
    hikari.setConnectionTimeout(10_000);
    hikari.setInitializationFailTimeout(-1);
    return new HikariDataSource(hikari);
  }

  /// The port of the HTTP endpoints.
  public int httpPort() {
    return http.port();
  }

  public Meters meters() {
    return meters;
  }

  /// Waits until every stream table that is not suspended is live.
  ///
  /// @return false when that takes longer
  public boolean awaitReady(Duration timeout) throws InterruptedException {
    long deadline = System.nanoTime() + timeout.toNanos();
    while (!report().ready()) {
      if (System.nanoTime() > deadline || ended.await(10, TimeUnit.MILLISECONDS)) {
        return report().ready();
      }
    }
    return true;
  }

  /// How every stream table is just now.
  public Readiness.Report readiness() {
    return report();
  }

  /// Why it ended by itself, if somebody has to do something about that.
  public Optional<TrickleException> failure() {
    return Optional.ofNullable(failure);
  }

  /// Waits until this process stops following the database.
  public void await() throws InterruptedException {
    ended.await();
  }

  // ---- supervision
  // --------------------------------------------------------------------------------

  private void supervise() {
    Backoff backoff = new Backoff();
    try {
      while (!closing) {
        Instant begin = clock.instant();
        try {
          if (!checked) {
            DatabaseCheck.require(database);
            checked = true;
          }
          // What returns has ended on purpose, to begin anew.
          serve();
          obstacle = null;
        } catch (InterruptedException e) {
          return;
        } catch (ConfigurationInvalid e) {
          LOG.error("the database cannot be followed as it is set up: {}", e.getMessage());
          obstacle = e.getMessage();
          failure = e;
          return;
        } catch (Exception | StackOverflowError e) {
          // The one place where any failure ends a tenure, and not the process.
          if (closing) {
            return;
          }
          if (Duration.between(begin, clock.instant()).compareTo(HEALTHY) > 0) {
            backoff.reset();
            obstacle = null;
          }
          Duration pause = backoff.next();
          startOver(e, pause);
          TimeUnit.NANOSECONDS.sleep(pause.toNanos());
        }
      }
    } catch (InterruptedException e) {
      LOG.debug("supervision is interrupted");
    } finally {
      ended.countDown();
    }
  }

  private void serve() throws SQLException, InterruptedException {
    try (Connection session = database.connect("pgtrickle lease")) {
      // Every statement of this session is short. One that is not answered means that the server,
      // or
      // the way to it, is gone without a word, and the lease with it.
      session.setNetworkTimeout(Runnable::run, Math.toIntExact(LEASE_PATIENCE.toMillis()));
      try (Statement statement = session.createStatement()) {
        // Earlier: whoever waits for a lock is not gone.
        statement.execute("SET lock_timeout = " + LOCK_PATIENCE.toMillis());
      }
      Lease lease = lease(session);
      try (Heartbeat heartbeat = Heartbeat.start(database, lease, session);
          Tenure current =
              Tenure.open(
                  database,
                  lease,
                  heartbeat,
                  session,
                  catalog,
                  observer,
                  captureLog,
                  lessons,
                  config.stateDirectory(),
                  clock)) {
        tenure = current;
        if (!closing) {
          current.run();
        }
      } catch (CaptureException.SlotLost e) {
        lessons.learn(e);
        throw e;
      } finally {
        tenure = null;
        release(lease);
      }
    }
  }

  private Lease lease(Connection session) throws SQLException, InterruptedException {
    Lease.Holder holder =
        new Lease.Holder(
            UUID.randomUUID(),
            hostName(),
            ProcessHandle.current().pid(),
            "http://" + config.httpHost() + ":" + http.port(),
            Build.version());
    boolean told = false;
    while (!closing) {
      Optional<Lease> lease = Lease.acquire(session, holder);
      if (lease.isPresent()) {
        formerHolder = holder.owner();
        return lease.get();
      }
      Lease.endDeadHolder(session, formerHolder, STALE);
      if (!told) {
        LOG.info("another sidecar is active on this database; standing by");
        told = true;
      }
      TimeUnit.NANOSECONDS.sleep(Backoff.jittered(STANDBY_PAUSE).toNanos());
    }
    throw new InterruptedException("closed while standing by");
  }

  private static void release(Lease lease) {
    try {
      lease.release();
    } catch (SQLException e) {
      LOG.debug("the lease went with its session: {}", e.getMessage());
    }
  }

  private static String hostName() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "localhost";
    }
  }

  private void startOver(Throwable failure, Duration pause) {
    String why = String.valueOf(failure.getMessage());
    if (!why.equals(obstacle)) {
      captureLog.note(
          Kind.STARTED_OVER,
          Severity.WARNING,
          sqlState(failure),
          "the sidecar starts over: " + why);
    }
    obstacle = why;
    log(failure, pause);
  }

  private static String sqlState(Throwable failure) {
    return switch (failure) {
      case CaptureException e -> e.sqlState();
      case TrickleException e -> e.sqlState();
      case SQLException e -> String.valueOf(e.getSQLState());
      default -> "XX000";
    };
  }

  private static void log(Throwable failure, Duration pause) {
    if (failure instanceof CaptureException
        || failure instanceof TrickleException
        || failure instanceof SQLException) {
      LOG.warn("starting over in {} ms: {}", pause.toMillis(), failure.getMessage());
    } else {
      LOG.error("starting over in {} ms after a failure of our own", pause.toMillis(), failure);
    }
  }

  // ---- what others see
  // ----------------------------------------------------------------------------

  private Readiness.Report report() {
    Tenure current = tenure;
    String known = obstacle;
    if (current == null) {
      return new Readiness.Report(false, Optional.ofNullable(known), List.of());
    }
    Readiness.Report report = current.report();
    // What ended the former tenure may be about to end this one.
    return report.started() || report.capture().isPresent() || known == null
        ? report
        : new Readiness.Report(false, Optional.of(known), report.tables());
  }

  private String scrape() {
    Tenure current = tenure;
    if (current != null) {
      observer.follow(current.report());
      meters.slotLagBytes(current.slotLagBytes());
      meters.stateBytes(current.stateBytes());
      meters.heldTables(current.heldTables());
    }
    meters.streamConnected(current != null && current.isReading());
    return meters.scrape();
  }

  /// Finishes the epoch under way, gives the lease back and lets go of everything.
  @Override
  public void close() {
    closing = true;
    Tenure current = tenure;
    if (current != null) {
      current.stop();
    }
    try {
      if (!supervisor.join(END_PATIENCE)) {
        LOG.warn("the refresh thread does not end; interrupting it");
        supervisor.interrupt();
        supervisor.join(END_PATIENCE);
      }
    } catch (InterruptedException e) {
      supervisor.interrupt();
      Thread.currentThread().interrupt();
    }
    letGo();
  }

  private void letGo() {
    http.close();
    pool.close();
    meters.close();
  }
}
