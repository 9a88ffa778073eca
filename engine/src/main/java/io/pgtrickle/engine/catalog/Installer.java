package io.pgtrickle.engine.catalog;

import io.pgtrickle.cdc.slot.Slots;
import io.pgtrickle.dvm.TrickleException.ConfigurationInvalid;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Brings the `pgtrickle` schema into a database, up to date, or out of it.
///
/// Each run is one transaction under an advisory lock, so that two of them cannot meet and a failed
/// one leaves nothing behind. Every applied script is recorded with its checksum; a script that
/// was changed after it was applied is refused, because nobody could say what the database has.
///
/// The role that installs owns the schema and is from then on the sidecar's role.
public final class Installer {
  /// The publication that a sidecar makes.
  public static final String PUBLICATION = "pgtrickle";

  /// The transaction-level advisory lock of a run; any number will do as long as it is always this
  /// one.
  private static final Duration READER_PATIENCE = Duration.ofSeconds(10);
  private static final long RUN_LOCK = 0x7067_745f_696e_7374L; // "pgt_inst"

  private Installer() {}

  /// What [#install] found and did.
  public enum Outcome {
    /// The schema was not there.
    INSTALLED,
    /// The schema was there in an older version.
    UPGRADED,
    /// The schema was there in this version.
    UP_TO_DATE
  }

  /// The version of the SQL objects that this build works with.
  public static String version() {
    return Script.CURRENT;
  }

  /// Installs or upgrades with the rights of the connected role.
  ///
  /// The connection is in autocommit mode and is left so.
  public static Outcome install(Connection connection) throws SQLException {
    return install(connection, null);
  }

  /// Installs or upgrades for another role, which the connected one must be a member of.
  ///
  /// @param role who is to own the schema and run the sidecar; null for the connected role
  public static Outcome install(Connection connection, @Nullable String role) throws SQLException {
    connection.setAutoCommit(false);
    try {
      lock(connection);
      if (role != null) {
        try (Statement statement = connection.createStatement()) {
          statement.execute("SET LOCAL ROLE " + quoted(connection, role));
        }
      }
      Outcome outcome = bringUpToDate(connection);
      connection.commit();
      return outcome;
    } catch (SQLException | RuntimeException e) {
      connection.rollback();
      throw e;
    } finally {
      connection.setAutoCommit(true);
    }
  }

  /// The version that is installed in the database, if any.
  public static Optional<String> installedVersion(Connection connection) throws SQLException {
    try (PreparedStatement exists =
            connection.prepareStatement(
                "SELECT to_regprocedure('pgtrickle.version()') IS NOT NULL");
        ResultSet row = exists.executeQuery()) {
      row.next();
      if (!row.getBoolean(1)) {
        return Optional.empty();
      }
    }
    try (PreparedStatement version = connection.prepareStatement("SELECT pgtrickle.version()");
        ResultSet row = version.executeQuery()) {
      row.next();
      return Optional.of(row.getString(1));
    }
  }

  private static Outcome bringUpToDate(Connection connection) throws SQLException {
    Optional<String> installed = installedVersion(connection);
    if (installed.isEmpty()) {
      Script script = Script.from(null).orElseThrow();
      apply(connection, script);
      upgrade(connection, script.to());
      return Outcome.INSTALLED;
    }
    if (isExtension(connection)) {
      if (installed.get().equals(Script.CURRENT)) {
        return Outcome.UP_TO_DATE;
      }
      throw new ConfigurationInvalid(
          List.of(
              "pgtrickle "
                  + installed.get()
                  + " is installed as an extension and this is "
                  + Script.CURRENT
                  + ": run ALTER EXTENSION pgtrickle UPDATE TO '"
                  + Script.CURRENT
                  + "'"));
    }
    verifyChecksums(connection);
    return upgrade(connection, installed.get()) ? Outcome.UPGRADED : Outcome.UP_TO_DATE;
  }

  private static boolean upgrade(Connection connection, String from) throws SQLException {
    String version = from;
    while (!version.equals(Script.CURRENT)) {
      String reached = version;
      Script next =
          Script.from(version)
              .orElseThrow(
                  () ->
                      new ConfigurationInvalid(
                          List.of(
                              "the database has pgtrickle "
                                  + reached
                                  + ", from which this version ("
                                  + Script.CURRENT
                                  + ") knows no way: use a newer pgtrickle")));
      apply(connection, next);
      version = next.to();
    }
    return !version.equals(from);
  }

  private static void apply(Connection connection, Script script) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      // One simple-protocol message, as psql would send the file; no driver escapes in it.
      statement.setEscapeProcessing(false);
      statement.execute(script.text());
    }
    try (PreparedStatement record =
        connection.prepareStatement(
            "INSERT INTO pgtrickle_internal.pgt_schema_version (version, script, checksum)"
                + " VALUES (?, ?, ?)")) {
      record.setString(1, script.to());
      record.setString(2, script.fileName());
      record.setString(3, script.checksum());
      record.executeUpdate();
    }
  }

  private static void verifyChecksums(Connection connection) throws SQLException {
    List<String> problems = new ArrayList<>();
    try (PreparedStatement query =
            connection.prepareStatement(
                "SELECT version, script, checksum FROM pgtrickle_internal.pgt_schema_version"
                    + " ORDER BY applied_at");
        ResultSet row = query.executeQuery()) {
      while (row.next()) {
        String file = row.getString("script");
        String applied = row.getString("checksum");
        Script.to(row.getString("version"))
            .filter(script -> !script.checksum().equals(applied))
            .ifPresent(
                script ->
                    problems.add(
                        "script "
                            + file
                            + " has changed since it was applied (checksum "
                            + applied
                            + " then, "
                            + script.checksum()
                            + " now): uninstall and install again, or use the build that"
                            + " installed it"));
      }
    }
    if (!problems.isEmpty()) {
      throw new ConfigurationInvalid(problems);
    }
  }

  /// Removes the schema, the replication slots and the publications; stream tables stay behind as
  /// ordinary tables with their last contents.
  ///
  /// The connection is in autocommit mode and is left so.
  ///
  /// @return whether there was anything to remove
  public static boolean uninstall(Connection connection) throws SQLException {
    // Slots first, and on their own: dropping one is not transactional. The lease lock tells a
    // running sidecar apart from one that crashed a moment ago.
    if (installedVersion(connection).isPresent()) {
      refuseWhileRunning(connection);
    }
    boolean found = dropSlots(connection);
    connection.setAutoCommit(false);
    try {
      lock(connection);
      found |= dropPublication(connection);
      if (installedVersion(connection).isPresent()) {
        dropDelegates(connection);
        try (Statement statement = connection.createStatement()) {
          statement.execute(
              isExtension(connection)
                  ? "DROP EXTENSION pgtrickle CASCADE"
                  : "DROP SCHEMA pgtrickle, pgtrickle_internal CASCADE");
        }
        found = true;
      }
      connection.commit();
      return found;
    } catch (SQLException | RuntimeException e) {
      connection.rollback();
      throw e;
    } finally {
      connection.setAutoCommit(true);
    }
  }

  private static void refuseWhileRunning(Connection connection) throws SQLException {
    try (PreparedStatement query =
            connection.prepareStatement(
                "SELECT host, pid FROM pgtrickle_internal.pgt_sidecar"
                    + " WHERE NOT pg_try_advisory_lock(advisory_key)");
        ResultSet row = query.executeQuery()) {
      if (row.next()) {
        throw new ConfigurationInvalid(
            List.of(
                "a sidecar is running on host "
                    + row.getString("host")
                    + ", process "
                    + row.getLong("pid")
                    + ": stop it first"));
      }
    }
    try (Statement unlock = connection.createStatement()) {
      unlock.execute("SELECT pg_advisory_unlock(advisory_key) FROM pgtrickle_internal.pgt_sidecar");
    }
  }

  // No sidecar runs, so whoever still reads one is the walsender of one that is gone.
  private static boolean dropSlots(Connection connection) throws SQLException {
    List<String> slots = Slots.names(connection);
    for (String slot : slots) {
      if (!Slots.terminateReader(connection, slot, READER_PATIENCE)) {
        throw new SourceUnavailable(
            "55006", "replication slot \"" + slot + "\" is still being read; try again", null);
      }
      Slots.drop(connection, slot);
    }
    return !slots.isEmpty();
  }

  private static boolean dropPublication(Connection connection) throws SQLException {
    boolean found =
        !strings(
                connection,
                "SELECT pubname FROM pg_publication WHERE pubname = '" + PUBLICATION + "'")
            .isEmpty();
    if (found) {
      try (Statement statement = connection.createStatement()) {
        statement.execute("DROP PUBLICATION " + PUBLICATION);
      }
    }
    return found;
  }

  /// The delegates live in the schemas of the stream tables and would outlive ours. Those of owners
  /// whose rights we lack stay, callable by nobody but the owner and us.
  private static void dropDelegates(Connection connection) throws SQLException {
    for (String function :
        strings(
            connection,
            "SELECT p.oid::regprocedure::text FROM pg_proc p"
                + " JOIN pg_namespace n ON n.oid = p.pronamespace"
                + " JOIN pgtrickle.pgt_definitions d ON d.schema_name = n.nspname"
                + " AND p.proname IN ('__pgt_exec_' || d.pgt_id, '__pgt_query_' || d.pgt_id)"
                + " WHERE pg_has_role(p.proowner, 'USAGE')")) {
      try (Statement statement = connection.createStatement()) {
        statement.execute("DROP FUNCTION " + function);
      }
    }
  }

  private static boolean isExtension(Connection connection) throws SQLException {
    return !strings(connection, "SELECT extname FROM pg_extension WHERE extname = 'pgtrickle'")
        .isEmpty();
  }

  private static void lock(Connection connection) throws SQLException {
    try (PreparedStatement lock = connection.prepareStatement("SELECT pg_advisory_xact_lock(?)")) {
      lock.setLong(1, RUN_LOCK);
      lock.execute();
    }
  }

  private static String quoted(Connection connection, String identifier) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      return statement.enquoteIdentifier(identifier, true);
    }
  }

  private static List<String> strings(Connection connection, String sql) throws SQLException {
    List<String> result = new ArrayList<>();
    try (PreparedStatement query = connection.prepareStatement(sql);
        ResultSet row = query.executeQuery()) {
      while (row.next()) {
        result.add(row.getString(1));
      }
    }
    return result;
  }
}
