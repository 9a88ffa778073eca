package io.pgtrickle.engine.refresh;

import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/// Callers that wait until stream tables show everything committed before they asked.
///
/// A request arrives as a logical message, in the order of the log; so once the epoch that contains
/// it has
/// been released and applied, the promise is kept for a differential table. A FULL one is evaluated
/// once more
/// after that.
final class PendingCalls {
  // A caller that went away leaves its request behind; no call waits longer than an hour.
  private static final long LONGEST_WAIT_SECONDS = 3_600;

  private final List<Call> waiting = new ArrayList<>();

  /// One caller and the tables that still have to show what it asked for.
  static final class Call {
    private final UUID request;
    private final Instant since;
    private final Set<Long> tables = new TreeSet<>();
    private final Map<Long, Verdict.Never> failed = new TreeMap<>();
    private final Map<Long, Long> tickets = new HashMap<>();
    private final boolean all;
    private Set<Long> refreshes = Set.of();
    // Which tables are all of them is known when the definitions before the request are.
    private boolean resolved;

    private Call(UUID request, boolean all, Instant since) {
      this.request = request;
      this.all = all;
      this.resolved = !all;
      this.since = since;
    }

    /// Whether a table may still come to show what was asked for: one that reads it has to wait
    /// for that, but not for one that failed, whose last contents it reads.
    boolean waitsFor(long table) {
      return tables.contains(table) && !failed.containsKey(table);
    }

    /// Whether no table was named.
    boolean waitsForAll() {
      return all;
    }

    /// The evaluation of a FULL table that this caller waits for; asked for at the first look.
    long ticket(long table, java.util.function.LongUnaryOperator request) {
      return tickets.computeIfAbsent(table, request::applyAsLong);
    }
  }

  /// A caller whose wait is over.
  record Answer(UUID request, Verdict verdict) {}

  /// Whether one table shows what was asked for.
  sealed interface Verdict {
    record Visible() implements Verdict {}

    record NotYet() implements Verdict {}

    record Never(String sqlState, String message) implements Verdict {}
  }

  void add(UUID request, Set<Long> tables, Instant now) {
    Call call = new Call(request, false, now);
    call.tables.addAll(tables);
    waiting.add(call);
  }

  /// A caller that wants a stream table refreshed.
  ///
  /// @param tables that table and those that it reads
  void addRefresh(UUID request, long table, Set<Long> tables, Instant now) {
    add(request, tables, now);
    waiting.getLast().refreshes = Set.of(table);
  }

  /// The stream tables that somebody has asked to refresh.
  Set<Long> refreshes() {
    return waiting.stream().flatMap(call -> call.refreshes.stream()).collect(Collectors.toSet());
  }

  /// A caller that waits for every stream table there is.
  void addAll(UUID request, Instant now) {
    waiting.add(new Call(request, true, now));
  }

  boolean isEmpty() {
    return waiting.isEmpty();
  }

  /// The tables somebody waits for, which are released at once whatever their schedule.
  ///
  /// @param live what a caller who waits for all of them wants
  Set<Long> wanted(Set<Long> live) {
    Set<Long> wanted = new HashSet<>();
    waiting.forEach(call -> wanted.addAll(call.resolved ? call.tables : live));
    return wanted;
  }

  /// Takes out the callers that can be answered.
  ///
  /// @param expected all tables, empty when that is not known just now
  /// @param look judges one table for one call
  List<Answer> settle(
      Supplier<Optional<Set<Long>>> expected, BiFunction<Long, Call, Verdict> look, Instant now) {
    List<Answer> answers = new ArrayList<>();
    for (Iterator<Call> each = waiting.iterator(); each.hasNext(); ) {
      Call call = each.next();
      if (!call.resolved) {
        expected
            .get()
            .ifPresent(
                tables -> {
                  call.tables.addAll(tables);
                  call.resolved = true;
                });
      }
      Verdict outcome = call.resolved ? look(call, look) : new Verdict.NotYet();
      if (!(outcome instanceof Verdict.NotYet)) {
        answers.add(new Answer(call.request, outcome));
        each.remove();
      } else if (now.isAfter(call.since.plusSeconds(LONGEST_WAIT_SECONDS))) {
        each.remove();
      }
    }
    return answers;
  }

  // A failed table does not keep the caller from waiting for the others. It is judged anew each
  // time, since it may heal meanwhile.
  private static Verdict look(Call call, BiFunction<Long, Call, Verdict> look) {
    call.failed.clear();
    boolean changed = true;
    while (changed) {
      changed = false;
      for (long table : List.copyOf(call.tables)) {
        if (call.failed.containsKey(table)) {
          continue;
        }
        switch (look.apply(table, call)) {
          case Verdict.Visible _ -> changed |= call.tables.remove(table);
          case Verdict.Never never -> {
            call.failed.put(table, never);
            changed = true;
          }
          case Verdict.NotYet _ -> {}
        }
      }
    }
    if (call.tables.isEmpty()) {
      return new Verdict.Visible();
    }
    return call.failed.size() < call.tables.size()
        ? new Verdict.NotYet()
        : together(List.copyOf(call.failed.values()));
  }

  private static Verdict.Never together(List<Verdict.Never> failures) {
    return failures.size() == 1
        ? failures.getFirst()
        : new Verdict.Never(
            failures.getFirst().sqlState(),
            failures.size()
                + " stream tables are in error: "
                + failures.stream().map(Verdict.Never::message).collect(Collectors.joining("; ")));
  }
}
