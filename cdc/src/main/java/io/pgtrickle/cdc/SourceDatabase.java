package io.pgtrickle.cdc;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;

/// The database whose changes are captured: where it is, and how to connect for which purpose.
///
/// Connections must go to the server directly. A pooler does not speak the replication protocol,
/// and
/// one that multiplexes sessions breaks exported snapshots.
///
/// May be used from any thread.
public final class SourceDatabase {
  /*
   * The text format of dates, intervals and floats follows session settings, which a database or a
   * role may set. Most values travel in binary, but types without a binary format do not, and a cell
   * must read the same whether it came by the stream or by COPY. The driver sends DateStyle, TimeZone
   * and extra_float_digits of its own at start-up, and those win over the `options` property, so the
   * session is set after connecting. A statement_timeout or transaction_timeout of the role would kill
   * long copies, and an idle_session_timeout the sessions that wait for something to do; the setting
   * of transactions exists since 17.
   * Keep-alives have the server notice when we are gone without a word: what a session of ours holds,
   * the lease above all, is free again within half a minute.
   */
  private static final String SESSION =
      "SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; SET timezone = 'UTC';"
          + " SET extra_float_digits = 3; SET bytea_output = 'hex'; SET statement_timeout = 0;"
          + " SET idle_in_transaction_session_timeout = 0; SET tcp_keepalives_idle = 15;"
          + " SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;"
          + " SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings"
          + " WHERE name IN ('transaction_timeout', 'idle_session_timeout')";

  private final String url;
  private final Map<String, String> properties;

  private SourceDatabase(String url, Map<String, String> properties) {
    this.url = url;
    this.properties = Map.copyOf(properties);
  }

  /// Connects nowhere yet.
  ///
  /// @param url a JDBC URL, `jdbc:postgresql://…`
  /// @param properties the driver's connection properties, such as `user` and `password`
  public static SourceDatabase of(String url, Map<String, String> properties) {
    return new SourceDatabase(url, properties);
  }

  /// The same database with one more connection property.
  public SourceDatabase with(String property, String value) {
    Map<String, String> more = new TreeMap<>(properties);
    more.put(property, value);
    return new SourceDatabase(url, more);
  }

  /// Opens an ordinary session.
  ///
  /// @param applicationName what `pg_stat_activity` shows
  public Connection connect(String applicationName) {
    Properties all = common(applicationName);
    all.putIfAbsent("socketFactory", KeptAliveSockets.class.getName());
    return open(all, "connect to the source database");
  }

  /// Opens a session that can run replication commands, and SQL by the simple protocol.
  public Connection connectForReplication(String applicationName) {
    Properties all = common(applicationName);
    all.setProperty("replication", "database");
    all.setProperty("preferQueryMode", "simple");
    all.setProperty("assumeMinServerVersion", "14");
    all.putIfAbsent("socketFactory", StreamSockets.class.getName());
    // A socket time-out in the middle of a message desynchronizes the stream, and between messages
    // it kills an idle one: readPending() brings its own bounded wait.
    all.setProperty("socketTimeout", "0");
    return open(
        all,
        "open a replication connection (needs a direct connection, a role with the REPLICATION"
            + " attribute and, on the server, an entry in pg_hba.conf)");
  }

  private Properties common(String applicationName) {
    Properties all = new Properties();
    all.setProperty("tcpKeepAlive", "true");
    all.setProperty("connectTimeout", "10");
    all.setProperty("loginTimeout", "20");
    all.setProperty("targetServerType", "primary");
    all.putAll(properties);
    all.setProperty("ApplicationName", applicationName);
    return all;
  }

  private Connection open(Properties all, String doing) {
    try {
      Connection connection = DriverManager.getConnection(url, all);
      try (Statement statement = connection.createStatement()) {
        statement.execute(SESSION);
        return connection;
      } catch (SQLException e) {
        connection.close();
        throw e;
      }
    } catch (SQLException e) {
      throw CaptureException.of(e, doing);
    }
  }

  /// Names neither URL nor properties: both may hold a password.
  @Override
  public String toString() {
    return "SourceDatabase";
  }
}
