package io.pgtrickle.engine.refresh;

import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.ZSet;
import io.pgtrickle.engine.apply.Applier.Failure;
import io.pgtrickle.engine.apply.DeltaWriter.Written;
import io.pgtrickle.engine.apply.OwnerCalls;
import io.pgtrickle.engine.apply.ResidueCheck;
import io.pgtrickle.engine.apply.StorageCatalog;
import io.pgtrickle.engine.apply.StreamTable;
import io.pgtrickle.engine.catalog.Frontier;
import io.pgtrickle.engine.catalog.History;
import io.pgtrickle.engine.catalog.Pipeline;
import io.pgtrickle.engine.catalog.Progress;
import io.pgtrickle.engine.catalog.RefreshMode;
import io.pgtrickle.engine.catalog.Replies;
import io.pgtrickle.engine.catalog.StreamTableState;
import io.pgtrickle.engine.notify.Coalescer;
import io.pgtrickle.engine.notify.Notification;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What the refresh thread records about its work: the frontier, the state and history of stream
/// tables,
/// notifications, replies to callers, and meters.
///
/// All that concerns an epoch is written in the epoch's own transaction ([#write]), so nobody ever
/// sees rows
/// without their frontier or the reverse.
public final class Ledger {
  private static final Logger LOG = LoggerFactory.getLogger(Ledger.class);
  private static final Duration HISTORY_INTERVAL = Duration.ofSeconds(10);
  private static final Duration SLOW = Duration.ofSeconds(1);
  private static final Duration PROGRESS_INTERVAL = Duration.ofSeconds(15);

  private final Connection connection;
  private final String source;
  private final int timeline;
  private final long token;
  private final RefreshObserver observer;
  private final Coalescer coalescer;

  private final Map<Long, StreamTableState> changedStates = new LinkedHashMap<>();
  private final Map<Long, RefreshSpan> spans = new LinkedHashMap<>();
  private final List<History.Entry> singles = new ArrayList<>();
  private Set<Long> told = Set.of();
  private Set<Long> changed = Set.of();
  private Instant historyDue = Instant.MIN;
  private Instant progressDue = Instant.MIN;
  private Instant serverTime = Instant.EPOCH;
  private long serverTimeTaken;
  private Lsn writing = Lsn.ZERO;
  private Lsn recorded = Lsn.ZERO;

  /// @param connection the apply connection, autocommit off
  /// @param token the lease's fencing token
  public Ledger(
      Connection connection,
      String source,
      int timeline,
      long token,
      RefreshObserver observer,
      Coalescer coalescer) {
    this.connection = connection;
    this.source = source;
    this.timeline = timeline;
    this.token = token;
    this.observer = observer;
    this.coalescer = coalescer;
  }

  /// Whether notifications wait for their time.
  boolean waits(Instant now) {
    return coalescer.nextDeadline(now).isPresent();
  }

  /// Whether something has to be written although no rows are.
  boolean due(Instant now) {
    return !changedStates.isEmpty()
        || coalescer.nextDeadline(now).map(at -> !now.isBefore(at)).orElse(false)
        || (!now.isBefore(historyDue) && (!spans.isEmpty() || !singles.isEmpty()))
        || !now.isBefore(progressDue);
  }

  /// Asks the server for the time.
  void readClock() {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery("SELECT clock_timestamp() AS now")) {
      row.next();
      serverTime = row.getObject("now", OffsetDateTime.class).toInstant();
      serverTimeTaken = System.nanoTime();
    } catch (SQLException e) {
      throw new SourceUnavailable(
          String.valueOf(e.getSQLState()), "the apply connection was lost: " + e.getMessage(), e);
    } finally {
      rollback();
    }
  }

  /// The time by the server's clock as of its last answer, plus what has passed here since: behind
  /// it by the way of that answer, never before it.
  Instant serverTime() {
    return serverTime.plusNanos(System.nanoTime() - serverTimeTaken);
  }

  /// The next transaction records the frontier, whatever else there is.
  void recordProgress() {
    progressDue = Instant.MIN;
  }

  /// The database has recorded a frontier before this ledger began.
  void recorded(Lsn earlier) {
    recorded = earlier;
  }

  /// The frontier that the database has recorded.
  Lsn recorded() {
    return recorded;
  }

  /// Adds everything about an epoch to its transaction.
  ///
  /// The pipeline throws [StateDamaged] when nothing may be committed: another sidecar has taken
  /// over, or another table the name of one of these ([#displaced] tells), so that its rows went
  /// there.
  void write(
      Connection transaction,
      Pipeline pipeline,
      Lsn frontier,
      Instant frontierTime,
      Map<LiveTable, Written> written,
      Instant now)
      throws SQLException {
    boolean historyIsDue = !now.isBefore(historyDue);
    if (historyIsDue || !changedStates.isEmpty()) {
      // These come before the pipeline, which begins with it.
      OwnerCalls.ownSettings(transaction);
    }
    for (StreamTableState state : changedStates.values()) {
      state.put(transaction);
    }
    if (historyIsDue) {
      History.append(transaction, entries());
    }
    if (!written.isEmpty()) {
      List<StreamTableState.Refreshed> refreshed = new ArrayList<>();
      written.forEach(
          (table, rows) ->
              refreshed.add(
                  new StreamTableState.Refreshed(
                      table.id(),
                      rows.inserted(),
                      rows.deleted(),
                      table.released().frontier(),
                      table.released().time())));
      StreamTableState.refreshed(pipeline, refreshed);
    }
    changed = Set.copyOf(written.keySet().stream().map(LiveTable::id).toList());
    told = coalescer.due(changed, now);
    Notification.send(pipeline, told, sent -> {});
    writing = frontier;
    Progress.advance(
        pipeline,
        new Frontier(source, timeline, frontier, frontierTime),
        token,
        relations(written.keySet()),
        this::advanced);
  }

  private void advanced(Optional<Instant> at) {
    serverTime =
        at.orElseThrow(
            () ->
                new StateDamaged(
                    "the frontier was not moved: another sidecar has the lease, or another table"
                        + " the name of a storage table",
                    null));
    serverTimeTaken = System.nanoTime();
  }

  private static Map<String, Integer> relations(Set<LiveTable> tables) {
    return tables.stream()
        .collect(
            Collectors.toMap(
                table -> table.storage().qualifiedName(), table -> table.storage().relation()));
  }

  /// Those of some tables whose names mean another table by now.
  List<StreamTable> displaced(Collection<LiveTable> tables) {
    try {
      OwnerCalls.ownSettings(connection);
      return StorageCatalog.displaced(connection, tables.stream().map(LiveTable::storage).toList());
    } catch (SQLException e) {
      throw new SourceUnavailable(
          String.valueOf(e.getSQLState()), "the apply connection was lost: " + e.getMessage(), e);
    } finally {
      rollback();
    }
  }

  /// The transaction of [#write] has committed.
  void committed(Instant now) {
    changedStates.clear();
    coalescer.sent(changed, told, now);
    if (!now.isBefore(historyDue)) {
      spans.clear();
      singles.clear();
      historyDue = now.plus(HISTORY_INTERVAL);
    }
    progressDue = now.plus(PROGRESS_INTERVAL);
    recorded = writing;
  }

  /// Counts a committed refresh.
  ///
  /// @param commits when the transactions of this epoch committed, by the server's clock
  /// @param initiator who wanted it
  void visible(
      LiveTable table,
      Written written,
      List<Instant> commits,
      History.Initiator initiator,
      Instant started,
      Instant now) {
    String name = table.storage().catalogName();
    // The server's clock just before its commit, plus what the commit took by ours: both ends of
    // the
    // latency are the server's time.
    Instant visible = serverTime();
    if (table.followsEveryEpoch() && table.differential()) {
      for (Instant commit : commits) {
        observer.commitToVisible(name, Duration.between(commit, visible));
      }
    }
    Duration took = Duration.between(started, now);
    observer.applied(name, table.differential(), written.inserted(), written.deleted(), took);
    if (isTold(table, initiator, took)) {
      Instant begun = started.minus(table.evaluation());
      RefreshSpan span = new RefreshSpan(table, begun);
      span.add(written, Duration.between(begun, now), now);
      singles.add(span.single(initiator));
    } else {
      spans
          .computeIfAbsent(table.id(), id -> new RefreshSpan(table, started))
          .add(written, took, now);
    }
  }

  // Whether a refresh has a row of the history of its own. One that follows every epoch has not,
  // however long the epoch takes: with a thousand stream tables it is the same for all.
  private static boolean isTold(LiveTable table, History.Initiator initiator, Duration took) {
    return !table.differential()
        || initiator == History.Initiator.MANUAL
        || (!table.followsEveryEpoch() && took.compareTo(SLOW) >= 0);
  }

  /// A stream table is no longer held, or a row of its query no longer fails: what is left of the
  /// two is said.
  void note(LiveTable table, Instant now) {
    Optional<Failure> error = table.error();
    Optional<LiveTable.Hold> hold = table.hold();
    if (error.isPresent()) {
      failed(table, error.get(), now);
    } else if (hold.isPresent()) {
      held(table, hold.get().failure(), hold.get().since());
    } else {
      live(table);
    }
  }

  /// A stream table that was suspended is tried again.
  void resumed(LiveTable table) {
    note(table, StreamTableState.Status.INITIALIZING, null, null);
  }

  /// A stream table follows its sources (again).
  void live(LiveTable table) {
    note(table, StreamTableState.Status.ACTIVE, null, null);
  }

  /// A stream table failed; its last good contents stay.
  void failed(LiveTable table, Failure failure, Instant now) {
    LOG.warn("stream table {}: {}", table.storage().qualifiedName(), failure.message());
    observer.failed(table.storage().catalogName(), table.differential());
    note(
        table,
        table.suspended() ? StreamTableState.Status.SUSPENDED : StreamTableState.Status.ERROR,
        failure,
        now);
    singles.add(new RefreshSpan(table, now).failed(failure, now));
  }

  /// A stream table could not be written for now.
  void held(LiveTable table, Failure failure, Instant since) {
    LOG.warn(
        "stream table {} is held, its output is kept: {}",
        table.storage().qualifiedName(),
        failure.message());
    observer.held(table.storage().catalogName(), table.differential());
    note(table, StreamTableState.Status.HELD, failure, since);
  }

  /// Removes what is remembered of a dropped table.
  void forget(long id) {
    changedStates.remove(id);
    spans.remove(id);
    coalescer.forget(id);
  }

  private void note(
      LiveTable table,
      StreamTableState.Status status,
      @Nullable Failure failure,
      @Nullable Instant at) {
    changedStates.put(
        table.id(),
        new StreamTableState(
            table.id(),
            table.definition().generation(),
            status,
            table.differential() ? RefreshMode.DIFFERENTIAL : RefreshMode.FULL,
            table.reasonCode().orElse(null),
            table.reasonDetail().orElse(null),
            !table.differential(),
            table.populated(),
            null,
            null,
            table.refreshId(),
            new StreamTableState.Untold(0, 0, 0, 0),
            status == StreamTableState.Status.ERROR || status == StreamTableState.Status.SUSPENDED
                ? Math.max(1, table.errorsInRow())
                : 0,
            failure == null || at == null
                ? null
                : new StreamTableState.Failure(failure.sqlState(), failure.message(), at),
            status == StreamTableState.Status.HELD ? at : null));
  }

  private List<History.Entry> entries() {
    List<History.Entry> entries = new ArrayList<>(singles);
    spans.values().forEach(span -> entries.add(span.entry()));
    return entries;
  }

  /// PH-D1 cleanup of one table after its epoch, in a transaction of its own.
  void checkResidue(LiveTable table, ZSet delta, Function<Row, OptionalLong> expected) {
    try {
      ResidueCheck.Residue residue =
          new ResidueCheck(table.storage()).check(connection, delta, expected);
      connection.commit();
      residue(table, residue);
    } catch (SQLException e) {
      rollback();
      LOG.warn(
          "the residue check of {} was not done: {}",
          table.storage().qualifiedName(),
          e.getMessage());
    } catch (RuntimeException e) {
      rollback();
      throw e;
    }
  }

  /// Reports what a committed check found.
  void residue(LiveTable table, ResidueCheck.Residue residue) {
    if (residue.unchecked() > 0) {
      observer.residueUnchecked(table.storage().catalogName(), residue.unchecked());
    }
    if (residue.removed() > 0) {
      LOG.error(
          "removed {} rows from {} that its query does not have",
          residue.removed(),
          table.storage().qualifiedName());
      observer.residueRemoved(table.storage().catalogName(), residue.removed());
    }
  }

  /// Answers callers whose wait is over.
  void answer(List<PendingCalls.Answer> answers, Lsn position) {
    if (answers.isEmpty()) {
      return;
    }
    try {
      for (PendingCalls.Answer answer : answers) {
        switch (answer.verdict()) {
          case PendingCalls.Verdict.Visible _ ->
              Replies.reached(connection, answer.request(), position);
          case PendingCalls.Verdict.Never never ->
              Replies.error(
                  connection,
                  answer.request(),
                  new Replies.ErrorReport(never.sqlState(), never.message(), null, null));
          case PendingCalls.Verdict.NotYet _ -> {}
        }
      }
      connection.commit();
    } catch (SQLException e) {
      rollback();
      throw new SourceUnavailable(
          String.valueOf(e.getSQLState()), "callers could not be answered: " + e.getMessage(), e);
    }
  }

  private void rollback() {
    try {
      connection.rollback();
    } catch (SQLException e) {
      throw new SourceUnavailable(
          String.valueOf(e.getSQLState()), "the apply connection was lost: " + e.getMessage(), e);
    }
  }
}
