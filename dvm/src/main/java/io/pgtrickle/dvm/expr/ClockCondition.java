package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.Compiler.Moment;
import io.pgtrickle.dvm.expr.NativeFunction.Binding;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.PgInterval;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.zone.ZoneOffsetTransition;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.TreeSet;
import java.util.function.LongPredicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A condition on a row and the clock that is [monotone][Monotony#isMonotone], and the moments at
/// which its truth changes.
///
/// What is true at a time is what evaluation at that time says, and a change is found by halving
/// the time between two evaluations that differ: no arithmetic on intervals, months or zones is
/// turned around anywhere, so it cannot be turned around wrongly. That is exact where the condition
/// changes once. The calendar does not quite allow that: a clock put back shows an hour twice, an
/// instant calculated in a gap lies behind the one calculated from the time after it, and a month
/// before 28 March 23:00 is 28 February 23:00, but a month before 29 March 01:00 is 28 February
/// 01:00. So
///
///   - the points where some subexpression passes a change of offset or such a day are its
///     *breaks*, found by halving too, and between two of them everything is monotone;
///   - away from where it changes at all by more than [#SLACK], the condition is settled, because
///     what clocks are put back by, and what months differ by, is less.
///
/// Times are microseconds since 2000-01-01 00:00 UTC, as a timestamptz has them, up to the year
/// 3000, and it is assumed that nobody waits longer. Used by one thread.
public final class ClockCondition {
  /// Says that nothing changes any more.
  public static final long NEVER = Long.MAX_VALUE;

  private static final long END = 365_243L * DateTimes.MICROS_PER_DAY;
  private static final long SLACK = 40 * DateTimes.MICROS_PER_DAY;
  private static final long WITHIN = 2 * DateTimes.MICROS_PER_DAY;
  private static final int SHORTEST_MONTH = 28;

  private final Moment moment = new Moment();
  private final Evaluator evaluator;
  private final List<Break> breaks = new ArrayList<>();
  private final Schema input;
  private final EvaluationSettings settings;

  private enum Outcome {
    OTHER,
    TRUE,
    FAILURE
  }

  /// A value that moves forward, and the points where what is made of it may go back.
  private sealed interface Break {
    Evaluator value();
  }

  /// An instant that becomes local time.
  private record OfInstant(Evaluator value, ZoneId zone) implements Break {}

  /// A local time that becomes an instant.
  private record OfLocal(Evaluator value, ZoneId zone) implements Break {}

  /// A local time to which months are added: the last days of a month may not be there in another.
  private record OfMonth(Evaluator value) implements Break {}

  private ClockCondition(Expr condition, Schema input, EvaluationSettings settings) {
    this.input = input;
    this.settings = settings;
    evaluator = Compiler.compile(condition, input, settings, moment);
    findBreaks(condition);
  }

  /// Prepares a condition over rows of a schema.
  public static ClockCondition compile(Expr condition, Schema input, EvaluationSettings settings) {
    if (!Monotony.isMonotone(condition)) {
      throw new IllegalArgumentException("not monotone in the time: " + condition);
    }
    return new ClockCondition(condition, input, settings);
  }

  /// The truth of the condition for a row at a time.
  ///
  /// @throws EvaluationFailure where PostgreSQL would raise an error at that time
  public boolean isTrue(Row row, long at) {
    moment.set(at);
    return Boolean.TRUE.equals(evaluator.evaluate(row));
  }

  /// The first time after `now` at which what [#isTrue] says differs from what it says at `now`;
  /// [#NEVER] when there is none.
  public long nextChange(Row row, long now) {
    Outcome current = outcome(row, now);
    LongPredicate differs = at -> outcome(row, at) != current;
    if (now >= END) {
      return NEVER;
    }
    if (differs.test(END)) {
      long about = first(differs, now, END);
      return breaks.isEmpty() ? about : firstBetween(row, differs, earlier(about, now), about);
    }
    if (breaks.isEmpty() || !differs.test(now - SLACK)) {
      return NEVER;
    }
    return firstBetween(row, differs, now, Math.min(now + SLACK, END));
  }

  private static long earlier(long about, long now) {
    return Math.max(about - SLACK, now);
  }

  // The first time in (from, to] for which a test is true that is false at `from` and true at `to`
  // and changes once.
  private static long first(LongPredicate test, long from, long to) {
    long before = from;
    long after = to;
    while (after - before > 1) {
      long middle = before + (after - before) / 2;
      if (test.test(middle)) {
        after = middle;
      } else {
        before = middle;
      }
    }
    return after;
  }

  private long firstBetween(Row row, LongPredicate differs, long from, long to) {
    long start = from;
    for (long end : breaks(row, from, to)) {
      // In [start, end - 1] it changes once at most.
      if (differs.test(end - 1)) {
        return first(differs, start, end - 1);
      }
      if (differs.test(end)) {
        return end;
      }
      start = end;
    }
    return differs.test(to) ? first(differs, start, to) : NEVER;
  }

  private Outcome outcome(Row row, long at) {
    try {
      return isTrue(row, at) ? Outcome.TRUE : Outcome.OTHER;
    } catch (EvaluationFailure failure) {
      return Outcome.FAILURE;
    }
  }

  // ---- breaks -----------------------------------------------------------------------------------

  // The times in (from, to] at which something passes a change of offset, in order. Inner
  // expressions come first: between the breaks found so far the next one's value only rises.
  private NavigableSet<Long> breaks(Row row, long from, long to) {
    NavigableSet<Long> times = new TreeSet<>();
    for (Break one : breaks) {
      List<Long> found = new ArrayList<>();
      long start = from;
      for (long end : times) {
        add(found, one, row, start, end - 1);
        start = end;
      }
      add(found, one, row, start, to);
      times.addAll(found);
    }
    return times;
  }

  private void add(List<Long> found, Break one, Row row, long from, long to) {
    Long first = value(one, row, from);
    Long last = value(one, row, to);
    if (first == null || last == null || first >= last) {
      return;
    }
    for (long point : points(one, first, last)) {
      found.add(
          first(
              at -> {
                Long value = value(one, row, at);
                return value != null && value >= point;
              },
              from,
              to));
    }
  }

  private @Nullable Long value(Break one, Row row, long at) {
    moment.set(at);
    try {
      Object value = one.value().evaluate(row);
      return value instanceof Long micros && DateTimes.isFinite(micros) ? micros : null;
    } catch (EvaluationFailure failure) {
      // Beyond the calendar there is nothing to convert.
      return null;
    }
  }

  // The points in (first, last] where it may.
  private static List<Long> points(Break one, long first, long last) {
    List<Long> points =
        switch (one) {
          case OfInstant(Evaluator _, ZoneId zone) ->
              transitions(zone, first, last).stream()
                  .map(transition -> micros(transition.getInstant().getEpochSecond()))
                  .toList();
          case OfLocal(Evaluator _, ZoneId zone) ->
              transitions(zone, first, last).stream()
                  .flatMap(
                      transition ->
                          Stream.of(
                              local(transition.getDateTimeBefore()),
                              local(transition.getDateTimeAfter())))
                  .toList();
          case OfMonth _ -> lastDays(first, last);
        };
    return points.stream().filter(point -> point > first && point <= last).toList();
  }

  private static List<ZoneOffsetTransition> transitions(ZoneId zone, long first, long last) {
    List<ZoneOffsetTransition> transitions = new ArrayList<>();
    Instant to = instant(last + WITHIN);
    ZoneOffsetTransition next = zone.getRules().nextTransition(instant(first - WITHIN));
    while (next != null && next.getInstant().isBefore(to)) {
      transitions.add(next);
      next = zone.getRules().nextTransition(next.getInstant());
    }
    return transitions;
  }

  private static List<Long> lastDays(long first, long last) {
    List<Long> midnights = new ArrayList<>();
    LocalDate end = date(last);
    for (LocalDate day = date(first); !day.isAfter(end); day = day.plusDays(1)) {
      if (day.getDayOfMonth() > SHORTEST_MONTH) {
        midnights.add(local(day.atStartOfDay()));
      } else {
        day = day.withDayOfMonth(SHORTEST_MONTH);
      }
    }
    return midnights;
  }

  private static LocalDate date(long local) {
    return LocalDate.ofEpochDay(
        Math.floorDiv(local, DateTimes.MICROS_PER_DAY) + DateTimes.EPOCH_DAY);
  }

  private static Instant instant(long micros) {
    return Instant.ofEpochSecond(Math.floorDiv(micros, 1_000_000) + DateTimes.EPOCH_DAY * 86_400);
  }

  private static long local(LocalDateTime time) {
    return micros(time.toEpochSecond(ZoneOffset.UTC));
  }

  private static long micros(long epochSecond) {
    return (epochSecond - DateTimes.EPOCH_DAY * 86_400) * 1_000_000;
  }

  private void findBreaks(Expr expression) {
    if (!Expressions.readsClock(expression)) {
      return;
    }
    Expressions.children(expression).forEach(this::findBreaks);
    if (expression instanceof Expr.Call call) {
      ofCall(call);
    }
  }

  private void ofCall(Expr.Call call) {
    List<Expr> arguments = call.arguments();
    switch (call.function().name()) {
      case "date", "timestamp", "timestamptz" -> conversion(arguments.getFirst(), call, session());
      case "timezone" -> {
        Binding binding = new Binding(settings, call.collation(), arguments);
        ZoneId zone =
            arguments.size() == 1 ? session() : DateTimeFunctions.constantZone(binding, 0);
        conversion(arguments.getLast(), call, zone);
      }
      case "timestamptz_pl_interval" -> shift(arguments.get(0), arguments.get(1), false);
      case "timestamptz_mi_interval" -> shift(arguments.get(0), arguments.get(1), true);
      case "interval_pl_timestamptz" -> shift(arguments.get(1), arguments.get(0), false);
      case "date_trunc" -> truncation(call);
      default -> {
        if (isLocalShift(call)) {
          boolean spanFirst = arguments.getFirst().type().kind() == TypeKind.INTERVAL;
          addMonths(local(arguments.get(spanFirst ? 1 : 0)), arguments.get(spanFirst ? 0 : 1));
        }
        // A comparison of local time with an instant converts the former.
        for (int i = 0; i < arguments.size(); i++) {
          if (isLocal(arguments.get(i))
              && arguments.get(1 - i).type().kind() == TypeKind.TIMESTAMPTZ
              && call.type().kind() == TypeKind.BOOL) {
            addLocal(local(arguments.get(i)), session());
          }
        }
      }
    }
  }

  private ZoneId session() {
    return settings.zone().orElse(ZoneOffset.UTC);
  }

  private void addInstant(Evaluator value, ZoneId zone) {
    if (!zone.getRules().isFixedOffset()) {
      breaks.add(new OfInstant(value, zone));
    }
  }

  private void addLocal(Evaluator value, ZoneId zone) {
    if (!zone.getRules().isFixedOffset()) {
      breaks.add(new OfLocal(value, zone));
    }
  }

  private void addMonths(Evaluator local, Expr span) {
    boolean none =
        span instanceof Expr.Literal(var length, SqlType _)
            && (!(length instanceof PgInterval interval) || interval.months() == 0);
    if (!none) {
      breaks.add(new OfMonth(local));
    }
  }

  private static boolean isLocalShift(Expr.Call call) {
    return call.type().kind() == TypeKind.TIMESTAMP
        && call.arguments().stream().anyMatch(each -> each.type().kind() == TypeKind.INTERVAL)
        && call.arguments().size() == 2;
  }

  private static boolean isLocal(Expr expression) {
    return expression.type().kind() == TypeKind.DATE
        || expression.type().kind() == TypeKind.TIMESTAMP;
  }

  private void conversion(Expr from, Expr.Call call, ZoneId zone) {
    if (from.type().kind() == TypeKind.TIMESTAMPTZ && isLocal(call)) {
      addInstant(evaluator(from), zone);
    } else if (isLocal(from) && call.type().kind() == TypeKind.TIMESTAMPTZ) {
      addLocal(local(from), zone);
    }
  }

  private Evaluator evaluator(Expr expression) {
    return Compiler.compile(expression, input, settings, moment);
  }

  private Evaluator local(Expr expression) {
    Evaluator value = evaluator(expression);
    if (expression.type().kind() == TypeKind.TIMESTAMP) {
      return value;
    }
    return row ->
        value.evaluate(row) instanceof Long days ? (Long) DateTimes.dateToTimestamp(days) : null;
  }

  // Months are added in local time, then days, then the time.
  private void shift(Expr time, Expr span, boolean back) {
    ZoneId zone = session();
    Evaluator instant = evaluator(time);
    Evaluator length = evaluator(span);
    Evaluator months = localSum(instant, length, back, zone, true);
    Evaluator afterMonths =
        row ->
            months.evaluate(row) instanceof Long local
                ? (Long) DateTimes.timestampToTimestamptz(local, zone)
                : null;
    addInstant(instant, zone);
    addMonths(
        row ->
            instant.evaluate(row) instanceof Long micros
                ? (Long) DateTimes.timestamptzToTimestamp(micros, zone)
                : null,
        span);
    addLocal(months, zone);
    addInstant(afterMonths, zone);
    addLocal(localSum(afterMonths, length, back, zone, false), zone);
  }

  private static Evaluator localSum(
      Evaluator instant, Evaluator length, boolean back, ZoneId zone, boolean months) {
    return row -> {
      if (!(instant.evaluate(row) instanceof Long micros)
          || !(length.evaluate(row) instanceof PgInterval span)) {
        return null;
      }
      int sign = back ? -1 : 1;
      PgInterval part =
          months
              ? new PgInterval(sign * span.months(), 0, 0)
              : new PgInterval(0, sign * span.days(), 0);
      return IntervalFunctions.later(DateTimes.timestamptzToTimestamp(micros, zone), part, null);
    };
  }

  private void truncation(Expr.Call call) {
    Expr time = call.arguments().get(1);
    if (time.type().kind() != TypeKind.TIMESTAMPTZ) {
      return;
    }
    Binding binding = new Binding(settings, call.collation(), call.arguments());
    ZoneId zone =
        call.arguments().size() == 2 ? session() : DateTimeFunctions.constantZone(binding, 2);
    Evaluator unit = evaluator(call.arguments().getFirst());
    Evaluator instant = evaluator(time);
    addInstant(instant, zone);
    addLocal(
        row ->
            unit.evaluate(row) instanceof String name && instant.evaluate(row) instanceof Long at
                ? DateTimeFieldFunctions.truncate(
                    name, DateTimes.timestamptzToTimestamp(at, zone), null, binding)
                : null,
        zone);
  }
}
