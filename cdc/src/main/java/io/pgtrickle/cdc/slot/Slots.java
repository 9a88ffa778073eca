package io.pgtrickle.cdc.slot;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.slot.SlotState.WalStatus;
import java.security.SecureRandom;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// The life of a permanent replication slot.
///
/// A slot that was dropped and created again looks like the old one and has lost everything in
/// between, and no position can tell the two apart. So each creation makes a new name with a random
/// generation in it; stored with the progress, the name itself is the proof of continuity.
public final class Slots {
  /// What all our slots' names begin with.
  public static final String PREFIX = "pgtrickle_";

  /*
   * Slots belong to the cluster, while whoever has our progress has the slot's name: a copy of a
   * database has it too, and must neither read nor end nor drop the slot of the original.
   */
  private static final String OURS = " database = current_database() AND plugin = 'pgoutput'";

  private static final int FAILOVER_SINCE = 17;
  // Every other encoding is converted to that of our sessions, or refuses them.
  private static final String NOT_CONVERTED = "SQL_ASCII";
  private static final SecureRandom RANDOM = new SecureRandom();

  private Slots() {}

  /// A name no slot had before: the prefix and eight hexadecimal digits.
  public static String newName() {
    return PREFIX + String.format(Locale.ROOT, "%08x", RANDOM.nextInt());
  }

  /// Refuses a server whose log does not carry what logical decoding needs, and a database whose
  /// texts nobody can tell the characters of.
  public static void requireLogicalDecoding(Connection connection) {
    List<CaptureException.Misconfigured> obstacles = obstacles(connection);
    if (!obstacles.isEmpty()) {
      throw obstacles.getFirst();
    }
  }

  /// What of a server and a database stands in the way of logical decoding, each with its remedy.
  public static List<CaptureException.Misconfigured> obstacles(Connection connection) {
    List<CaptureException.Misconfigured> obstacles = new ArrayList<>();
    try (PreparedStatement query =
            connection.prepareStatement(
                "SELECT current_setting('wal_level'),"
                    + " current_setting('server_version_num')::int, pg_is_in_recovery(),"
                    + " current_setting('server_encoding'), current_database()");
        ResultSet row = query.executeQuery()) {
      row.next();
      String walLevel = row.getString(1);
      int version = row.getInt(2);
      if (version < 140_000) {
        obstacles.add(
            new CaptureException.Misconfigured(
                "0A000",
                "the server is of version " + version + "; PostgreSQL 14 or later is needed"));
      }
      if (!"logical".equals(walLevel)) {
        obstacles.add(
            new CaptureException.Misconfigured(
                "55000",
                "wal_level is '"
                    + walLevel
                    + "' and has to be 'logical': run ALTER SYSTEM SET wal_level = 'logical' and"
                    + " restart the server (on managed services set its parameter for logical"
                    + " replication)"));
      }
      if (row.getBoolean(3)) {
        obstacles.add(
            new CaptureException.Misconfigured(
                "25006", "the server is a standby; connect to the primary"));
      }
      if (NOT_CONVERTED.equals(row.getString(4))) {
        obstacles.add(
            new CaptureException.Misconfigured(
                "0A000",
                "the encoding of database \""
                    + row.getString(5)
                    + "\" is SQL_ASCII, in which texts are bytes of no known encoding and are not"
                    + " converted to UTF-8, so that they could change without notice: load a dump"
                    + " of it into a database with ENCODING 'UTF8'"));
      }
    } catch (SQLException e) {
      throw CaptureException.of(e, "read the server's settings");
    }
    return obstacles;
  }

  /// Creates a permanent slot with a name of [#newName].
  ///
  /// The server waits for every write transaction that is open anywhere in the cluster. From 17 on
  /// it keeps the slot up to date on standbys that are set up for it, so that the log can be
  /// followed
  /// on after one of them is promoted.
  ///
  /// @param patience after which the creation is cancelled
  /// @param reportEvery how often the sessions that are waited for are reported
  /// @return the slot's name and the position from which it delivers
  public static Created create(
      SourceDatabase database,
      Duration patience,
      Duration reportEvery,
      Consumer<List<Blocker>> report) {
    boolean failover;
    try (Connection connection = database.connect("pgtrickle slot creation")) {
      requireLogicalDecoding(connection);
      failover = connection.getMetaData().getDatabaseMajorVersion() >= FAILOVER_SINCE;
    } catch (SQLException e) {
      throw CaptureException.of(e, "close a connection");
    }
    String name = newName();
    try (SlotCreation creation =
        SlotCreation.start(
            database,
            "CREATE_REPLICATION_SLOT \""
                + name
                + "\" LOGICAL pgoutput "
                + (failover ? "(SNAPSHOT 'nothing', FAILOVER)" : "NOEXPORT_SNAPSHOT"))) {
      return new Created(name, creation.await(patience, reportEvery, report).consistentPoint());
    }
  }

  /// Drops a slot of this database; whether there was one. A slot that is being read is not dropped
  /// but is an error.
  public static boolean drop(Connection connection, String name) {
    try (PreparedStatement drop =
        connection.prepareStatement(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
                + " WHERE slot_name = ? AND"
                + OURS)) {
      drop.setString(1, name);
      try (ResultSet dropped = drop.executeQuery()) {
        return dropped.next();
      }
    } catch (SQLException e) {
      throw CaptureException.of(e, "drop replication slot \"" + name + "\"");
    }
  }

  /// The permanent slots of this database that have a name of [#newName], in use or not.
  public static List<String> names(Connection connection) {
    try (PreparedStatement query =
        connection.prepareStatement(
            "SELECT slot_name FROM pg_replication_slots"
                + " WHERE slot_name ~ ('^' || ? || '[0-9a-f]{8}$') AND NOT temporary AND"
                + OURS)) {
      query.setString(1, PREFIX);
      List<String> names = new ArrayList<>();
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          names.add(row.getString(1));
        }
      }
      return names;
    } catch (SQLException e) {
      throw CaptureException.of(e, "list the replication slots");
    }
  }

  /// The slot as it is now, or empty if this database has none of this name.
  public static Optional<SlotState> inspect(Connection connection, String name) {
    // invalidation_reason exists since 17: through jsonb a missing column reads as null.
    try (PreparedStatement query =
        connection.prepareStatement(
            "SELECT slot_name, plugin, database, active, active_pid, restart_lsn::text,"
                + " confirmed_flush_lsn::text, wal_status, safe_wal_size,"
                + " to_jsonb(s) ->> 'invalidation_reason'"
                + " FROM pg_replication_slots s WHERE slot_name = ? AND"
                + OURS)) {
      query.setString(1, name);
      try (ResultSet row = query.executeQuery()) {
        return row.next() ? Optional.of(state(row)) : Optional.empty();
      }
    } catch (SQLException e) {
      throw CaptureException.of(e, "read the state of replication slot \"" + name + "\"");
    }
  }

  private static SlotState state(ResultSet row) throws SQLException {
    int pid = row.getInt("active_pid");
    OptionalInt activePid = row.wasNull() ? OptionalInt.empty() : OptionalInt.of(pid);
    long safe = row.getLong("safe_wal_size");
    OptionalLong safeWalSize = row.wasNull() ? OptionalLong.empty() : OptionalLong.of(safe);
    String walStatus = row.getString("wal_status");
    return new SlotState(
        row.getString("slot_name"),
        row.getString("plugin"),
        row.getString("database"),
        row.getBoolean("active"),
        activePid,
        lsn(row.getString("restart_lsn")),
        lsn(row.getString("confirmed_flush_lsn")),
        // Absent when the slot was invalidated so early that it reserves nothing any more.
        walStatus == null ? WalStatus.LOST : WalStatus.valueOf(walStatus.toUpperCase(Locale.ROOT)),
        row.getString(10),
        safeWalSize);
  }

  private static @Nullable Lsn lsn(@Nullable String text) {
    return text == null ? null : Lsn.parse(text);
  }

  /// Ends the server process that still reads the slot, if any, and waits until it is gone.
  ///
  /// After a crash of ours the server notices the dead connection only at its wal_sender_timeout,
  /// and until then refuses a new reader. The caller makes sure that the reader is not a living
  /// sidecar (by its lease); the slot's generation makes sure that it is at least one of ours.
  ///
  /// @return whether the slot is free
  public static boolean terminateReader(Connection connection, String name, Duration patience) {
    try (PreparedStatement terminate =
        connection.prepareStatement(
            "SELECT pg_terminate_backend(active_pid, ?) FROM pg_replication_slots"
                + " WHERE slot_name = ? AND active_pid IS NOT NULL AND"
                + OURS)) {
      terminate.setLong(1, Math.max(1, patience.toMillis()));
      terminate.setString(2, name);
      try (ResultSet row = terminate.executeQuery()) {
        if (row.next()) {
          row.getBoolean(1);
        }
      }
      return inspect(connection, name).map(slot -> !slot.active()).orElse(true);
    } catch (SQLException e) {
      throw CaptureException.of(e, "end the process that reads replication slot \"" + name + "\"");
    }
  }

  /// The same for one process only: that which read the slot for us before.
  public static void terminateReader(
      Connection connection, String name, int pid, Duration patience) {
    try (PreparedStatement terminate =
        connection.prepareStatement(
            "SELECT pg_terminate_backend(active_pid, ?) FROM pg_replication_slots"
                + " WHERE slot_name = ? AND active_pid = ? AND"
                + OURS)) {
      terminate.setLong(1, Math.max(1, patience.toMillis()));
      terminate.setString(2, name);
      terminate.setInt(3, pid);
      terminate.execute();
    } catch (SQLException e) {
      throw CaptureException.of(e, "end process " + pid + ", which reads slot \"" + name + "\"");
    }
  }

  /// Whether the server has nothing to do but wait for the reader of a slot, or has none.
  ///
  /// Together with silence at the reader's end, although something was written to the log
  /// meanwhile, it proves that the connection carries nothing any more. Silence alone does not: the
  /// server may be decoding a large transaction that has nothing for us.
  public static boolean waitsForReader(Connection connection, String name) {
    try (PreparedStatement query =
        connection.prepareStatement(
            "SELECT a.pid IS NULL OR coalesce(a.wait_event_type IN ('Client', 'Activity'), false)"
                + " FROM (SELECT active_pid FROM pg_replication_slots WHERE slot_name = ? AND"
                + OURS
                + ") s LEFT JOIN pg_stat_activity a ON a.pid = s.active_pid")) {
      query.setString(1, name);
      try (ResultSet row = query.executeQuery()) {
        return !row.next() || row.getBoolean(1);
      }
    } catch (SQLException e) {
      throw CaptureException.of(e, "look at the process that reads slot \"" + name + "\"");
    }
  }

  /// A slot that was just created.
  ///
  /// @param consistentPoint delivers the transactions whose commit record starts here or later
  public record Created(String name, Lsn consistentPoint) {}
}
