package io.pgtrickle.engine.refresh;

import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.engine.apply.Applier.Failure;
import io.pgtrickle.engine.catalog.Request;
import java.time.Clock;
import java.time.Instant;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongPredicate;

/// Those who have asked something of the stream, and when they are answered.
///
/// A caller who waits for the stream joins the epoch under way, which has all that committed before
/// it asked. Used by the refresh thread only.
final class Callers {
  private final LiveTables tables;
  private final FullRefreshes full;
  private final LongPredicate evaluationPending;
  private final Ledger ledger;
  private final RefreshListener listener;
  private final Clock clock;
  private final PendingCalls calls = new PendingCalls();

  /// @param evaluationPending whether a FULL table has a result that was not released yet
  Callers(
      LiveTables tables,
      FullRefreshes full,
      LongPredicate evaluationPending,
      Ledger ledger,
      RefreshListener listener,
      Clock clock) {
    this.tables = tables;
    this.full = full;
    this.evaluationPending = evaluationPending;
    this.ledger = ledger;
    this.listener = listener;
    this.clock = clock;
  }

  /// Takes a question from the stream.
  void take(Request request) {
    switch (request) {
      case Request.Sync sync -> {
        Long table = sync.pgtId();
        listener.definitionsWanted();
        if (table == null) {
          calls.addAll(sync.id(), clock.instant());
        } else {
          calls.add(sync.id(), withUpstream(table), clock.instant());
        }
      }
      case Request.Refresh refresh -> {
        listener.definitionsWanted();
        if (!tables.contains(refresh.pgtId())) {
          listener.initialize(refresh.pgtId());
        }
        calls.addRefresh(
            refresh.id(), refresh.pgtId(), withUpstream(refresh.pgtId()), clock.instant());
      }
      case Request.Analyze _, Request.Validate _, Request.Explain _ -> listener.request(request);
    }
  }

  private Set<Long> withUpstream(long id) {
    Set<Long> wanted = new HashSet<>(tables.upstream(id));
    wanted.add(id);
    return wanted;
  }

  /// The stream tables that somebody has asked to refresh.
  Set<Long> refreshes() {
    return calls.refreshes();
  }

  /// The stream tables that somebody waits for; they are released whatever their schedule.
  Set<Long> wanted() {
    Set<Long> ungated = new HashSet<>(tables.ids());
    tables.all().stream().filter(LiveTable::gated).forEach(table -> ungated.remove(table.id()));
    return calls.wanted(ungated);
  }

  /// Whether nobody waits.
  boolean isEmpty() {
    return calls.isEmpty();
  }

  /// Answers those whose wait is over.
  ///
  /// @param position up to where everything was taken in
  void answer(Lsn position, Instant now) {
    if (!isEmpty()) {
      ledger.answer(calls.settle(this::expected, this::look, now), position);
    }
  }

  // All stream tables that a caller who named none waits for.
  private Optional<Set<Long>> expected() {
    return listener
        .expected()
        .map(
            expected -> {
              Set<Long> all = new HashSet<>(expected);
              tables.all().stream()
                  .filter(table -> !table.paused() && listener.isDefined(table.id()))
                  .forEach(table -> all.add(table.id()));
              tables.all().stream()
                  .filter(LiveTable::gated)
                  .forEach(table -> all.remove(table.id()));
              return all;
            });
  }

  private PendingCalls.Verdict look(long id, PendingCalls.Call call) {
    if (!listener.definitionsKnown()) {
      return new PendingCalls.Verdict.NotYet();
    }
    LiveTable table = tables.get(id);
    if (table == null && listener.isDefined(id)) {
      return listener
          .failure(id)
          .<PendingCalls.Verdict>map(
              failure -> new PendingCalls.Verdict.Never(failure.sqlState(), failure.message()))
          .orElse(new PendingCalls.Verdict.NotYet());
    }
    if (table == null || (table.paused() && call.waitsForAll())) {
      return call.waitsForAll()
          ? new PendingCalls.Verdict.Visible()
          : new PendingCalls.Verdict.Never("42P01", "the stream table was dropped");
    }
    if (table.paused()) {
      return new PendingCalls.Verdict.Never(
          "55000", "stream table " + table.storage().qualifiedName() + " is suspended");
    }
    if (tables.upstream(id).stream().anyMatch(call::waitsFor)) {
      return new PendingCalls.Verdict.NotYet();
    }
    if (!table.differential() && !full.completed(id, call.ticket(id, full::request))) {
      return new PendingCalls.Verdict.NotYet();
    }
    if (table.error().isPresent()) {
      Failure error = table.error().get();
      return new PendingCalls.Verdict.Never(
          error.sqlState(),
          "stream table " + table.storage().qualifiedName() + " is in error: " + error.message());
    }
    return table.carried().isEmpty() && !evaluationPending.test(id)
        ? new PendingCalls.Verdict.Visible()
        : new PendingCalls.Verdict.NotYet();
  }
}
