package io.pgtrickle.dvm.type;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/// Sums and averages of intervals against the server, which gets them in one of many orders.
final class IntervalSumServerTest {
  private static final int BAGS = 600;
  private static final int EXTREMES = 10;
  private static final int INFINITE_SINCE = 17;

  @Test
  void bagsAddUpAsOnTheServer() throws SQLException {
    try (TestServer server = TestServer.connect()) {
      SplittableRandom random = new SplittableRandom(23);
      List<Object> samples = server.known(SqlType.INTERVAL, Samples.of(SqlType.INTERVAL, 5, 300));
      TypeCodec codec = TypeCodec.of(SqlType.INTERVAL);
      List<String> statements = new ArrayList<>();
      List<List<PgInterval>> bags = new ArrayList<>();
      for (int i = 0; i < BAGS; i++) {
        List<PgInterval> bag = new ArrayList<>();
        for (int n = random.nextInt(1, 9); n > 0; n--) {
          int place =
              random.nextInt(12) == 0
                  ? random.nextInt(EXTREMES)
                  : random.nextInt(EXTREMES, samples.size());
          bag.add((PgInterval) samples.get(place));
        }
        bags.add(bag);
        String values =
            bag.stream()
                .map(value -> "(" + TestServer.quote(codec.toText(value)) + "::interval)")
                .collect(Collectors.joining(", "));
        for (String function : List.of("sum", "avg")) {
          statements.add("(SELECT %s(x) FROM (VALUES %s) v (x))".formatted(function, values));
        }
      }
      List<String> theirs = server.evaluate(statements);
      int compared = 0;
      for (int i = 0; i < BAGS; i++) {
        IntervalSum sum = shuffled(bags.get(i), samples, random);
        for (boolean average : new boolean[] {false, true}) {
          String their = theirs.get(2 * i + (average ? 1 : 0));
          String our =
              server.majorVersion() >= INFINITE_SINCE
                  ? answer(sum, average)
                  : answer(average ? sum::averageOfFinite : sum::sumOfFinite);
          // The server may overflow in between.
          if (!their.startsWith("22008") || our.startsWith("22008")) {
            assertThat(our).as("%s of %s", average ? "avg" : "sum", bags.get(i)).isEqualTo(their);
            compared++;
          }
        }
      }
      assertThat(compared).isGreaterThan(BAGS);
      if (server.majorVersion() >= INFINITE_SINCE) {
        assertThat(theirs).contains("infinity", "-infinity", "22008 interval out of range");
      }
    }
  }

  /// The bag after others came and went.
  private static IntervalSum shuffled(
      List<PgInterval> bag, List<Object> samples, SplittableRandom random) {
    IntervalSum sum = new IntervalSum();
    List<PgInterval> visitors = new ArrayList<>();
    for (PgInterval value : bag.reversed()) {
      PgInterval visitor = (PgInterval) samples.get(random.nextInt(samples.size()));
      visitors.add(visitor);
      sum.add(visitor, 2);
      sum.add(value, 1);
    }
    visitors.forEach(visitor -> sum.add(visitor, -2));
    IntervalSum direct = new IntervalSum();
    bag.forEach(value -> direct.add(value, 1));
    assertThat(state(sum)).isEqualTo(state(direct));
    return IntervalSum.read(state(sum));
  }

  private static byte[] state(IntervalSum sum) {
    ByteSink out = new ByteSink();
    sum.write(out);
    return out.toArray();
  }

  private static String answer(IntervalSum sum, boolean average) {
    return answer(average ? sum::average : sum::sum);
  }

  private static String answer(Supplier<PgInterval> result) {
    try {
      return TypeCodec.of(SqlType.INTERVAL).toText(result.get());
    } catch (EvaluationFailure failure) {
      return failure.sqlState() + " " + failure.text();
    }
  }

  @Test
  void whatIsOutOfRangeIsHealedByRetraction() {
    IntervalSum sum = new IntervalSum();
    PgInterval large = new PgInterval(1, -2, Long.MAX_VALUE - 5);
    sum.add(large, 3);
    assertThatThrownBy(sum::sum)
        .isInstanceOfSatisfying(
            EvaluationFailure.class, failure -> assertThat(failure.sqlState()).isEqualTo("22008"));
    sum.add(large, -2);
    assertThat(sum.sum()).isEqualTo(large);
  }

  @Test
  void finiteValuesThatOverflowDoSoBesideAnInfinity() {
    for (PgInterval infinity : List.of(PgInterval.INFINITY, PgInterval.MINUS_INFINITY)) {
      IntervalSum sum = new IntervalSum();
      sum.add(new PgInterval(Integer.MAX_VALUE, 0, 0), 1);
      sum.add(infinity, 1);
      assertThat(answer(sum, false)).isEqualTo(answer(sum, true)).doesNotStartWith("22008");
      sum.add(new PgInterval(1, 0, 0), 1);
      assertThat(answer(sum, false)).startsWith("22008");
      assertThat(answer(sum, true)).startsWith("22008");
    }
  }

  @Test
  void extremeValuesAreFiniteWhereThereAreNoInfinities() {
    IntervalSum sum = new IntervalSum();
    sum.add(PgInterval.INFINITY, 1);
    assertThat(sum.sumOfFinite()).isEqualTo(PgInterval.INFINITY);
    sum.add(new PgInterval(-1, -1, -1), 1);
    assertThat(sum.sumOfFinite())
        .isEqualTo(
            new PgInterval(Integer.MAX_VALUE - 1, Integer.MAX_VALUE - 1, Long.MAX_VALUE - 1));
    sum.add(PgInterval.MINUS_INFINITY, 1);
    assertThat(sum.sumOfFinite()).isEqualTo(new PgInterval(-2, -2, -2));
    assertThat(sum.averageOfFinite())
        .isEqualTo(IntervalScaling.divided(new PgInterval(-2, -2, -2), 3));
    sum.add(PgInterval.MINUS_INFINITY, 1);
    assertThatThrownBy(sum::sumOfFinite).isInstanceOf(EvaluationFailure.class);
  }
}
