package io.pgtrickle.dvm.type;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

final class NumericSumTest {
  @Test
  void displayScaleShrinksWhenTheWidestValueLeaves() {
    NumericSum sum = sum("1.000", "2.0");
    assertThat(sum.sum()).hasToString("3.000");
    sum.add(PgNumeric.parse("3.0"), 1);
    sum.add(PgNumeric.parse("1.000"), -1);
    assertThat(sum.sum()).hasToString("5.0");
    assertThat(sum.average()).hasToString("2.5000000000000000");
  }

  @Test
  void retractionMayPrecedeWhatItRetracts() {
    NumericSum sum = sum("1.5");
    sum.add(PgNumeric.parse("2.25"), -1);
    sum.add(PgNumeric.parse("2.70"), 1);
    assertThat(sum.sum()).hasToString("1.95");
    sum.add(PgNumeric.parse("2.25"), 1);
    sum.add(PgNumeric.parse("2.70"), -1);
    assertThat(sum.sum()).hasToString("1.5");
  }

  @Test
  void specialValuesLeaveNoTraceWhenRetracted() {
    NumericSum sum = sum("1.5", "Infinity");
    assertThat(sum.sum()).isEqualTo(PgNumeric.POSITIVE_INFINITY);
    sum.add(PgNumeric.NEGATIVE_INFINITY, 1);
    assertThat(sum.sum()).isEqualTo(PgNumeric.NAN);
    sum.add(PgNumeric.POSITIVE_INFINITY, -1);
    sum.add(PgNumeric.NEGATIVE_INFINITY, -1);
    sum.add(PgNumeric.NAN, 1);
    assertThat(sum.average()).isEqualTo(PgNumeric.NAN);
    sum.add(PgNumeric.NAN, -1);
    assertThat(sum.sum()).hasToString("1.5");
    assertThat(sum.count()).isEqualTo(1);
  }

  @Test
  void integersGrowBeyondLong() {
    NumericSum sum = new NumericSum();
    sum.add(Long.MAX_VALUE, 3);
    sum.add(Long.MIN_VALUE, -2);
    assertThat(sum.sum()).hasToString("46116860184273879037");
    sum.add(Long.MAX_VALUE, -3);
    sum.add(Long.MIN_VALUE, 3);
    assertThat(sum.sum()).hasToString("-9223372036854775808");
  }

  @Property
  void isTheExactSumOfTheBag(@ForAll long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    NumericSum sum = new NumericSum();
    BigDecimal exact = BigDecimal.ZERO;
    for (int n = random.nextInt(1, 30); n > 0; n--) {
      PgNumeric value = finite(random);
      long weight = random.nextLong(1, 1_000_000);
      sum.add(value, weight);
      exact = exact.add(value.decimal().multiply(BigDecimal.valueOf(weight)));
      assertThat(sum.sum()).isEqualTo(PgNumeric.of(exact));
    }
  }

  @Property
  void stateIsAFunctionOfTheBag(@ForAll long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<PgNumeric> values = values(random);
    NumericSum inOrder = new NumericSum();
    values.forEach(value -> inOrder.add(value, 1));

    List<PgNumeric> noise = values(random);
    Collections.shuffle(values, new Random(seed));
    NumericSum disturbed = new NumericSum();
    noise.forEach(value -> disturbed.add(value, -2));
    values.forEach(value -> disturbed.add(value, 1));
    byte[] state = bytes(disturbed);
    NumericSum reread = NumericSum.read(state, 0, state.length);
    assertThat(bytes(reread)).isEqualTo(state);
    noise.forEach(value -> reread.add(value, 2));

    assertThat(bytes(reread)).isEqualTo(bytes(inOrder));
    assertThat(reread.sum()).isEqualTo(inOrder.sum());
    assertThat(reread.count()).isEqualTo(values.size());
    values.forEach(value -> reread.add(value, -1));
    assertThat(reread.isEmpty()).isTrue();
    assertThat(bytes(reread)).isEqualTo(bytes(new NumericSum()));
  }

  @Property
  void sumOfSumsIsTheSumOfAll(@ForAll long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    NumericSum left = new NumericSum();
    NumericSum right = new NumericSum();
    NumericSum all = new NumericSum();
    for (PgNumeric value : values(random)) {
      long weight = random.nextLong(-5, 6);
      (random.nextBoolean() ? left : right).add(value, weight);
      all.add(value, weight);
    }
    left.add(right);
    assertThat(bytes(left)).isEqualTo(bytes(all));
  }

  private static List<PgNumeric> values(SplittableRandom random) {
    List<PgNumeric> values = new ArrayList<>();
    boolean small = random.nextBoolean();
    for (int n = random.nextInt(20); n > 0; n--) {
      values.add(
          small
              ? PgNumeric.of(BigDecimal.valueOf(random.nextInt(-500, 500), random.nextInt(4)))
              : Samples.numeric(random));
    }
    return values;
  }

  private static PgNumeric finite(SplittableRandom random) {
    PgNumeric value;
    do {
      value = Samples.numeric(random);
    } while (!value.isFinite());
    return value;
  }

  private static NumericSum sum(String... values) {
    NumericSum sum = new NumericSum();
    for (String value : values) {
      sum.add(PgNumeric.parse(value), 1);
    }
    return sum;
  }

  private static byte[] bytes(NumericSum sum) {
    ByteSink sink = new ByteSink();
    sum.write(sink);
    return sink.toArray();
  }
}
