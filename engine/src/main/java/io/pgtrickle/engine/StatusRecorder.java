package io.pgtrickle.engine;

import io.pgtrickle.cdc.slot.Blocker;
import io.pgtrickle.dvm.TrickleException;
import io.pgtrickle.engine.analyze.Verdict;
import io.pgtrickle.engine.apply.Applier.Failure;
import io.pgtrickle.engine.backfill.Initializer;
import io.pgtrickle.engine.catalog.Definition;
import io.pgtrickle.engine.catalog.Operations.State;
import io.pgtrickle.engine.catalog.RefreshMode;
import io.pgtrickle.engine.catalog.StreamTableState;
import java.sql.SQLException;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Makes the progress of initializations visible: in `pgt_state`, in the log, and to `/ready`.
final class StatusRecorder implements Initializer.Progress {
  private static final Logger LOG = LoggerFactory.getLogger(StatusRecorder.class);

  private final LastingSession session;
  private final OperationLog operations;
  private final Clock clock;
  private final Map<Long, Failure> failures = new ConcurrentHashMap<>();
  private final Map<Long, String> waits = new ConcurrentHashMap<>();
  private final Map<Long, Verdict> verdicts = new ConcurrentHashMap<>();

  StatusRecorder(LastingSession session, OperationLog operations, Clock clock) {
    this.session = session;
    this.operations = operations;
    this.clock = clock;
  }

  @Override
  public void phase(Definition definition, Initializer.Phase phase) {
    long id = definition.pgtId();
    failures.remove(id);
    waits.remove(id);
    LOG.debug("{}: {}", definition.displayName(), phase);
    switch (phase) {
      case PREPARING -> operations.begun(definition);
      case SNAPSHOTTING -> operations.phase(id, State.SNAPSHOTTING, "snapshotting");
      case FILLING -> operations.phase(id, State.COPYING, "filling");
      case CATCHING_UP -> operations.phase(id, State.CATCHING_UP, "catching up");
    }
  }

  @Override
  public void copied(Definition definition, long rows, long expected) {
    operations.copied(definition.pgtId(), rows, expected);
  }

  @Override
  public void blocked(Definition definition, List<Blocker> blockers) {
    operations.blocked(definition.pgtId(), blockers);
  }

  @Override
  public void resolved(Definition definition, Verdict verdict) {
    verdicts.put(definition.pgtId(), verdict);
    LOG.info(
        "{} is maintained {}{}",
        definition.displayName(),
        full(verdict).isEmpty() ? "differentially" : "by FULL refreshes: ",
        full(verdict).map(Verdict.Full::reasonDetail).orElse(""));
    put(definition, StreamTableState.Status.INITIALIZING, verdict, null, null, null);
  }

  @Override
  public void failed(Definition definition, TrickleException problem) {
    operations.failed(definition.pgtId(), record(definition, problem));
  }

  @Override
  public void postponed(Definition definition, TrickleException problem) {
    operations.postponed(
        definition.pgtId(), "is tried again after a pause", record(definition, problem));
  }

  private StreamTableState.Failure record(Definition definition, TrickleException problem) {
    String message = String.valueOf(problem.getMessage());
    LOG.warn("{} cannot be initialized: {}", definition.displayName(), message);
    failures.put(definition.pgtId(), new Failure(problem.sqlState(), message, false));
    StreamTableState.Failure failure =
        new StreamTableState.Failure(problem.sqlState(), message, clock.instant());
    put(
        definition,
        StreamTableState.Status.ERROR,
        verdicts.get(definition.pgtId()),
        null,
        null,
        failure);
    return failure;
  }

  @Override
  public void waits(Definition definition, Definition upstream, Optional<String> problem) {
    String reads = "it reads stream table " + upstream.displayName();
    String message =
        problem
            .map(what -> reads + ", which is in error: " + what)
            .orElse(reads + ", which has no contents yet");
    if (message.equals(waits.put(definition.pgtId(), message))) {
      return;
    }
    operations.postponed(definition.pgtId(), message, null);
    Verdict verdict = verdicts.get(definition.pgtId());
    if (problem.isPresent()) {
      LOG.warn("{} waits: {}", definition.displayName(), message);
      failures.put(definition.pgtId(), new Failure("55000", message, false));
      put(
          definition,
          StreamTableState.Status.ERROR,
          verdict,
          "upstream_failed",
          message,
          new StreamTableState.Failure("55000", message, clock.instant()));
    } else {
      failures.remove(definition.pgtId());
      put(
          definition,
          StreamTableState.Status.INITIALIZING,
          verdict,
          "waits_for_upstream",
          message,
          null);
    }
  }

  private static Optional<Verdict.Full> full(@Nullable Verdict verdict) {
    return verdict != null && verdict.outcome() instanceof Verdict.Full full
        ? Optional.of(full)
        : Optional.empty();
  }

  @Override
  public Optional<String> failure(long id) {
    return problem(id).map(Failure::message);
  }

  /// The same with its SQLSTATE.
  Optional<Failure> problem(long id) {
    return Optional.ofNullable(failures.get(id));
  }

  /// Another definition is about to be tried.
  void forget(long id) {
    failures.remove(id);
    waits.remove(id);
    verdicts.remove(id);
  }

  private void put(
      Definition definition,
      StreamTableState.Status status,
      @Nullable Verdict verdict,
      @Nullable String statusCode,
      @Nullable String statusDetail,
      StreamTableState.@Nullable Failure failure) {
    StreamTableState state =
        new StreamTableState(
            definition.pgtId(),
            definition.generation(),
            status,
            verdict == null
                ? null
                : full(verdict).isEmpty() ? RefreshMode.DIFFERENTIAL : RefreshMode.FULL,
            statusCode == null
                ? full(verdict).map(Verdict.Full::reasonCode).orElse(null)
                : statusCode,
            statusDetail == null
                ? full(verdict).map(Verdict.Full::reasonDetail).orElse(null)
                : statusDetail,
            full(verdict).isPresent(),
            false,
            null,
            null,
            0,
            new StreamTableState.Untold(0, 0, 0, 0),
            failure == null ? 0 : 1,
            failure,
            null);
    try {
      session.run(state::put);
    } catch (SQLException e) {
      LOG.warn("the state of {} was not recorded: {}", definition.displayName(), e.getMessage());
    }
  }
}
