package io.pgtrickle.engine.backfill;

import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.state.Entries;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.ByteSink;
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
import io.pgtrickle.engine.notify.Notification;
import io.pgtrickle.engine.refresh.HeldRows;
import io.pgtrickle.engine.refresh.RefreshLoop;
import io.pgtrickle.engine.refresh.ViewBuild;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
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

/// Brings a private build, and then its table, to what the view's query yields at one boundary.
///
/// Neither the rows that are read nor those that are written are in memory as a whole: they go
/// through the build in chunks, its output lies in an arrangement like any state, what the table
/// has already is subtracted there, and the rest is written in chunks of one transaction.
final class Fill {
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

  /// The boundary at which a build began.
  private record Start(HeldRows held, Lsn frontier, Instant time) {}

  /// Opens a session for reading.
  @FunctionalInterface
  interface Sessions {
    Connection open() throws SQLException;
  }

  /// Fills the table of a build that has not begun.
  ///
  /// @param writer a session that may write storage tables, without a transaction; when this
  ///     throws it has to be rolled back
  /// @return how often the table has been refreshed, this time included
  long run(Connection writer, Sessions readers, Preparation one, ViewBuild build)
      throws SQLException, InterruptedException {
    progress.phase(one.definition(), "snapshotting", 0);
    Instant began = clock.instant();
    boolean first = refreshes(writer, one.definition()) == 0;
    Start start;
    try (Connection reader = readers.open()) {
      reader.setAutoCommit(false);
      start =
          new Boundary(loop)
              .call(
                  () ->
                      new Start(
                          loop.builds().start(build, reader, loop.frontierTime()),
                          loop.frontier(),
                          loop.frontierTime()));
      try (HeldRows held = start.held()) {
        load(build, held.rows(), reader, upstream(one));
      }
    }
    progress.phase(one.definition(), "filling", 0);
    Written written = fill(writer, one.table(), build);
    tell(writer, one.definition(), start, written);
    // Writing has locked what has the table's name; that it is the table is certain only now.
    if (!StorageCatalog.isInPlace(writer, one.table())) {
      writer.rollback();
      throw new SourceUnavailable(
          "42P01", one.table().catalogName() + " was renamed while it was filled", null);
    }
    long refreshes = refreshes(writer, one.definition());
    if (build.healthy()) {
      Instant ended = clock.instant();
      History.append(
          writer,
          List.of(
              new History.Entry(
                  one.definition().pgtId(),
                  refreshes,
                  start.time(),
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
                  start.frontier(),
                  null,
                  null)));
    }
    writer.commit();
    if (build.healthy()) {
      build.differenceIsWritten();
    }
    return refreshes;
  }

  /// How often a table has been refreshed.
  static long refreshes(Connection session, Definition definition) throws SQLException {
    return StreamTableState.visible(session)
        .getOrDefault(definition.pgtId(), StreamTableState.Visible.NEVER)
        .refreshId();
  }

  // ---- into the build ---------------------------------------------------------------------------

  private Map<Integer, Plan.Scan> upstream(Preparation one) {
    Map<Integer, Plan.Scan> upstream = new LinkedHashMap<>();
    for (Plan.Scan scan : one.scans()) {
      if (definitions.isStreamTable(scan.relation())) {
        upstream.put(scan.relation(), scan);
      }
    }
    return upstream;
  }

  /// Rows of one relation: of a base table as they are arranged, of a stream table by a query.
  private record Source(
      int relation, long bytes, @Nullable Snapshot rows, Optional<Plan.Scan> query) {}

  // The small ones first. A step joins its rows with all that have come before, and the largest
  // table is where a row has few partners: a few rows of a dimension that came last would have to
  // be joined with all facts at once.
  private void load(
      ViewBuild build,
      Map<Integer, Snapshot> snapshots,
      Connection reader,
      Map<Integer, Plan.Scan> upstream)
      throws SQLException {
    try (Statement statement = reader.createStatement()) {
      statement.execute("SET LOCAL row_security = off");
    }
    List<Source> sources = new ArrayList<>();
    snapshots.forEach(
        (relation, rows) ->
            sources.add(new Source(relation, rows.bytes(), rows, Optional.empty())));
    for (Plan.Scan scan : upstream.values()) {
      sources.add(
          new Source(scan.relation(), size(reader, scan.relation()), null, Optional.of(scan)));
    }
    sources.sort(Comparator.comparingLong(Source::bytes));
    for (Source source : sources) {
      if (source.rows() != null) {
        load(build, source.relation(), source.rows());
      } else {
        load(build, reader, source.query().orElseThrow());
      }
    }
    build.loaded();
    reader.rollback();
  }

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

  private static void load(ViewBuild build, int relation, Snapshot snapshot) {
    Entries rows = snapshot.prefix(new ByteSink(0));
    RowChunk chunk = new RowChunk();
    while (rows.next()) {
      if (chunk.add(rows.row(), rows.weight())) {
        build.load(relation, chunk.take());
      }
    }
    build.load(relation, chunk.take());
  }

  private void load(ViewBuild build, Connection reader, Plan.Scan scan) throws SQLException {
    StreamTable storage = storage(reader, scan);
    // Not in a transaction that only reads: there it could not keep the functions as they are.
    OwnerCalls.require(reader, storage);
    CopiedRows.read(
        reader,
        storage.contents(scan.schema().columns()),
        scan.schema(),
        rows -> build.load(scan.relation(), rows));
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

  private Written fill(Connection writer, StreamTable storage, ViewBuild build)
      throws SQLException {
    OwnerCalls.require(writer, storage);
    boolean[] wasEmpty = {true};
    CopiedRows.read(
        writer,
        storage.contents(storage.schema().columns()),
        storage.schema(),
        rows -> {
          wasEmpty[0] &= rows.isEmpty();
          build.subtract(rows);
        });
    DeltaWriter table = new DeltaWriter(writer, storage);
    // Into an empty table rows go first and the index after them; otherwise the index finds the old
    // rows.
    if (!wasEmpty[0]) {
      table.ensureIdentityIndex();
    }
    Written written = new Written(0, 0);
    if (build.healthy()) {
      Snapshot difference = build.difference();
      // The build may be given up by another thread meanwhile.
      try (Snapshot.Hold _ = difference.hold()) {
        written = new Difference(difference, storage, memory).write(table);
      }
    }
    if (wasEmpty[0]) {
      table.ensureIdentityIndex();
    }
    return written;
  }

  // A fill is a refresh like any other: what changed while no sidecar was there must not be lost on
  // listeners.
  private static void tell(Connection writer, Definition definition, Start start, Written written)
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
                  start.frontier(),
                  start.time())));
      Notification.send(pipeline, List.of(definition.pgtId()), sent -> {});
      pipeline.run(writer);
    }
  }
}
