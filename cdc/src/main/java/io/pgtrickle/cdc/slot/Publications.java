package io.pgtrickle.cdc.slot;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Oid;
import io.pgtrickle.cdc.TableName;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;

/// Which tables' changes the stream carries.
///
/// A publication is looked up in the catalog *as of the log being read*. Dropped and created again,
/// it does not exist for the log in between: up to PostgreSQL 17 the slot then fails for good, from
/// 18 on the changes are silently left out. So there is no function here that drops one, and
/// [#verify] is to be called at every start and now and then.
///
/// Only explicitly named tables are published: FOR ALL TABLES would feed the stream tables' own
/// changes back.
///
/// The connections passed in are in autocommit mode.
public final class Publications {
  private static final int VERSION_15 = 150_000;
  private static final int VERSION_18 = 180_000;

  private Publications() {}

  /// Creates an empty publication that publishes everything tables can do, under the name of the
  /// partitioned table rather than of its partitions, and, where the server can (18 and later), the
  /// values of stored generated columns. Without them REPLICA IDENTITY FULL on such a table would
  /// make its users' updates fail.
  ///
  /// @return false if a publication of this name already existed; see [#verify]
  public static boolean create(Connection connection, String publication) {
    String doing = "create publication \"" + publication + "\"";
    try (Statement statement = connection.createStatement()) {
      if (inspect(connection, publication).isPresent()) {
        return false;
      }
      statement.execute(
          "CREATE PUBLICATION "
              + TableName.quoted(publication)
              + " WITH ("
              + options(connection)
              + ")");
      return true;
    } catch (SQLException e) {
      throw CaptureException.of(e, doing);
    }
  }

  private static String options(Connection connection) throws SQLException {
    return "publish = 'insert, update, delete, truncate', publish_via_partition_root = true"
        + (version(connection) >= VERSION_18 ? ", publish_generated_columns = stored" : "");
  }

  /// Adds tables, all in one transaction; those that are in it already are left alone.
  ///
  /// The lock comes first, and shuts out writers until the commit. Without it, a transaction that
  /// is
  /// writing across the ALTER can leave a walsender with a stale idea of the publication, and on
  /// minor releases before 14.18, 15.13, 16.9 and 17.5 all later changes of the table are lost
  /// until
  /// the stream reconnects.
  ///
  /// Check the tables' replica identity *before*: a table without any becomes read-only to its
  /// users
  /// the moment it is published.
  ///
  /// @return the tables that were added
  public static List<TableName> add(
      Connection connection, String publication, Collection<TableName> tables, LockPolicy policy) {
    String doing = "add tables " + tables + " to publication \"" + publication + "\"";
    List<TableName> missing = new ArrayList<>(new TreeSet<>(tables));
    missing.removeAll(existing(connection, publication).tables());
    if (missing.isEmpty()) {
      return missing;
    }
    // Locks the partitions too, which writers may reach without their table.
    String locked = missing.stream().map(TableName::sql).collect(Collectors.joining(", "));
    GuardedDdl.run(
        connection,
        policy,
        missing,
        GuardedDdl.ShutsOut.WRITERS,
        doing,
        statement -> {
          statement.execute("LOCK TABLE " + locked + " IN SHARE ROW EXCLUSIVE MODE");
          statement.execute(
              "ALTER PUBLICATION " + TableName.quoted(publication) + " ADD TABLE " + only(missing));
        });
    return missing;
  }

  /// Removes tables, all in one transaction; those that are not in it, or no longer exist, are left
  /// alone.
  ///
  /// @return the tables that were removed
  public static List<TableName> remove(
      Connection connection, String publication, Collection<TableName> tables, LockPolicy policy) {
    List<TableName> present = new ArrayList<>(new TreeSet<>(tables));
    present.retainAll(existing(connection, publication).tables());
    if (!present.isEmpty()) {
      String list = only(present);
      GuardedDdl.run(
          connection,
          policy,
          present,
          GuardedDdl.ShutsOut.WRITERS,
          "remove tables " + tables + " from publication \"" + publication + "\"",
          statement ->
              statement.execute(
                  "ALTER PUBLICATION " + TableName.quoted(publication) + " DROP TABLE " + list));
    }
    return present;
  }

  /// Has walsenders look anew at which tables are published, from here in the log on.
  ///
  /// Up to PostgreSQL 14 they do not when a table becomes a partition of a published one, or ceases
  /// to be one, and go on leaving out, or sending, its changes for as long as their connection
  /// lasts. A change of any table's membership makes them look; from 15 on this does nothing.
  ///
  /// @param table one that is published; it is taken out and in again in one transaction
  public static void renew(
      Connection connection, String publication, TableName table, LockPolicy policy) {
    String doing = "renew publication \"" + publication + "\"";
    try {
      if (version(connection) >= VERSION_15) {
        return;
      }
    } catch (SQLException e) {
      throw CaptureException.of(e, doing);
    }
    String change = "ALTER PUBLICATION " + TableName.quoted(publication);
    GuardedDdl.run(
        connection,
        policy,
        List.of(table),
        GuardedDdl.ShutsOut.WRITERS,
        doing,
        statement -> {
          statement.execute("LOCK TABLE " + table.sql() + " IN SHARE ROW EXCLUSIVE MODE");
          statement.execute(change + " DROP TABLE " + only(List.of(table)));
          statement.execute(change + " ADD TABLE " + only(List.of(table)));
        });
  }

  /// The publication as it is now, or empty if there is none of this name.
  ///
  /// Asked of the catalog's own tables, which waits for no lock that somebody has on a published
  /// table: `pg_publication_tables` opens each of them.
  public static Optional<Publication> inspect(Connection connection, String publication) {
    // pubgencols exists since 18: through jsonb a missing column reads as null.
    try (PreparedStatement query =
        connection.prepareStatement(
            "SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate AS complete, pubviaroot,"
                + " coalesce(to_jsonb(p) ->> 'pubgencols' = 's', true) AS generated, puballtables"
                + " FROM pg_publication p WHERE pubname = ?")) {
      query.setString(1, publication);
      try (ResultSet row = query.executeQuery()) {
        if (!row.next()) {
          return Optional.empty();
        }
        return Optional.of(
            new Publication(
                publication,
                row.getBoolean("complete"),
                row.getBoolean("pubviaroot"),
                row.getBoolean("generated"),
                row.getBoolean("puballtables") || !schemas(connection, publication).isEmpty(),
                members(connection, publication, false),
                members(connection, publication, true)));
      }
    } catch (SQLException e) {
      throw CaptureException.of(e, "read publication \"" + publication + "\"");
    }
  }

  /// Compares the publication with what the stream is relied on to carry.
  ///
  /// A publication that lost a table or an operation makes the stream silently incomplete, so
  /// anything but [PublicationCheck.Intact] means that what was read since the last check is not to
  /// be trusted for the tables named.
  public static PublicationCheck verify(
      Connection connection, String publication, Collection<TableName> expected) {
    Optional<Publication> found = inspect(connection, publication);
    return found
        .<PublicationCheck>map(seen -> PublicationCheck.of(seen, expected))
        .orElseGet(PublicationCheck.Missing::new);
  }

  /// Puts right what somebody else changed of a publication: options, schemas added, row filters
  /// and
  /// column lists. Tables that are missing are [#add]ed by whoever initializes them again, and so
  /// are
  /// those removed here because of a filter.
  ///
  /// @return as sentences what was wrong with the publication as a whole, so that changes of any
  ///     table may be missing from the log read meanwhile; empty if nothing was
  public static List<String> mend(Connection connection, String publication, LockPolicy policy) {
    Publication seen = existing(connection, publication);
    List<String> wrong = new ArrayList<>();
    String name = TableName.quoted(publication);
    if (!seen.complete()) {
      wrong.add("it left out some operations");
    }
    if (!seen.viaRoot()) {
      wrong.add("it named partitions instead of their table");
    }
    try {
      if (!seen.generated()) {
        wrong.add("it left out generated columns");
      }
      try (Statement statement = connection.createStatement()) {
        if (!wrong.isEmpty()) {
          statement.execute("ALTER PUBLICATION " + name + " SET (" + options(connection) + ")");
        }
        for (String schema : schemas(connection, publication)) {
          statement.execute(
              "ALTER PUBLICATION " + name + " DROP TABLES IN SCHEMA " + TableName.quoted(schema));
        }
      }
    } catch (SQLException e) {
      throw CaptureException.of(e, "mend publication \"" + publication + "\"");
    }
    remove(connection, publication, seen.restricted(), policy);
    return wrong;
  }

  // Exists since 15.
  private static List<String> schemas(Connection connection, String publication)
      throws SQLException {
    List<String> schemas = new ArrayList<>();
    if (version(connection) >= VERSION_15) {
      try (PreparedStatement query =
          connection.prepareStatement(
              "SELECT n.nspname FROM pg_publication p JOIN pg_publication_namespace s"
                  + " ON s.pnpubid = p.oid JOIN pg_namespace n ON n.oid = s.pnnspid"
                  + " WHERE p.pubname = ?")) {
        query.setString(1, publication);
        try (ResultSet row = query.executeQuery()) {
          while (row.next()) {
            schemas.add(row.getString(1));
          }
        }
      }
    }
    return schemas;
  }

  /// By what each table is in the publication: a text that stays the same exactly as long as nobody
  /// changes the table's membership or the publication's options, and is not reused by taking the
  /// table out and in again. The key is the table's OID.
  ///
  /// @return empty if there is no such publication
  public static Optional<Map<Oid, String>> entries(Connection connection, String publication) {
    try (PreparedStatement query =
        connection.prepareStatement(
            "SELECT r.prrelid, format('%s.%s.%s.%s', p.oid, p.xmin, r.oid, r.xmin)"
                + " FROM pg_publication p LEFT JOIN pg_publication_rel r ON r.prpubid = p.oid"
                + " WHERE p.pubname = ?")) {
      query.setString(1, publication);
      Map<Oid, String> entries = new HashMap<>();
      boolean exists = false;
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          exists = true;
          if (row.getString(1) != null) {
            entries.put(Oid.of(row.getLong(1)), row.getString(2));
          }
        }
      }
      return exists ? Optional.of(entries) : Optional.empty();
    } catch (SQLException e) {
      throw CaptureException.of(e, "read publication \"" + publication + "\"");
    }
  }

  private static Publication existing(Connection connection, String publication) {
    return inspect(connection, publication)
        .orElseThrow(
            () ->
                new CaptureException.Misconfigured(
                    "42704",
                    "publication \""
                        + publication
                        + "\" does not exist; it must never be dropped while a slot reads it."
                        + " Create it, create a new slot, and take a new snapshot of every table"));
  }

  /// @param restricted only those with a row filter or a column list (15 and later)
  private static SortedSet<TableName> members(
      Connection connection, String publication, boolean restricted) throws SQLException {
    String sql =
        "SELECT n.nspname, c.relname FROM pg_publication p"
            + " JOIN pg_publication_rel r ON r.prpubid = p.oid"
            + " JOIN pg_class c ON c.oid = r.prrelid"
            + " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE p.pubname = ?";
    if (restricted) {
      sql += " AND coalesce(to_jsonb(r) ->> 'prqual', to_jsonb(r) ->> 'prattrs') IS NOT NULL";
    }
    try (PreparedStatement query = connection.prepareStatement(sql)) {
      query.setString(1, publication);
      SortedSet<TableName> members = new TreeSet<>();
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          members.add(new TableName(row.getString(1), row.getString(2)));
        }
      }
      return members;
    }
  }

  /// The tables as a list for a command, each without the tables that inherit from it; partitions
  /// belong to their table without being named.
  private static String only(Collection<TableName> tables) {
    return tables.stream().map(table -> "ONLY " + table.sql()).collect(Collectors.joining(", "));
  }

  // As in `server_version_num`, without the patch release.
  private static int version(Connection connection) throws SQLException {
    return connection.getMetaData().getDatabaseMajorVersion() * 10_000;
  }
}
