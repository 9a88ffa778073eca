package io.pgtrickle.engine.backfill;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.TableName;
import io.pgtrickle.dvm.Nesting;
import io.pgtrickle.dvm.TrickleException;
import io.pgtrickle.dvm.expr.Compiler;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.expr.RowPredicate;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.KeptColumns;
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
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
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
/// A partition may be gone again when its turn comes, and what it had would stay. So whatever was
/// seen of partitions is remembered until a repair has dealt with it.
///
/// One thread, on which nothing waits for the stream; several tables take their turns.
public final class PartitionRepairs implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(PartitionRepairs.class);
  private static final int ATTEMPTS = 10;
  // Writers of these partitions wait while they are read, some tens of milliseconds per MiB.
  private static final long LARGEST_READ_BYTES = 8L << 20;
  private static final Duration PAUSE = Duration.ofSeconds(2);
  private static final String LIMITS =
      "SET LOCAL lock_timeout = '500ms'; SET LOCAL statement_timeout = '2s';"
          + " SET LOCAL row_security = off";

  private final Boundary boundary;
  private final Analyzer analyzer;
  private final Sessions sessions;
  private final String publication;
  private final Storage storage;
  private final Listener listener;
  private final Map<Integer, Map<String, String>> seen = new ConcurrentHashMap<>();
  private final Set<Integer> underWay = ConcurrentHashMap.newKeySet();
  private final Map<Integer, Integer> attempts = new ConcurrentHashMap<>();
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          Nesting.thread().name("partitions-", 0).daemon().factory());

  /// Is told what came of it, on another thread.
  public interface Listener {
    /// The rows of some partitions were replaced.
    ///
    /// @param table its name
    /// @param partitions how many of them there were
    /// @param rows how many were taken and put
    void repaired(String table, int partitions, long rows);

    /// The table has to be copied again, if it is still this one.
    void givenUp(SourceTable table, String why);
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

  /// Asks for a repair of a base table.
  ///
  /// @param now its partitions as they were seen
  public void request(int relation, List<Partition> now) {
    Map<String, String> remembered = seenOf(relation);
    now.forEach(one -> remembered.put(one.version(), one.region()));
    submit(relation);
  }

  private void submit(int relation) {
    if (underWay.add(relation)) {
      thread.execute(() -> attempt(relation));
    }
  }

  private void attempt(int relation) {
    boolean handled = false;
    try {
      int number = attempts.merge(relation, 1, Integer::sum);
      Optional<SourceTable> followed =
          boundary.call(() -> boundary.loop().sources().table(relation));
      if (followed.isPresent()) {
        handled = attempt(followed.get(), number);
      } else {
        settled(relation, Set.copyOf(seenOf(relation).keySet()));
        handled = true;
      }
    } catch (InterruptedException e) {
      handled = true;
      Thread.currentThread().interrupt();
    } finally {
      if (!handled) {
        var _ = thread.schedule(() -> attempt(relation), PAUSE.toMillis(), TimeUnit.MILLISECONDS);
      }
    }
  }

  // Whether no other attempt has to be made.
  private boolean attempt(SourceTable table, int number) throws InterruptedException {
    try {
      if (number > ATTEMPTS) {
        throw new Impossible("not done in " + ATTEMPTS + " attempts");
      }
      repair(table);
      return true;
    } catch (SQLException e) {
      if (ServerRefusal.isTransient(e) || isLocked(e)) {
        LOG.debug("partitions of {} are looked at again: {}", table.name(), e.getMessage());
        return false;
      }
      giveUp(table, e);
    } catch (CaptureException.Retry | Moved e) {
      LOG.debug("partitions of {} are looked at again: {}", table.name(), e.getMessage());
      return false;
    } catch (TrickleException | CaptureException | EvaluationFailure | Impossible e) {
      giveUp(table, e);
    } catch (RuntimeException | StackOverflowError e) {
      LOG.warn("partitions of {} could not be looked at", table.name(), e);
      giveUp(table, e);
    }
    return true;
  }

  private static boolean isLocked(SQLException e) {
    return "55P03".equals(e.getSQLState()) || "40P01".equals(e.getSQLState());
  }

  private void giveUp(SourceTable table, Throwable why) {
    listener.givenUp(table, String.valueOf(why.getMessage()));
    settled(table.relation(), Set.copyOf(seenOf(table.relation()).keySet()));
  }

  // What was seen since has another repair follow.
  private void settled(int relation, Set<String> versions) {
    Map<String, String> remembered = seenOf(relation);
    remembered.keySet().removeAll(versions);
    attempts.remove(relation);
    underWay.remove(relation);
    if (!remembered.isEmpty()) {
      submit(relation);
    }
  }

  private Map<String, String> seenOf(int relation) {
    return seen.computeIfAbsent(relation, _ -> new ConcurrentHashMap<>());
  }

  private void repair(SourceTable table) throws SQLException, InterruptedException {
    int relation = table.relation();
    try (Connection session = sessions.control()) {
      SourceTables tables = new SourceTables(session, publication, storage);
      if (!tables.isIdentifiedAsBefore(table)) {
        throw new Impossible("the replica identity is another one");
      }
      Map<String, String> known = new HashMap<>(boundary.call(() -> Difference.known(table)));
      seenOf(relation).forEach(known::putIfAbsent);
      List<Partition> now = Partition.read(session, relation);
      requireSeen(known.keySet(), now);
      Set<String> followed = boundary.call(() -> table.shape().partitions());
      Optional<Difference> difference = Difference.of(followed, known, now);
      Optional<TableName> name = SourceShape.name(session, relation);
      if (difference.isEmpty() || name.isEmpty()) {
        settled(relation, known.keySet());
        return;
      }
      Difference found = difference.get();
      requireTold(session, found, known.keySet());
      requireSmall(session, found.locked());
      RegionRepair repair =
          new RegionRepair(
              region(session, name.get(), found.condition(), table.columns()),
              Partition.oids(known.keySet()));
      tables.renew(Set.of(relation));
      boolean announced = false;
      try {
        ZSet before = before(table, repair);
        replace(session, name.get(), table, found, repair, before);
        announced = true;
      } finally {
        if (!announced) {
          boundary.loop().post(table::abandonRepair);
        }
      }
      // By the refresh thread, which has other things to do.
      var _ =
          repair
              .done()
              .whenCompleteAsync(
                  (rows, problem) -> ended(table, found, known.keySet(), rows, problem), thread);
    }
  }

  private void ended(
      SourceTable table,
      Difference found,
      Set<String> versions,
      @Nullable Long rows,
      @Nullable Throwable problem) {
    if (rows != null) {
      listener.repaired(table.name(), found.changed().size(), rows);
    }
    if (problem == null || problem instanceof CancellationException) {
      settled(table.relation(), versions);
    } else {
      giveUp(table, problem);
    }
  }

  // ---- which rows -------------------------------------------------------------------------------

  /// What became of partitions.
  ///
  /// @param all those that there are
  /// @param changed the OIDs of those that came, went, or are not what they were
  /// @param regions theirs, SQL
  /// @param locked those that have the rows of these regions
  private record Difference(
      List<Partition> all, Set<Integer> changed, Set<String> regions, List<Partition> locked) {

    /// The regions of the partitions that a table was copied with, by their versions.
    private static Map<String, String> known(SourceTable table) {
      return table.shape().partitions().stream()
          .collect(
              Collectors.toMap(
                  version -> version,
                  version -> table.regions().getOrDefault(Partition.oid(version), "true")));
    }

    /// @param followed the versions of those that the engine's rows are of
    /// @param known besides them those that were there for some time, by version, and their regions
    private static Optional<Difference> of(
        Set<String> followed, Map<String, String> known, List<Partition> now) {
      Set<String> versions = Partition.versions(now);
      Set<Integer> changed = new HashSet<>();
      Set<String> regions = new TreeSet<>();
      known.forEach(
          (version, region) -> {
            if (!versions.contains(version)) {
              changed.add(Partition.oid(version));
              regions.add(region);
            }
          });
      boolean missing = !regions.isEmpty();
      for (Partition one : now) {
        if (!followed.contains(one.version())) {
          changed.add(one.oid());
          regions.add(one.region());
        }
      }
      return changed.isEmpty()
          ? Optional.empty()
          : Optional.of(new Difference(now, changed, regions, locked(now, changed, missing)));
    }

    // Rows that were written where a partition had been are in a default one, if there is one.
    private static List<Partition> locked(
        List<Partition> now, Set<Integer> changed, boolean missing) {
      Set<Integer> concerned = new HashSet<>(changed);
      if (missing) {
        now.stream().filter(Partition::isDefault).map(Partition::oid).forEach(concerned::add);
      }
      return now.stream()
          .filter(Partition::hasRows)
          .filter(one -> one.path().stream().anyMatch(concerned::contains))
          .toList();
    }

    private String condition() {
      return regions.stream().map(region -> "(" + region + ")").collect(Collectors.joining(" OR "));
    }
  }

  // Of one that came and went between two looks nobody knows where its rows are.
  private static void requireSeen(Set<String> known, List<Partition> now) {
    Set<Integer> unknown =
        known.stream().filter(Partition::isUnknown).map(Partition::oid).collect(Collectors.toSet());
    known.removeIf(Partition::isUnknown);
    unknown.removeAll(Partition.oids(known));
    now.forEach(one -> unknown.remove(one.oid()));
    if (!unknown.isEmpty()) {
      throw new Impossible("a partition came and went before anybody saw it");
    }
  }

  // Version 14 goes on telling what is written to a partition that is none any more, where no
  // bounds apply to it, as changes of the table.
  private static void requireTold(Connection session, Difference found, Set<String> known)
      throws SQLException {
    if (session.getMetaData().getDatabaseMajorVersion() >= 15) {
      return;
    }
    Set<String> members =
        found.all().stream()
            .map(one -> Partition.membership(one.version()))
            .collect(Collectors.toSet());
    for (String version : known) {
      if (!members.contains(Partition.membership(version))) {
        throw new Impossible("before version 15 a partition that is gone may be anywhere");
      }
    }
  }

  // The server says what the condition means, and proves that it is understood.
  private RowPredicate region(
      Connection session, TableName table, String condition, KeptColumns columns)
      throws SQLException {
    String query = "SELECT * FROM " + table.sql() + " WHERE " + condition;
    String view = Identifiers.unforeseeable("pgtrickle_region");
    session.setAutoCommit(false);
    try (Statement create = session.createStatement();
        PreparedStatement describe =
            session.prepareStatement(
                "SELECT pgtrickle_internal.describe_query(?::regclass::oid, ?, '{}')::text")) {
      create.execute("CREATE TEMPORARY VIEW " + view + " AS " + query);
      describe.setString(1, "pg_temp." + view);
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
          condition(understood.bound(), columns), columns.schema(), verdict.settings());
    } catch (IllegalArgumentException notNative) {
      throw new Impossible("bounds are not computed natively: " + notNative.getMessage());
    } finally {
      session.rollback();
      session.setAutoCommit(true);
    }
  }

  private static Expr condition(Plan plan, KeptColumns columns) {
    Plan below = plan instanceof Plan.Project project ? project.input() : plan;
    if (below instanceof Plan.Filter(Plan.Scan scan, Expr asked)) {
      Expr condition =
          Expressions.map(
              asked,
              each ->
                  each instanceof Expr.Column(int index, _)
                      ? column(scan.schema().column(index), columns.schema())
                      : each);
      if (!Expressions.columns(condition).stream().allMatch(columns::keeps)) {
        throw new Impossible("bounds are about columns that are not kept");
      }
      return condition;
    }
    throw new Impossible("bounds are not a condition on rows");
  }

  // A query has generated columns that the log does not tell.
  private static Expr column(Column named, Schema schema) {
    int index = schema.columns().indexOf(named);
    if (index < 0) {
      throw new Impossible("bounds are about columns that are not known");
    }
    return new Expr.Column(index, named.type());
  }

  private ZSet before(SourceTable table, RegionRepair repair) throws InterruptedException {
    RegionRepair.Start start =
        boundary
            .call(
                () -> boundary.loop().sources().prepare(table, repair),
                untaken -> untaken.ifPresent(rows -> rows.hold().close()))
            .orElseThrow(() -> new Moved("the table is not followed any more"));
    try (Snapshot.Hold _ = start.hold()) {
      ZSet.Builder rows = new ZSet.Builder();
      start
          .rows()
          .forEach(
              (row, weight) -> {
                if (repair.contains(row)) {
                  rows.add(row, weight);
                  if (rows.size() > RegionRepair.MOST_ROWS) {
                    throw new Impossible(
                        "more than " + RegionRepair.MOST_ROWS + " rows are concerned");
                  }
                }
              });
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
      Set<String> versions = Partition.versions(Partition.read(session, table.relation()));
      if (!versions.equals(Partition.versions(found.all()))) {
        throw new Moved("partitions have changed again");
      }
      String columns =
          table.read().stream().map(Identifiers::quote).collect(Collectors.joining(", "));
      ZSet present =
          CopiedRows.read(
              session,
              "SELECT " + columns + " FROM " + name.sql() + " WHERE " + found.condition(),
              table.read(),
              table.columns());
      repair.ready(before, present, versions, Partition.regions(found.all()));
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
