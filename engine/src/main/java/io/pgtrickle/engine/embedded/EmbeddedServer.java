package io.pgtrickle.engine.embedded;

import io.pgtrickle.dvm.TrickleException.ConfigurationInvalid;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.engine.DatabaseUrl;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/// A PostgreSQL server of our own: superuser `postgres` without a password, database `postgres`,
/// loopback only, ready for logical decoding, and durable.
///
/// A data directory that was named is kept. Its next server recovers from whatever ended the last
/// one: a lock of ours says whether another process of ours still uses it, and only when none does,
/// a postmaster that outlived its process is stopped.
public final class EmbeddedServer implements AutoCloseable {
  private static final String HOST = "127.0.0.1";
  private static final String SUPERUSER = "postgres";
  private static final Duration STARTUP = Duration.ofSeconds(60);
  private static final Duration SHUTDOWN = Duration.ofSeconds(20);

  /// What a stream table needs of a server, and the durability the library would take away: it puts
  /// `-F` (fsync off) on the command line, which a later `-c` overrides.
  private static final Map<String, String> SETTINGS =
      Map.ofEntries(
          Map.entry("fsync", "on"),
          Map.entry("synchronous_commit", "on"),
          Map.entry("full_page_writes", "on"),
          Map.entry("wal_level", "logical"),
          Map.entry("max_replication_slots", "20"),
          Map.entry("max_wal_senders", "20"),
          Map.entry("max_slot_wal_keep_size", "4GB"),
          Map.entry("listen_addresses", HOST));

  private final EmbeddedPostgres server;
  private final DatabaseUrl url;
  private final Path dataDirectory;
  private final boolean temporary;
  private final FileChannel lock;

  private EmbeddedServer(
      EmbeddedPostgres server, Path dataDirectory, boolean temporary, FileChannel lock) {
    this.server = server;
    this.url = new DatabaseUrl(HOST, server.getPort(), "postgres", SUPERUSER, null, Map.of());
    this.dataDirectory = dataDirectory;
    this.temporary = temporary;
    this.lock = lock;
  }

  /// How a server is started.
  ///
  /// @param major 14 to 18
  /// @param dataDirectory kept; empty: a new one that goes away with the server
  /// @param port 0 for any free one
  /// @param cache where unpacked binaries and fetched jars are kept between runs
  /// @param checkout where jars of other versions can be fetched with Maven
  /// @param settings server parameters beyond ours, or instead of them
  public record Options(
      int major,
      Optional<Path> dataDirectory,
      int port,
      Path cache,
      Optional<Path> checkout,
      Map<String, String> settings) {
    public Options {
      settings = Map.copyOf(settings);
    }

    /// The newest version, on any free port, with data that goes away: what most tests need.
    public static Options throwaway() {
      return new Options(
          ServerBinaries.NEWEST,
          Optional.empty(),
          0,
          Path.of(System.getProperty("java.io.tmpdir"), "embedded-pg"),
          Optional.empty(),
          Map.of());
    }
  }

  /// Starts a server and waits until it takes connections.
  public static EmbeddedServer start(Options options) {
    Path data =
        options.dataDirectory.orElseGet(
            () -> temporaryDirectory(Path.of(System.getProperty("java.io.tmpdir"))));
    return start(options, data.toAbsolutePath(), options.dataDirectory.isEmpty());
  }

  /// The same with data that goes away with the server.
  ///
  /// @param folder for such data only. What processes that were killed have left in it is ended and
  ///     removed first: the server of one of them may have the port
  public static EmbeddedServer startTemporary(Options options, Path folder) {
    Survivors.end(folder);
    return start(options, temporaryDirectory(folder.toAbsolutePath()), true);
  }

  private static EmbeddedServer start(Options options, Path data, boolean temporary) {
    ServerBinaries binaries = new ServerBinaries(options.cache.resolve("jars"), options.checkout);
    FileChannel lock = lock(data);
    try {
      requireVersion(data, options.major);
      // Before the look at the port, which is the survivor's when the same command is given again.
      Postmaster.endSurvivor(data);
      if (options.port != 0) {
        requireFree(options.port);
      }

      EmbeddedPostgres.Builder builder =
          EmbeddedPostgres.builder()
              .setPgBinaryResolver(binaries.resolver(options.major))
              .setOverrideWorkingDirectory(options.cache.toFile())
              .setDataDirectory(data)
              .setCleanDataDirectory(false)
              .setRegisterShutdownHook(false)
              .setPGStartupWait(STARTUP)
              .setLocaleConfig("locale", "C.UTF-8")
              .setPort(options.port)
              .setOutputRedirector(Redirect.appendTo(data.resolveSibling(log(data)).toFile()));
      Map<String, String> settings = new LinkedHashMap<>(SETTINGS);
      settings.putAll(options.settings);
      settings.forEach(builder::setServerConfig);

      EmbeddedServer server = new EmbeddedServer(builder.start(), data, temporary, lock);
      server.requireOurs();
      return server;
    } catch (IOException e) {
      release(lock);
      throw new SourceUnavailable(
          "57P03", "the embedded server did not start; see " + data.resolveSibling(log(data)), e);
    } catch (RuntimeException e) {
      release(lock);
      throw e;
    }
  }

  public DatabaseUrl url() {
    return url;
  }

  public int port() {
    return server.getPort();
  }

  public Path dataDirectory() {
    return dataDirectory;
  }

  /// A new connection as superuser to the database `postgres`.
  public Connection connect() throws SQLException {
    return DriverManager.getConnection(url.jdbcUrl(), url.properties());
  }

  /// Stops the server and, where the data was temporary, removes it.
  @Override
  public void close() {
    Optional<ProcessHandle> postmaster = Postmaster.of(dataDirectory);
    try {
      server.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      postmaster.ifPresent(EmbeddedServer::awaitEnd);
      if (temporary) {
        // As long as nobody else can take it for something left behind.
        Survivors.delete(dataDirectory);
      }
      release(lock);
    }
    if (temporary) {
      Survivors.delete(dataDirectory.resolve("..").normalize());
    }
  }

  /// Another server may have taken the port between our look and our start.
  private void requireOurs() {
    try (Connection connection = connect();
        Statement statement = connection.createStatement();
        ResultSet result = statement.executeQuery("SHOW data_directory")) {
      result.next();
      Path actual = Path.of(result.getString(1));
      if (!Files.isSameFile(actual, dataDirectory)) {
        throw new SourceUnavailable(
            "57P03",
            "port %d is answered by the server of %s, not by ours".formatted(port(), actual),
            null);
      }
    } catch (SQLException | IOException e) {
      throw new SourceUnavailable("57P03", "the embedded server does not answer", e);
    }
  }

  private static void requireFree(int port) {
    try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
      socket.setReuseAddress(true);
    } catch (IOException e) {
      throw new ConfigurationInvalid(
          List.of(
              "port: %d is in use (%s); choose another with --port, 0 for any free one"
                  .formatted(port, e.getMessage())));
    }
  }

  /// A server refuses the data of another major version; say so before it does.
  private static void requireVersion(Path data, int major) {
    Path marker = data.resolve("PG_VERSION");
    if (!Files.exists(marker)) {
      return;
    }
    try {
      String found = Files.readString(marker).strip();
      if (!found.equals(Integer.toString(major))) {
        throw new ConfigurationInvalid(
            List.of(
                "data-dir: %s belongs to PostgreSQL %s, not %d; use --pg-version %s or another --data-dir"
                    .formatted(data, found, major, found)));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Held as long as this process uses the data; the system releases it however the process ends.
  private static FileChannel lock(Path data) {
    try {
      Files.createDirectories(data.getParent());
      return tryLock(data)
          .orElseThrow(
              () ->
                  new ConfigurationInvalid(
                      List.of(
                          "data-dir: %s is used by another pgtrickle that is still running"
                              .formatted(data))));
    } catch (IOException e) {
      throw new ConfigurationInvalid(
          List.of("data-dir: cannot write to %s (%s)".formatted(data.getParent(), e.getMessage())));
    }
  }

  /// Empty while another process uses the data.
  static Optional<FileChannel> tryLock(Path data) throws IOException {
    FileChannel channel =
        FileChannel.open(
            data.resolveSibling(data.getFileName() + ".lock"),
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE);
    @Nullable FileLock lock;
    try {
      lock = channel.tryLock();
    } catch (OverlappingFileLockException e) {
      lock = null;
    }
    if (lock == null) {
      channel.close();
      return Optional.empty();
    }
    return Optional.of(channel);
  }

  private static void release(FileChannel lock) {
    try {
      lock.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void awaitEnd(ProcessHandle postmaster) {
    try {
      postmaster.onExit().get(SHUTDOWN.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      postmaster.destroyForcibly();
    } catch (ExecutionException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static String log(Path data) {
    return data.getFileName() + ".log";
  }

  private static Path temporaryDirectory(Path folder) {
    try {
      Files.createDirectories(folder);
      return Files.createTempDirectory(folder, Survivors.PREFIX).resolve(Survivors.DATA);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
