package io.pgtrickle.engine.backfill;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.dataflow.Dataflow;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.zset.ZSet;
import io.pgtrickle.engine.apply.DeltaWriter;
import io.pgtrickle.engine.apply.DeltaWriter.Written;
import io.pgtrickle.engine.apply.OwnerCalls;
import io.pgtrickle.engine.apply.StorageCatalog;
import io.pgtrickle.engine.apply.StreamTable;
import io.pgtrickle.engine.catalog.Definition;
import io.pgtrickle.engine.catalog.History;
import io.pgtrickle.engine.catalog.Pipeline;
import io.pgtrickle.engine.catalog.StreamTableState;
import io.pgtrickle.engine.intake.CopiedRows;
import io.pgtrickle.engine.intake.RowChunk;
import io.pgtrickle.engine.intake.SourceRows;
import io.pgtrickle.engine.notify.Notification;
import io.pgtrickle.engine.refresh.Build;
import io.pgtrickle.engine.refresh.HeldRows;
import io.pgtrickle.engine.refresh.LiveTable;
import io.pgtrickle.engine.refresh.RefreshLoop;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Brings a private build to what its views' queries yield at one boundary, and then their tables,
/// one after the other.
///
/// Neither the rows that are read nor those that are written are in memory as a whole: they go
/// through the build in chunks, its output lies in arrangements like any state, what a table has
/// already is subtracted there, and the rest is written in chunks of one transaction.
final class Fill {
  private static final long MOST_TO_FOLLOW = 100_000;
  // Of what a step may take: more comes until the views have joined.
  private static final long HEAP_SHARE = 4;
  private static final int LATER_FILLS = 5;

  private final RefreshLoop loop;
  private final DefinitionWatch definitions;
  private final Initializer.Progress progress;
  private final Storage memory;
  private final Clock clock;

  Fill(
      RefreshLoop loop,
      DefinitionWatch definitions,
      Initializer.Progress progress,
      Storage memory,
      Clock clock) {
    this.loop = loop;
    this.definitions = definitions;
    this.progress = progress;
    this.memory = memory;
    this.clock = clock;
  }

  /// Opens a session for reading.
  @FunctionalInterface
  interface Sessions {
    Connection open() throws SQLException;
  }

  /// Fills the tables of a build that has not begun. Those that cannot be filled, the build gives
  /// up.
  ///
  /// @param writer a session that may write storage tables, without a transaction
  /// @param group the views of the build
  /// @return those that were filled, with how often each has been refreshed, this time included
  /// @throws SQLException when the connection is lost, or the server shuts down; writer has to be
  ///     rolled back
  /// @throws SourceUnavailable when the thread is interrupted
  Map<Preparation, Long> run(
      Connection writer, Sessions readers, List<Preparation> group, Build build)
      throws SQLException, InterruptedException {
    group.forEach(one -> progress.phase(one.definition(), Initializer.Phase.SNAPSHOTTING));
    Instant began = clock.instant();
    try (Connection reader = readers.open()) {
      reader.setAutoCommit(false);
      try (HeldRows held = start(build, reader)) {
        load(build, held.rows(), reader, group);
      }
    }
    Map<Preparation, Long> filled = new LinkedHashMap<>();
    for (Preparation one : group) {
      fill(writer, one, build, began, Contents.UNKNOWN, filled);
    }
    // What follows at the boundary is one delta, of all of them. Whoever changes more than that all
    // the time cannot be waited for.
    for (int i = 0; i < LATER_FILLS && tooMuchToFollow(filled, build); i++) {
      for (Preparation one : List.copyOf(filled.keySet())) {
        if (build.healthy(one.id()) && build.differing(one.id()) > 0) {
          fill(writer, one, build, began, Contents.SUBTRACTED, filled);
        }
      }
    }
    return filled;
  }

  private HeldRows start(Build build, Connection reader) throws InterruptedException {
    return new Boundary(loop).call(() -> loop.members().start(build, reader), HeldRows::close);
  }

  private static boolean tooMuchToFollow(Map<Preparation, Long> filled, Build build) {
    long rows = 0;
    long bytes = 0;
    for (Preparation one : filled.keySet()) {
      if (build.healthy(one.id())) {
        rows += build.differing(one.id());
        bytes += build.differingBytes(one.id());
      }
    }
    return rows > MOST_TO_FOLLOW || bytes > Dataflow.stepMemory() / HEAP_SHARE;
  }

  /// What is known of the contents of a table.
  private enum Contents {
    UNKNOWN,
    /// They have been subtracted from the build's output.
    SUBTRACTED
  }

  private void fill(
      Connection writer,
      Preparation one,
      Build build,
      Instant began,
      Contents contents,
      Map<Preparation, Long> filled)
      throws SQLException {
    if (!build.contains(one.id())) {
      return;
    }
    try {
      filled.put(one, fill(writer, one, build, began, contents));
    } catch (RuntimeException e) {
      build.giveUp(one.id(), e);
    } catch (SQLException e) {
      if (ServerRefusal.endsSession(e)) {
        throw e;
      }
      build.giveUp(one.id(), e);
    }
    // Of one that failed half way nothing may be written with the next one.
    writer.rollback();
    requireRunning();
    // Nor may what happens meanwhile pile up until the last is filled.
    build.catchUp();
  }

  // Whoever interrupts does not wait for long, and then takes the state away.
  private static void requireRunning() {
    if (Thread.currentThread().isInterrupted()) {
      throw new SourceUnavailable("57P01", "the sidecar lets go of the database", null);
    }
  }

  private long fill(
      Connection writer, Preparation one, Build build, Instant began, Contents contents)
      throws SQLException {
    Definition definition = one.definition();
    progress.phase(definition, Initializer.Phase.FILLING);
    OwnerCalls.ownSettings(writer);
    boolean first = refreshes(writer, definition) == 0;
    LiveTable.Released where = build.reached();
    DeltaWriter table = new DeltaWriter(writer, one.table());
    OwnerCalls.require(writer, one.table());
    boolean wasEmpty = contents == Contents.UNKNOWN && subtract(writer, one, build);
    // Rows that the key does not tell apart, such as those of the query before, are replaced as in
    // a table without one; what is there then has the key.
    boolean repeated = contents == Contents.UNKNOWN && !wasEmpty && table.repeatsKeys();
    StreamTable filled = repeated ? one.table().withoutKey() : one.table();
    DeltaWriter filling = new DeltaWriter(writer, filled);
    // Into an empty table rows go first and the index after them; otherwise the index finds the old
    // rows.
    if (wasEmpty) {
      filling.dropFormerIdentityIndexes();
    } else {
      filling.ensureIdentityIndex();
    }
    boolean healthy = build.healthy(one.id());
    Written written = healthy ? write(filling, filled, build) : new Written(0, 0);
    if (wasEmpty || (repeated && healthy)) {
      table.ensureIdentityIndex();
    }
    tell(writer, definition, where, written);
    // Writing has locked what has the table's name; that it is the table is certain only now.
    if (!StorageCatalog.isInPlace(writer, one.table())) {
      throw new SourceUnavailable(
          "42P01", one.table().catalogName() + " was renamed while it was filled", null);
    }
    long refreshes = refreshes(writer, definition);
    if (healthy && contents == Contents.UNKNOWN) {
      Instant ended = clock.instant();
      History.append(
          writer,
          List.of(
              new History.Entry(
                  definition.pgtId(),
                  refreshes,
                  where.time(),
                  began,
                  ended,
                  History.Action.REINITIALIZE,
                  History.Outcome.COMPLETED,
                  first ? History.Initiator.INITIAL : History.Initiator.SCHEDULER,
                  null,
                  1,
                  written.inserted(),
                  written.deleted(),
                  Duration.between(began, ended).toNanos() / 1e6,
                  null,
                  where.frontier(),
                  null,
                  null)));
    }
    writer.commit();
    if (healthy) {
      build.differenceIsWritten(one.id());
    }
    progress.phase(definition, Initializer.Phase.CATCHING_UP);
    return refreshes;
  }

  /// How often a table has been refreshed.
  static long refreshes(Connection session, Definition definition) throws SQLException {
    return StreamTableState.visible(session, definition.pgtId()).refreshId();
  }

  // ---- into the build ---------------------------------------------------------------------------

  /// Rows of one relation: of a base table as they are arranged, of a stream table by a query.
  private record Source(
      int relation, long bytes, @Nullable SourceRows rows, Optional<Plan.Scan> query) {}

  // The small ones first. A step joins its rows with all that have come before, and the largest
  // table is where a row has few partners: a few rows of a dimension that came last would have to
  // be joined with all facts at once.
  private void load(
      Build build, Map<Integer, SourceRows> tables, Connection reader, List<Preparation> group)
      throws SQLException, InterruptedException {
    try (Statement statement = reader.createStatement()) {
      statement.execute("SET LOCAL row_security = off");
    }
    Map<Integer, Source> sources = new LinkedHashMap<>();
    tables.forEach(
        (relation, rows) ->
            sources.put(relation, new Source(relation, rows.bytes(), rows, Optional.empty())));
    for (Preparation one : group) {
      for (Plan.Scan scan : one.scans()) {
        int relation = scan.relation();
        if (!sources.containsKey(relation)) {
          sources.put(
              relation, new Source(relation, size(reader, relation), null, Optional.of(scan)));
        }
      }
    }
    List<Source> order = new ArrayList<>(sources.values());
    order.sort(Comparator.comparingLong(Source::bytes));
    for (Source source : order) {
      if (build.readers(source.relation()).isEmpty()) {
        continue;
      }
      if (source.rows() != null) {
        load(build, source.relation(), source.rows());
      } else {
        load(build, reader, source.query().orElseThrow());
      }
    }
    build.loaded();
    reader.rollback();
  }

  // Without a row if it was dropped meanwhile.
  private static long size(Connection reader, int relation) throws SQLException {
    try (PreparedStatement query =
        reader.prepareStatement("SELECT pg_catalog.pg_table_size(?::oid)")) {
      query.setString(1, Integer.toUnsignedString(relation));
      try (ResultSet row = query.executeQuery()) {
        row.next();
        return row.getLong(1);
      }
    }
  }

  private void load(Build build, int relation, SourceRows rows) throws InterruptedException {
    try {
      RowChunk chunk = chunk(build, relation);
      rows.forEach(
          (row, weight) -> {
            if (chunk.add(row, weight)) {
              load(build, relation, chunk.take());
            }
          });
      load(build, relation, chunk.take());
    } catch (StateDamaged e) {
      build.giveUpReaders(
          relation, new SourceUnavailable(e.sqlState(), String.valueOf(e.getMessage()), e));
      new Boundary(loop).run(() -> loop.sources().altered(relation, e));
    }
  }

  private static void load(Build build, int relation, ZSet rows) {
    requireRunning();
    build.load(relation, rows);
  }

  private static RowChunk chunk(Build build, int relation) {
    return new RowChunk(build.readers(relation).size());
  }

  // A stream table that cannot be read is the matter of those that read it.
  private void load(Build build, Connection reader, Plan.Scan scan) throws SQLException {
    Savepoint before = reader.setSavepoint();
    try {
      StreamTable storage = storage(reader, scan);
      // Not in a transaction that only reads: there it could not keep the functions as they are.
      OwnerCalls.require(reader, storage);
      CopiedRows.read(
          reader,
          storage.contents(scan.schema().columns()),
          scan.schema(),
          chunk(build, scan.relation()),
          rows -> load(build, scan.relation(), rows));
    } catch (SQLException e) {
      if (ServerRefusal.endsSession(e)) {
        throw e;
      }
      build.giveUpReaders(
          scan.relation(),
          new SourceUnavailable(
              String.valueOf(e.getSQLState()),
              scan.name() + " cannot be read: " + e.getMessage(),
              e));
      reader.rollback(before);
    } catch (SourceUnavailable | QueryRejected e) {
      requireRunning();
      build.giveUpReaders(scan.relation(), e);
      reader.rollback(before);
    }
  }

  private StreamTable storage(Connection reader, Plan.Scan scan) throws SQLException {
    Definition upstream =
        definitions
            .ofRelation(scan.relation())
            .orElseThrow(
                () -> new SourceUnavailable("42P01", scan.name() + " was dropped meanwhile", null));
    return StorageCatalog.load(
        reader,
        upstream.pgtId(),
        upstream.table().schema(),
        upstream.table().name(),
        Optional.empty(),
        false);
  }

  // ---- into the table ---------------------------------------------------------------------------

  // Returns whether the table is empty.
  private static boolean subtract(Connection writer, Preparation one, Build build)
      throws SQLException {
    StreamTable storage = one.table();
    boolean[] isEmpty = {true};
    // An exception on the way would end the session, which the others need.
    List<RuntimeException> problems = new ArrayList<>();
    CopiedRows.read(
        writer,
        storage.contents(storage.schema().columns()),
        storage.schema(),
        new RowChunk(),
        rows -> {
          isEmpty[0] &= rows.isEmpty();
          requireRunning();
          if (problems.isEmpty()) {
            try {
              build.subtract(one.id(), rows);
            } catch (RuntimeException e) {
              problems.add(e);
            }
          }
        });
    if (!problems.isEmpty()) {
      throw problems.getFirst();
    }
    return isEmpty[0];
  }

  private Written write(DeltaWriter writer, StreamTable table, Build build) throws SQLException {
    Snapshot difference = build.difference(table.id());
    // The build may be given up by another thread meanwhile.
    try (Snapshot.Hold _ = difference.hold()) {
      return new Difference(difference, table, memory).write(writer);
    }
  }

  // A fill is a refresh like any other: what changed while no sidecar was there must not be lost on
  // listeners.
  private static void tell(
      Connection writer, Definition definition, LiveTable.Released where, Written written)
      throws SQLException {
    if (written.inserted() + written.deleted() > 0) {
      Pipeline pipeline = new Pipeline();
      StreamTableState.refreshed(
          pipeline,
          List.of(
              new StreamTableState.Refreshed(
                  definition.pgtId(),
                  written.inserted(),
                  written.deleted(),
                  where.frontier(),
                  where.time())));
      Notification.send(pipeline, List.of(definition.pgtId()), sent -> {});
      pipeline.run(writer);
    }
  }
}
