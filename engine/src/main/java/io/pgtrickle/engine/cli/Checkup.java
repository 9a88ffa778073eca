package io.pgtrickle.engine.cli;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.engine.DatabaseUrl;
import io.pgtrickle.engine.catalog.Installer;
import io.pgtrickle.engine.catalog.SidecarRole;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// Everything about a server and a role that a sidecar depends on, looked at from outside.
///
/// Changes nothing. Each finding says what was seen, and where something is wrong what to do.
final class Checkup {
  private static final Duration CLOCKS = Duration.ofSeconds(1);

  private final Connection connection;
  private final DatabaseUrl url;
  private final Clock clock;
  private final List<Finding> findings = new ArrayList<>();

  private Checkup(Connection connection, DatabaseUrl url, Clock clock) {
    this.connection = connection;
    this.url = url;
    this.clock = clock;
  }

  /// How bad a finding is.
  enum Verdict {
    OK,
    /// It works, and may not for ever.
    WARN,
    /// It does not work.
    FAIL
  }

  /// One thing looked at.
  ///
  /// @param advice what to do; empty when nothing
  record Finding(Verdict verdict, String what, String seen, String advice) {}

  static List<Finding> of(Connection connection, DatabaseUrl url, Clock clock) throws SQLException {
    Checkup checkup = new Checkup(connection, url, clock);
    checkup.server();
    checkup.retention();
    checkup.timeouts();
    checkup.clocks();
    checkup.replication();
    checkup.openTransactions();
    Optional<String> installed = Installer.installedVersion(connection);
    checkup.installation(installed);
    if (installed.isPresent()) {
      checkup.role();
      checkup.sources();
      checkup.findings.addAll(PrivilegeCheckup.of(connection));
      checkup.health();
    }
    return List.copyOf(checkup.findings);
  }

  private void server() throws SQLException {
    int version = Integer.parseInt(setting("server_version_num"));
    check(
        version >= 140_000,
        "server version",
        setting("server_version"),
        "PostgreSQL 14 or later is needed");
    Optional<String> advice = ServerRelease.advice(version);
    warn(advice.isEmpty(), "server release", setting("server_version"), advice.orElse(""));
    check(
        text("SELECT pg_is_in_recovery()").equals("f"),
        "server role",
        text("SELECT CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE 'primary' END"),
        "connect to the primary");
    check(
        setting("wal_level").equals("logical"),
        "wal_level",
        setting("wal_level"),
        "ALTER SYSTEM SET wal_level = 'logical' and restart the server (on managed services set"
            + " their parameter for logical replication)");
    check(
        !setting("server_encoding").equals("SQL_ASCII"),
        "server_encoding",
        setting("server_encoding"),
        "texts of SQL_ASCII are of no known encoding: load a dump of it into a database with"
            + " ENCODING 'UTF8'");
    free(
        "max_replication_slots",
        "SELECT count(*) FROM pg_replication_slots WHERE NOT coalesce(database ="
            + " current_database() AND slot_name ~ '^pgtrickle_[0-9a-f]{8}$', false)");
    free(
        "max_wal_senders",
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender'"
            + " AND application_name NOT LIKE 'pgtrickle%'");
  }

  // One for the stream, and one while tables are copied.
  private void free(String setting, String used) throws SQLException {
    long free = Long.parseLong(setting(setting)) - Long.parseLong(text(used));
    check(
        free >= 2,
        setting,
        setting(setting) + ", " + free + " of them free for pgtrickle",
        "two are needed: raise it (needs a restart), or drop slots that nobody uses");
  }

  private void retention() throws SQLException {
    String keep = setting("max_slot_wal_keep_size");
    warn(!keep.equals("-1"), "max_slot_wal_keep_size", keep, keepAdvice(suggestedKeep(connection)));
    Optional<String> idle = optionalSetting("idle_replication_slot_timeout");
    if (idle.isPresent()) {
      warn(
          idle.get().equals("0"),
          "idle_replication_slot_timeout",
          idle.get(),
          "the server drops the slot of a sidecar that is stopped for this long");
    }
  }

  /// A limit for the log that a stopped sidecar keeps back: a multiple of what the server lets grow
  /// between two checkpoints, and at least 10 GB.
  static String suggestedKeep(Connection connection) throws SQLException {
    return text(
        connection,
        "SELECT greatest(10, ceil(pg_size_bytes(current_setting('max_wal_size')) * 5"
            + " / 1073741824.0))::bigint || 'GB'");
  }

  static String keepAdvice(String value) {
    return "a stopped sidecar keeps WAL back until the disk is full, and a dead one cannot protect"
        + " it:"
        + " ALTER SYSTEM SET max_slot_wal_keep_size = '%s'; SELECT pg_reload_conf();"
            .formatted(value);
  }

  private void timeouts() throws SQLException {
    long milliseconds =
        Long.parseLong(text("SELECT setting FROM pg_settings WHERE name = 'wal_sender_timeout'"));
    warn(
        milliseconds >= 10_000,
        "wal_sender_timeout",
        setting("wal_sender_timeout"),
        milliseconds == 0
            ? "0 never notices a sidecar that is gone without a word; 60s is the default"
            : "10s at least, or a busy moment ends the stream");
  }

  private void clocks() throws SQLException {
    Instant before = clock.instant();
    Instant server =
        Instant.parse(
            text(
                "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC',"
                    + " 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"));
    Duration off = Duration.between(before, server).abs();
    warn(
        off.compareTo(CLOCKS) < 0,
        "clock",
        off.toMillis() + " ms between here and the server",
        "synchronize both with NTP: schedules and latencies are told by both clocks");
  }

  // Managed services allow it by a membership instead of the attribute, so it is tried.
  private void replication() throws SQLException {
    Map<String, String> properties = new TreeMap<>();
    url.properties().forEach((key, value) -> properties.put(key.toString(), value.toString()));
    try (Connection streaming =
        SourceDatabase.of(url.jdbcUrl(), properties).connectForReplication("pgtrickle doctor")) {
      check(!streaming.isClosed(), "replication connection", "accepted", "");
    } catch (CaptureException e) {
      check(
          false,
          "replication connection",
          String.valueOf(e.getMessage()),
          "ALTER ROLE %s REPLICATION (on managed services grant the role that stands for it, such as rds_replication), allow it in pg_hba.conf, and connect without a pooler"
              .formatted(text("SELECT quote_ident(current_user)")));
    }
  }

  private void openTransactions() throws SQLException {
    String old =
        text(
            """
            SELECT coalesce(string_agg(what, ', '), 'none') FROM (
              SELECT 'process ' || pid AS what FROM pg_stat_activity
              WHERE backend_xid IS NOT NULL AND xact_start < clock_timestamp() - interval '5 min'
              UNION ALL
              SELECT 'prepared ' || gid FROM pg_prepared_xacts
              WHERE prepared < clock_timestamp() - interval '5 min') o
            """);
    warn(
        old.equals("none"),
        "write transactions open for 5 min",
        old,
        "end them: copying a table waits for every open write transaction of the cluster");
  }

  private void installation(Optional<String> installed) throws SQLException {
    check(
        installed.equals(Optional.of(Installer.version())),
        "SQL objects",
        installed.map(version -> "version " + version).orElse("not installed"),
        "pgtrickle install --url … (this is version " + Installer.version() + ")");
    if (installed.isEmpty()) {
      check(
          text("SELECT has_database_privilege(current_database(), 'CREATE')").equals("t"),
          "privilege to install",
          text("SELECT current_user"),
          text(
              "SELECT format('GRANT CREATE ON DATABASE %I TO %I', current_database(),"
                  + " current_user)"));
    }
  }

  private void role() throws SQLException {
    List<String> problems = SidecarRole.problems(connection);
    check(
        problems.isEmpty(),
        "role of the sidecar",
        text("SELECT current_user"),
        String.join("; ", problems));
  }

  private void sources() throws SQLException {
    try (PreparedStatement query =
            connection.prepareStatement(
                """
                SELECT k.oid::regclass::text AS name, pg_has_role(k.relowner, 'USAGE') AS member,
                       format('GRANT %I TO %I', pg_get_userbyid(k.relowner), current_user) AS grant_it,
                       i.no_identity, i.virtual
                FROM (SELECT DISTINCT source_relid FROM pgtrickle.pgt_dependencies
                      WHERE source_type = 'TABLE') s
                JOIN pg_class k ON k.oid = s.source_relid AND k.relkind IN ('r', 'p')
                  AND k.oid >= 16384
                CROSS JOIN LATERAL (
                  SELECT string_agg(l.oid::regclass::text, ', ') AS no_identity,
                         bool_or(EXISTS (
                           SELECT FROM pg_attribute a
                           WHERE a.attrelid = l.oid AND a.attgenerated = 'v')) AS virtual
                  FROM pg_class l
                  WHERE (l.oid = k.oid OR l.oid IN (SELECT t.relid FROM pg_partition_tree(k.oid) t))
                    AND l.relkind = 'r' AND (l.relreplident = 'n'
                    OR l.relreplident = 'f' AND EXISTS (
                      SELECT FROM pg_attribute a
                      WHERE a.attrelid = l.oid AND a.attgenerated = 'v')
                    OR l.relreplident = 'd' AND NOT EXISTS (
                      SELECT FROM pg_index i WHERE i.indrelid = l.oid AND i.indisprimary
                        AND i.indimmediate))) i
                ORDER BY 1
                """);
        ResultSet row = query.executeQuery()) {
      while (row.next()) {
        String name = row.getString("name");
        if (!row.getBoolean("member")) {
          check(false, "owner of " + name, "not a role of ours", row.getString("grant_it"));
        }
        String without = row.getString("no_identity");
        if (without != null) {
          check(
              false,
              "replica identity of " + name,
              "none that can be used on " + without,
              // With virtual columns the server refuses its users' updates then.
              row.getBoolean("virtual")
                  ? "add a primary key, and ALTER TABLE … REPLICA IDENTITY DEFAULT"
                  : "add a primary key, or ALTER TABLE … REPLICA IDENTITY FULL");
        }
      }
    }
  }

  private void health() throws SQLException {
    try (PreparedStatement query =
            connection.prepareStatement(
                "SELECT check_name, severity, detail FROM pgtrickle.health_check()"
                    + " WHERE check_name NOT IN ('max_slot_wal_keep_size')");
        ResultSet row = query.executeQuery()) {
      while (row.next()) {
        Verdict verdict =
            switch (row.getString("severity")) {
              case "OK" -> Verdict.OK;
              case "WARNING" -> Verdict.WARN;
              default -> Verdict.FAIL;
            };
        findings.add(
            new Finding(verdict, row.getString("check_name"), row.getString("detail"), ""));
      }
    }
  }

  private void check(boolean good, String what, String seen, String advice) {
    findings.add(new Finding(good ? Verdict.OK : Verdict.FAIL, what, seen, good ? "" : advice));
  }

  private void warn(boolean good, String what, String seen, String advice) {
    findings.add(new Finding(good ? Verdict.OK : Verdict.WARN, what, seen, good ? "" : advice));
  }

  private String setting(String name) throws SQLException {
    return text("SELECT current_setting('" + name + "')");
  }

  private Optional<String> optionalSetting(String name) throws SQLException {
    String value = text("SELECT coalesce(current_setting('" + name + "', true), '')");
    return value.isEmpty() ? Optional.empty() : Optional.of(value);
  }

  private String text(String sql) throws SQLException {
    return text(connection, sql);
  }

  private static String text(Connection connection, String sql) throws SQLException {
    try (PreparedStatement query = connection.prepareStatement(sql);
        ResultSet row = query.executeQuery()) {
      row.next();
      return String.valueOf(row.getString(1));
    }
  }
}
