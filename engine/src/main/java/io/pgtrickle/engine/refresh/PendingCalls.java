package io.pgtrickle.engine.refresh;

import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.BiFunction;

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
    private final Set<Long> tables;
    private final Instant since;
    private final Map<Long, Long> tickets = new HashMap<>();

    private Call(UUID request, Set<Long> tables, Instant since) {
      this.request = request;
      this.tables = new HashSet<>(tables);
      this.since = since;
    }

    boolean waitsFor(long table) {
      return tables.contains(table);
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
    waiting.add(new Call(request, tables, now));
  }

  boolean isEmpty() {
    return waiting.isEmpty();
  }

  /// The tables somebody waits for, which are released at once whatever their schedule.
  Set<Long> wanted() {
    Set<Long> wanted = new HashSet<>();
    waiting.forEach(call -> wanted.addAll(call.tables));
    return wanted;
  }

  /// Takes out the callers that can be answered.
  ///
  /// @param look judges one table for one call
  List<Answer> settle(BiFunction<Long, Call, Verdict> look, Instant now) {
    List<Answer> answers = new ArrayList<>();
    for (Iterator<Call> each = waiting.iterator(); each.hasNext(); ) {
      Call call = each.next();
      Verdict outcome = look(call, look);
      if (!(outcome instanceof Verdict.NotYet)) {
        answers.add(new Answer(call.request, outcome));
        each.remove();
      } else if (now.isAfter(call.since.plusSeconds(LONGEST_WAIT_SECONDS))) {
        each.remove();
      }
    }
    return answers;
  }

  private static Verdict look(Call call, BiFunction<Long, Call, Verdict> look) {
    for (Iterator<Long> each = call.tables.iterator(); each.hasNext(); ) {
      switch (look.apply(each.next(), call)) {
        case Verdict.Visible ignored -> each.remove();
        case Verdict.Never never -> {
          return never;
        }
        case Verdict.NotYet ignored -> {}
      }
    }
    return call.tables.isEmpty() ? new Verdict.Visible() : new Verdict.NotYet();
  }
}
