package io.pgtrickle.engine.backfill;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.TableName;
import io.pgtrickle.dvm.TrickleException;
import io.pgtrickle.dvm.expr.Compiler;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.RowPredicate;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.state.Entries;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import io.pgtrickle.engine.analyze.Analyzer;
import io.pgtrickle.engine.analyze.QueryDocument;
import io.pgtrickle.engine.analyze.RoundTrip;
import io.pgtrickle.engine.analyze.Verdict;
import io.pgtrickle.engine.apply.Identifiers;
import io.pgtrickle.engine.backfill.Initializer.Sessions;
import io.pgtrickle.engine.catalog.RefreshMode;
import io.pgtrickle.engine.intake.CopiedRows;
import io.pgtrickle.engine.intake.Partition;
import io.pgtrickle.engine.intake.RegionRepair;
import io.pgtrickle.engine.intake.SourceShape;
import io.pgtrickle.engine.intake.SourceTable;
import io.pgtrickle.engine.refresh.RefreshLoop;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Follows what DDL does to the partitions of a base table, of which the log says nothing, without
/// reading the table anew.
///
/// A partition that is created, attached, truncated, rewritten, detached or dropped concerns the
/// rows of its region only, which its bounds say. They are read as they are while nobody can change
/// them, which is for a moment, since a new partition is empty and one that is gone has no rows;
/// and
/// a [RegionRepair] puts them in the place of those that the stream has told of.
///
/// What is too large to be read under a lock, and bounds that are not computed natively (hash
/// partitions, keys under an ICU collation), are given up: the table is copied again then.
///
/// One thread; several tables take their turns.
public final class PartitionRepairs implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(PartitionRepairs.class);
  private static final int ATTEMPTS = 10;
  // Writers of these partitions wait while they are read, some tens of milliseconds per MiB.
  private static final long LARGEST_READ_BYTES = 8L << 20;
  private static final int MOST_ROWS = 1_000_000;
  private static final String VIEW = "pgtrickle_region";
  private static final String LIMITS =
      "SET LOCAL lock_timeout = '500ms'; SET LOCAL statement_timeout = '2s';"
          + " SET LOCAL row_security = off";

  private final Boundary boundary;
  private final Analyzer analyzer;
  private final Sessions sessions;
  private final String publication;
  private final Storage storage;
  private final Listener listener;
  private final Set<Integer> underWay = ConcurrentHashMap.newKeySet();
  private final Map<Integer, Integer> attempts = new HashMap<>();
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().name("partitions-", 0).daemon().factory());

  /// Is told what came of it, on a thread of its own.
  public interface Listener {
    /// The rows of some partitions were replaced.
    ///
    /// @param table its name
    /// @param partitions how many of them there were
    /// @param rows how many were taken and put
    void repaired(String table, int partitions, long rows);

    /// The table has to be copied again.
    ///
    /// @param table its name
    void givenUp(String table, int relation, String why);
  }

  public PartitionRepairs(
      RefreshLoop loop,
      Analyzer analyzer,
      Sessions sessions,
      String publication,
      Storage storage,
      Listener listener) {
    this.boundary = new Boundary(loop);
    this.analyzer = analyzer;
    this.sessions = sessions;
    this.publication = publication;
    this.storage = storage;
    this.listener = listener;
  }

  /// Asks for a repair of a base table, unless one is under way.
  public void request(int relation) {
    if (underWay.add(relation)) {
      thread.execute(() -> attempt(relation));
    }
  }

  private void attempt(int relation) {
    String name = Integer.toUnsignedString(relation);
    try {
      Optional<SourceTable> followed =
          boundary.call(() -> boundary.loop().sources().table(relation));
      if (followed.isPresent()) {
        name = followed.get().name();
        repair(followed.get());
      }
      attempts.remove(relation);
    } catch (SQLException e) {
      if (ServerRefusal.isTransient(e) || isLocked(e)) {
        tryLater(name, relation, e);
      } else {
        giveUp(name, relation, e);
      }
    } catch (CaptureException.Retry | Moved e) {
      tryLater(name, relation, e);
    } catch (TrickleException | CaptureException | EvaluationFailure | Impossible e) {
      giveUp(name, relation, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      underWay.remove(relation);
    }
  }

  private static boolean isLocked(SQLException e) {
    return "55P03".equals(e.getSQLState()) || "40P01".equals(e.getSQLState());
  }

  // The next look at the catalog asks again.
  private void tryLater(String name, int relation, Exception why) {
    LOG.debug("partitions of {} are looked at again: {}", name, why.getMessage());
    if (attempts.merge(relation, 1, Integer::sum) >= ATTEMPTS) {
      giveUp(name, relation, why);
    }
  }

  private void giveUp(String name, int relation, Exception why) {
    attempts.remove(relation);
    listener.givenUp(name, relation, String.valueOf(why.getMessage()));
  }

  private void repair(SourceTable table) throws SQLException, InterruptedException {
    int relation = table.relation();
    try (Connection session = sessions.control()) {
      SourceTables tables = new SourceTables(session, publication, storage);
      if (!tables.isIdentifiedAsBefore(table)) {
        throw new Impossible("the replica identity is another one");
      }
      Optional<Difference> difference =
          Difference.of(boundary.call(() -> Known.of(table)), Partition.read(session, relation));
      Optional<TableName> name = SourceShape.name(session, relation);
      if (difference.isEmpty() || name.isEmpty()) {
        return;
      }
      Difference found = difference.get();
      RegionRepair repair =
          new RegionRepair(region(session, name.get(), found.condition(), table.schema()));
      tables.renew(Set.of(relation));
      boolean done = false;
      try {
        ZSet before = before(relation, repair);
        replace(session, name.get(), table, found, repair, before);
        long rows = Boundary.await(repair.done());
        done = true;
        listener.repaired(name.get().toString(), found.changed().size(), rows);
      } finally {
        if (!done) {
          boundary.loop().post(() -> boundary.loop().sources().abandonRepair(relation));
        }
      }
    }
  }

  // ---- which rows -------------------------------------------------------------------------------

  /// What was known of partitions.
  private record Known(Set<String> partitions, Map<Integer, String> regions) {
    private static Known of(SourceTable table) {
      return new Known(table.shape().partitions(), table.regions());
    }
  }

  /// What became of partitions.
  ///
  /// @param all those that there are
  /// @param changed the OIDs of those that came, went, or are not what they were
  /// @param regions theirs, SQL
  /// @param locked those that have the rows of these regions
  private record Difference(
      List<Partition> all, Set<Integer> changed, Set<String> regions, List<Partition> locked) {

    private static Optional<Difference> of(Known known, List<Partition> now) {
      Set<String> versions = versions(now);
      Set<Integer> changed = new HashSet<>();
      Set<Integer> gone = new HashSet<>();
      Set<String> regions = new TreeSet<>();
      for (String version : known.partitions()) {
        if (!versions.contains(version)) {
          int oid = Partition.oid(version);
          String region = known.regions().get(oid);
          if (region == null) {
            throw new Impossible("the bounds of a partition that is gone are not known");
          }
          changed.add(oid);
          gone.add(oid);
          regions.add(region);
        }
      }
      for (Partition one : now) {
        gone.remove(one.oid());
        if (!known.partitions().contains(one.version())) {
          changed.add(one.oid());
          regions.add(one.region());
        }
      }
      return changed.isEmpty()
          ? Optional.empty()
          : Optional.of(new Difference(now, changed, regions, locked(now, changed, gone)));
    }

    // Rows that were written where a partition had been are in a default one, if there is one.
    private static List<Partition> locked(
        List<Partition> now, Set<Integer> changed, Set<Integer> gone) {
      Set<Integer> defaults =
          now.stream()
              .filter(one -> one.isDefault() && !gone.isEmpty())
              .map(Partition::oid)
              .collect(Collectors.toSet());
      return now.stream()
          .filter(Partition::hasRows)
          .filter(
              one ->
                  one.path().stream()
                      .anyMatch(oid -> changed.contains(oid) || defaults.contains(oid)))
          .toList();
    }

    private static Set<String> versions(List<Partition> partitions) {
      return partitions.stream().map(Partition::version).collect(Collectors.toSet());
    }

    private String condition() {
      return regions.stream().map(region -> "(" + region + ")").collect(Collectors.joining(" OR "));
    }

    private Map<Integer, String> bounds() {
      return all.stream().collect(Collectors.toMap(Partition::oid, Partition::region));
    }
  }

  // The server says what the condition means, and proves that it is understood.
  private RowPredicate region(Connection session, TableName table, String condition, Schema schema)
      throws SQLException {
    String query = "SELECT * FROM " + table.sql() + " WHERE " + condition;
    session.setAutoCommit(false);
    try (Statement create = session.createStatement();
        PreparedStatement describe =
            session.prepareStatement(
                "SELECT pgtrickle_internal.describe_query(?::regclass::oid, ?, '{}')::text")) {
      create.execute("CREATE TEMPORARY VIEW " + VIEW + " AS " + query);
      describe.setString(1, "pg_temp." + VIEW);
      describe.setString(2, query);
      QueryDocument document;
      try (ResultSet row = describe.executeQuery()) {
        row.next();
        document = QueryDocument.parse(row.getString(1));
      }
      Verdict verdict = analyzer.analyze(document, RefreshMode.AUTO, "");
      Verdict.Differential understood =
          verdict
              .differential()
              .orElseThrow(() -> new Impossible("bounds are not understood: " + condition));
      Optional<String> objection =
          RoundTrip.objection(session, document, understood.bound(), analyzer.facts(document));
      if (objection.isPresent()) {
        throw new Impossible("bounds are not understood: " + objection.get());
      }
      return Compiler.compilePredicate(
          condition(understood.bound(), schema), schema, verdict.settings());
    } catch (IllegalArgumentException notNative) {
      throw new Impossible("bounds are not computed natively: " + notNative.getMessage());
    } finally {
      session.rollback();
      session.setAutoCommit(true);
    }
  }

  private static Expr condition(Plan plan, Schema schema) {
    Plan below = plan instanceof Plan.Project project ? project.input() : plan;
    if (below instanceof Plan.Filter(Plan.Scan scan, Expr condition)
        && scan.schema().equals(schema)) {
      return condition;
    }
    throw new Impossible("bounds are not a condition on rows");
  }

  private ZSet before(int relation, RegionRepair repair) throws InterruptedException {
    RegionRepair.Start start =
        boundary
            .call(() -> boundary.loop().sources().prepare(relation, repair))
            .orElseThrow(() -> new Moved("the table is not followed any more"));
    try (Snapshot.Hold _ = start.hold()) {
      ZSet.Builder rows = new ZSet.Builder();
      Entries all = start.rows().prefix(new ByteSink(0));
      while (all.next()) {
        Row row = all.row();
        if (repair.contains(row)) {
          rows.add(row, all.weight());
          if (rows.size() > MOST_ROWS) {
            throw new Impossible("more than " + MOST_ROWS + " rows are concerned");
          }
        }
      }
      return rows.build();
    }
  }

  // ---- in place of which ------------------------------------------------------------------------

  private void replace(
      Connection session,
      TableName name,
      SourceTable table,
      Difference found,
      RegionRepair repair,
      ZSet before)
      throws SQLException {
    requireSmall(session, found.locked());
    session.setAutoCommit(false);
    try (Statement statement = session.createStatement()) {
      statement.execute(LIMITS);
      // Nothing is attached, detached, created or dropped from now on;
      lock(
          statement,
          "SHARE UPDATE EXCLUSIVE",
          List.of(name),
          found.all().stream().filter(one -> !one.hasRows()).map(Partition::table).toList());
      // and nothing written where rows are read.
      lock(statement, "SHARE", List.of(), found.locked().stream().map(Partition::table).toList());
      Set<String> versions = Difference.versions(Partition.read(session, table.relation()));
      if (!versions.equals(Difference.versions(found.all()))) {
        throw new Moved("partitions have changed again");
      }
      String columns =
          table.logged().stream().map(Identifiers::quote).collect(Collectors.joining(", "));
      ZSet present =
          CopiedRows.read(
              session,
              "SELECT " + columns + " FROM " + name.sql() + " WHERE " + found.condition(),
              table.schema(),
              table.logged());
      repair.ready(before, present, versions, found.bounds());
      announce(session, repair);
      session.commit();
    } finally {
      if (!session.isClosed()) {
        session.rollback();
        session.setAutoCommit(true);
      }
    }
  }

  private static void lock(
      Statement statement, String mode, List<TableName> first, List<TableName> others)
      throws SQLException {
    List<String> tables =
        Stream.concat(first.stream(), others.stream()).map(table -> "ONLY " + table.sql()).toList();
    if (!tables.isEmpty()) {
      statement.execute("LOCK TABLE " + String.join(", ", tables) + " IN " + mode + " MODE");
    }
  }

  private static void requireSmall(Connection session, List<Partition> locked) throws SQLException {
    try (PreparedStatement query =
        session.prepareStatement(
            "SELECT coalesce(sum(pg_table_size(p::oid::regclass)), 0) FROM unnest(?::int8[]) p")) {
      query.setArray(
          1,
          session.createArrayOf(
              "int8",
              locked.stream().map(one -> Integer.toUnsignedLong(one.oid())).toArray(Long[]::new)));
      try (ResultSet row = query.executeQuery()) {
        row.next();
        if (row.getLong(1) > LARGEST_READ_BYTES) {
          throw new Impossible(
              "partitions of %d bytes are too large to be read while nobody writes them"
                  .formatted(row.getLong(1)));
        }
      }
    }
  }

  private static void announce(Connection session, RegionRepair repair) throws SQLException {
    try (PreparedStatement emit =
        session.prepareStatement("SELECT pg_logical_emit_message(true, ?, ?)")) {
      emit.setString(1, RegionRepair.PREFIX);
      emit.setString(2, repair.id().toString());
      emit.execute();
    }
  }

  /// It cannot be done, now or later.
  private static final class Impossible extends RuntimeException {
    private static final long serialVersionUID = 1;

    Impossible(String why) {
      super(why);
    }
  }

  /// Somebody was quicker.
  private static final class Moved extends RuntimeException {
    private static final long serialVersionUID = 1;

    Moved(String why) {
      super(why);
    }
  }

  /// Ends what is under way; the next tenure finds it to be done.
  @Override
  public void close() {
    thread.shutdownNow();
  }
}
