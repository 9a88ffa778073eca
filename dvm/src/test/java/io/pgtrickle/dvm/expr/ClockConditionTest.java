package io.pgtrickle.dvm.expr;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.dvm.type.PgInterval;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The moments of change against evaluation at all times around them, where clocks are put forward
/// and back, days end, and months differ.
final class ClockConditionTest {
  private static final long MINUTE = 60_000_000L;
  private static final long HOUR = 60 * MINUTE;
  private static final long DAY = 24 * HOUR;

  private static final Expr NOW = new Expr.Clock(Expr.Reading.NOW);
  private static final Schema SCHEMA =
      Schema.of(
          new Column("tz", SqlType.TIMESTAMPTZ),
          new Column("ts", SqlType.TIMESTAMP),
          new Column("d", SqlType.DATE),
          new Column("span", SqlType.INTERVAL));
  private static final Expr TZ = column(0);
  private static final Expr TS = column(1);
  private static final Expr D = column(2);
  private static final Expr SPAN = column(3);

  private static Expr column(int index) {
    return new Expr.Column(index, SCHEMA.column(index).type());
  }

  private static Expr call(String name, SqlType result, Expr... arguments) {
    List<Integer> types = new ArrayList<>();
    for (Expr argument : arguments) {
      types.add(argument.type().oid());
    }
    Signature function = new Signature(0, "pg_catalog", name, types, result.oid(), true, 's');
    return new Expr.Call(function, List.of(arguments), result, 0);
  }

  private static Expr test(String name, Expr left, Expr right) {
    return call(name, SqlType.BOOL, left, right);
  }

  private static Expr interval(int months, int days, long micros) {
    return new Expr.Literal(new PgInterval(months, days, micros), SqlType.INTERVAL);
  }

  private static Expr text(String value) {
    return new Expr.Literal(value, SqlType.TEXT);
  }

  private static Expr earlier(int months, int days, long micros) {
    return call(
        "timestamptz_mi_interval", SqlType.TIMESTAMPTZ, NOW, interval(months, days, micros));
  }

  private static long at(String timestamptz) {
    return (Long)
        Objects.requireNonNull(
            TypeCodec.of(SqlType.TIMESTAMPTZ)
                .fromText(timestamptz.replaceAll("([+-]\\d\\d)$", ":00$1")));
  }

  private static ClockCondition condition(Expr expression, String zone) {
    return ClockCondition.compile(expression, SCHEMA, EvaluationSettings.of(zone, Collation.C));
  }

  private static List<Expr> conditions() {
    Expr today = call("date", SqlType.DATE, NOW);
    Expr local = call("timestamp", SqlType.TIMESTAMP, NOW);
    return List.of(
        test("timestamptz_gt", TZ, earlier(0, 0, 90 * MINUTE)),
        test("timestamptz_gt", TZ, earlier(0, 1, 0)),
        test("timestamptz_le", TZ, earlier(0, 1, 30 * MINUTE)),
        test("timestamptz_ge", TZ, earlier(1, 0, 0)),
        test("timestamptz_gt", TZ, earlier(6, 1, HOUR)),
        test(
            "timestamptz_lt",
            TZ,
            call("timestamptz_pl_interval", SqlType.TIMESTAMPTZ, NOW, interval(7, -30, 0))),
        test("timestamp_gt", TS, local),
        test(
            "timestamp_ge",
            TS,
            call("timestamp_mi_interval", SqlType.TIMESTAMP, local, interval(1, 0, 0))),
        test(
            "timestamptz_gt_timestamp",
            TZ,
            call("interval_pl_timestamp", SqlType.TIMESTAMP, SPAN, local)),
        test("timestamptz_gt_timestamp", TZ, local),
        test("timestamp_lt_timestamptz", TS, NOW),
        test("timestamp_le_timestamptz", TS, earlier(0, 1, 0)),
        test(
            "date_ge",
            D,
            call("date_mii", SqlType.DATE, today, new Expr.Literal(1L, SqlType.INT4))),
        test("timestamptz_ge_date", TZ, today),
        test("timestamptz_lt", TZ, call("timestamptz", SqlType.TIMESTAMPTZ, today)),
        test("timestamptz_ge", TZ, call("date_trunc", SqlType.TIMESTAMPTZ, text("day"), NOW)),
        test("timestamptz_ge", TZ, call("date_trunc", SqlType.TIMESTAMPTZ, text("hour"), NOW)),
        test(
            "timestamptz_ge",
            TZ,
            call("date_trunc", SqlType.TIMESTAMPTZ, text("month"), earlier(0, 1, 0))),
        test(
            "timestamp_gt", TS, call("timezone", SqlType.TIMESTAMP, text("America/New_York"), NOW)),
        test(
            "timestamptz_gt",
            TZ,
            call(
                "timezone",
                SqlType.TIMESTAMPTZ,
                call("timezone", SqlType.TIMESTAMP, text("America/St_Johns"), NOW))),
        test("interval_lt", call("timestamptz_mi", SqlType.INTERVAL, NOW, TZ), SPAN),
        test("timestamptz_gt", TZ, call("timestamptz_mi_interval", SqlType.TIMESTAMPTZ, NOW, SPAN)),
        test("timestamptz_gt", call("timestamptz_pl_interval", SqlType.TIMESTAMPTZ, TZ, SPAN), NOW),
        new Expr.Or(
            List.of(
                test("timestamptz_gt", TZ, earlier(0, 1, 0)),
                new Expr.Not(test("timestamp_le", TS, local)))));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/St_Johns",
        "Australia/Lord_Howe",
        "America/Santiago",
        "Africa/Casablanca"
      })
  void changesAreWhereEvaluationChanges(String zone) {
    SplittableRandom random = new SplittableRandom(zone.hashCode());
    String[] moments = {
      "2026-03-08 07:00+00", "2026-03-29 01:00+00", "2026-04-04 15:00+00", "2026-10-25 01:00+00",
      "2026-11-01 06:00+00", "2026-04-05 03:00+00", "2026-09-06 04:00+00", "2027-02-28 23:00+00",
      "2026-10-03 15:30+00", "2026-11-21 12:00+00", "2026-03-22 02:00+00", "2026-03-29 23:00+00"
    };
    int changes = 0;
    for (Expr expression : conditions()) {
      ClockCondition condition = condition(expression, zone);
      for (String moment : moments) {
        for (int i = 0; i < 8; i++) {
          changes += check(condition, at(moment), random, expression + " in " + zone);
        }
      }
    }
    assertThat(changes).isGreaterThan(150);
  }

  private static int check(
      ClockCondition condition, long moment, SplittableRandom random, String what) {
    long from = moment - 5 * HOUR;
    long end = moment + 5 * HOUR;
    // Near where it changes for one of the conditions.
    long[] shifts = {0, DAY, 30 * DAY, 31 * DAY, 183 * DAY, -180 * DAY, 90 * MINUTE};
    long near =
        moment
            - shifts[random.nextInt(shifts.length)]
            + (random.nextInt(8 * 60) - 4 * 60) * MINUTE
            + (random.nextBoolean() ? random.nextLong(-MINUTE, MINUTE) : 0);
    PgInterval span =
        new PgInterval(random.nextInt(2), random.nextInt(3), random.nextLong(3 * HOUR));
    Row row =
        SCHEMA.pack(near, near + random.nextLong(-12, 13) * HOUR, Math.floorDiv(near, DAY), span);
    int changes = 0;
    long now = from;
    while (now < end) {
      long next = condition.nextChange(row, now);
      boolean truth = condition.isTrue(row, now);
      long until = Math.min(next, end);
      for (int i = 0; i < 40; i++) {
        long sample = random.nextLong(now, until);
        assertThat(condition.isTrue(row, sample))
            .as("%s for %s at %s, as at %s, until %s", what, SCHEMA.toText(row), sample, now, until)
            .isEqualTo(truth);
      }
      if (next < end) {
        assertThat(condition.isTrue(row, next - 1)).as("%s before %s", what, next).isEqualTo(truth);
        assertThat(condition.isTrue(row, next)).as("%s at %s", what, next).isNotEqualTo(truth);
        changes++;
      }
      now = next;
    }
    return changes;
  }

  @Test
  void aClockThatIsPutBackShowsRowsTwice() {
    // Local time goes from 03:00 back to 02:00 at 01:00 UTC, and so does a day before.
    ClockCondition condition =
        condition(test("timestamptz_gt", TZ, earlier(0, 1, 0)), "Europe/Berlin");
    Row row = row("2026-10-24 02:30+02");
    List<Long> changes = new ArrayList<>();
    for (long at = at("2026-10-24 12:00+00");
        at != ClockCondition.NEVER;
        at = condition.nextChange(row, at)) {
      changes.add(at);
    }
    assertThat(changes.subList(1, changes.size()))
        .containsExactly(
            at("2026-10-25 02:30+02"), at("2026-10-25 01:00+00"), at("2026-10-25 02:30+01"));
  }

  @Test
  void aRowWhoseTimeHasPassedNeverChangesAgain() {
    ClockCondition condition =
        condition(test("timestamptz_gt", TZ, earlier(0, 1, 0)), "Europe/Berlin");
    assertThat(condition.nextChange(row("2026-01-01 00:00+00"), at("2026-11-21 00:00+00")))
        .isEqualTo(ClockCondition.NEVER);
    assertThat(condition.nextChange(row("infinity"), at("2026-11-21 00:00+00")))
        .isEqualTo(ClockCondition.NEVER);
    assertThat(condition.nextChange(row(null), at("2026-11-21 00:00+00")))
        .isEqualTo(ClockCondition.NEVER);
  }

  @Test
  void aConditionThatComesToFailSaysWhen() {
    Expr far = call("timestamptz_pl_interval", SqlType.TIMESTAMPTZ, NOW, SPAN);
    ClockCondition condition = condition(test("timestamptz_gt", far, TZ), "UTC");
    Row row =
        SCHEMA.pack(at("2026-01-01 00:00+00"), null, null, new PgInterval(292_245 * 12, 0, 0));
    long fails = condition.nextChange(row, at("2026-11-21 00:00+00"));
    assertThat(fails).isEqualTo(at("2032-01-01 00:00+00"));
    assertThatThrownBy(() -> condition.isTrue(row, fails)).hasMessageContaining("out of range");
    assertThat(condition.nextChange(row, fails)).isEqualTo(ClockCondition.NEVER);
  }

  private static Row row(@Nullable String timestamptz) {
    return SCHEMA.pack(timestamptz == null ? null : at(timestamptz), null, null, null);
  }

  @Test
  void whatMayChangeMoreThanOnceIsNotMonotone() {
    Expr hour = call("extract", SqlType.NUMERIC, text("hour"), NOW);
    assertThat(Monotony.isMonotone(test("numeric_lt", hour, hour))).isFalse();
    assertThat(Monotony.isMonotone(test("timestamptz_eq", TZ, NOW))).isFalse();
    assertThat(Monotony.isMonotone(test("timestamptz_ne", TZ, NOW))).isFalse();
    assertThat(
            Monotony.isMonotone(
                new Expr.And(
                    List.of(test("timestamptz_lt", TZ, NOW), test("timestamptz_gt", TZ, NOW)))))
        .isFalse();
    assertThat(Monotony.isMonotone(test("timestamptz_lt", TZ, TZ))).isFalse();
    assertThat(Monotony.isMonotone(new Expr.IsNull(test("timestamptz_lt", TZ, NOW)))).isFalse();
    assertThat(
            Monotony.isMonotone(
                test(
                    "timestamptz_lt",
                    TZ,
                    call(
                        "timestamptz_pl_interval",
                        SqlType.TIMESTAMPTZ,
                        TZ,
                        call("timestamptz_mi", SqlType.INTERVAL, NOW, TZ)))))
        .isFalse();
    assertThat(conditions()).allMatch(Monotony::isMonotone);
    assertThat(D.type()).isEqualTo(SqlType.DATE);
  }

  @Test
  void anEqualityIsTwoBounds() {
    Expr equality = test("timestamptz_eq_date", TZ, call("date", SqlType.DATE, NOW));
    assertThat(Monotony.bounds(equality).orElseThrow())
        .allMatch(Monotony::isMonotone)
        .extracting(bound -> ((Expr.Call) bound).function().name())
        .containsExactly("timestamptz_le_date", "timestamptz_ge_date");
    assertThat(Monotony.bounds(test("timestamptz_lt", TZ, NOW))).isEmpty();
  }

  @Test
  void onlySmallConstantsMoveTheTimeForSure() {
    assertThat(Expressions.isTotal(test("timestamptz_gt", TZ, earlier(12, 400, DAY)))).isTrue();
    assertThat(Expressions.isTotal(test("timestamptz_gt", TZ, earlier(100_000_000, 0, 0))))
        .isFalse();
    assertThat(
            Expressions.isTotal(
                test(
                    "timestamptz_gt",
                    TZ,
                    call("timestamptz_mi_interval", SqlType.TIMESTAMPTZ, NOW, SPAN))))
        .isFalse();
  }
}
