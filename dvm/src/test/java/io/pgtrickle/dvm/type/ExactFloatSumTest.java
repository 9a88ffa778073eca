package io.pgtrickle.dvm.type;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

final class ExactFloatSumTest {
  @Test
  void cancellationLeavesTheSmallValue() {
    ExactFloatSum sum = sum(1e20, 1, -1e20);
    assertThat(sum.toDouble()).isEqualTo(1);
    sum.add(1, -1);
    assertThat(sum.toDouble()).isEqualTo(0);
  }

  @Test
  void finiteOverflowIsAnErrorThatRetractionHeals() {
    ExactFloatSum sum = sum(Double.MAX_VALUE, Double.MAX_VALUE);
    assertThatThrownBy(sum::toDouble)
        .isInstanceOfSatisfying(
            EvaluationFailure.class,
            failure -> {
              assertThat(failure.sqlState()).isEqualTo("22003");
              assertThat(failure.text()).isEqualTo("value out of range: overflow");
            });
    sum.add(Double.MAX_VALUE, -1);
    assertThat(sum.toDouble()).isEqualTo(Double.MAX_VALUE);
  }

  @Test
  void halfAnUlpAboveTheGreatestDoubleOverflowsAndLessDoesNot() {
    double half = Math.ulp(Double.MAX_VALUE) / 2;
    assertThat(sum(Double.MAX_VALUE, Math.nextDown(half)).toDouble()).isEqualTo(Double.MAX_VALUE);
    assertThatThrownBy(() -> sum(Double.MAX_VALUE, half).toDouble())
        .isInstanceOf(EvaluationFailure.class);
  }

  @Test
  void infinitiesAndNaNAreCountedNotAdded() {
    ExactFloatSum sum = sum(1.5, Double.POSITIVE_INFINITY);
    assertThat(sum.toDouble()).isEqualTo(Double.POSITIVE_INFINITY);
    sum.add(Double.NEGATIVE_INFINITY, 1);
    assertThat(sum.toDouble()).isNaN();
    sum.add(Double.POSITIVE_INFINITY, -1);
    assertThat(sum.toDouble()).isEqualTo(Double.NEGATIVE_INFINITY);
    sum.add(Double.NaN, 2);
    assertThat(sum.toDouble()).isNaN();
    sum.add(Double.NaN, -2);
    sum.add(Double.NEGATIVE_INFINITY, -1);
    assertThat(sum.toDouble()).isEqualTo(1.5);
  }

  @Test
  void sumOfNegativeZerosOnlyIsNegativeZero() {
    assertThat(sum(-0.0, -0.0).toDouble()).isEqualTo(-0.0);
    assertThat(sum(-0.0, 0.0).toDouble()).isEqualTo(0.0);
    assertThat(sum(-0.0, 1, -1).toDouble()).isEqualTo(0.0);
  }

  @Test
  void floatsAreRoundedOnce() {
    // 1 + 2⁻²⁴ is midway between two floats; the 2⁻⁶⁰ above decides, unless a double rounds first.
    ExactFloatSum sum = sum(1, 0x1p-24, 0x1p-60);
    assertThat(sum.toFloat()).isEqualTo(Math.nextUp(1f));
    assertThat((float) sum.toDouble()).isEqualTo(1f);
  }

  @Property
  void isTheCorrectlyRoundedSumOfTheBag(@ForAll long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    ExactFloatSum sum = new ExactFloatSum();
    BigDecimal exact = BigDecimal.ZERO;
    for (int n = random.nextInt(1, 40); n > 0; n--) {
      double value = finite(random);
      long weight = weight(random);
      sum.add(value, weight);
      exact = exact.add(new BigDecimal(value).multiply(BigDecimal.valueOf(weight)));
      double expected = exact.doubleValue();
      if (!Double.isInfinite(expected)) {
        assertThat(sum.toDouble()).isEqualTo(expected == 0 ? 0.0 : expected);
      } else {
        assertThatThrownBy(sum::toDouble).isInstanceOf(EvaluationFailure.class);
      }
    }
    float expected = exact.floatValue();
    if (!Float.isInfinite(expected) && Math.abs(expected) > Float.MIN_NORMAL) {
      assertThat(sum.toFloat()).isEqualTo(expected);
    }
  }

  @Property
  void stateIsAFunctionOfTheBag(@ForAll long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<Double> values = new ArrayList<>();
    for (int n = random.nextInt(30); n > 0; n--) {
      values.add(random.nextInt(8) == 0 ? Samples.float8(random) : finite(random));
    }
    ExactFloatSum inOrder = new ExactFloatSum();
    values.forEach(value -> inOrder.add(value, 1));

    List<Double> noise = new ArrayList<>();
    for (int n = random.nextInt(30); n > 0; n--) {
      noise.add(Samples.float8(random));
    }
    Collections.shuffle(values, new Random(seed));
    ExactFloatSum disturbed = new ExactFloatSum();
    noise.forEach(value -> disturbed.add(value, 3));
    values.forEach(value -> disturbed.add(value, 1));
    ExactFloatSum reread = reread(disturbed);
    Collections.shuffle(noise, new Random(seed));
    noise.forEach(value -> reread.add(value, -3));

    assertThat(bytes(reread)).isEqualTo(bytes(inOrder));
    assertThat(reread.count()).isEqualTo(values.size());
    values.forEach(value -> reread.add(value, -1));
    assertThat(reread.isEmpty()).isTrue();
    assertThat(bytes(reread)).isEqualTo(bytes(new ExactFloatSum()));
  }

  @Property
  void sumOfSumsIsTheSumOfAll(@ForAll long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    ExactFloatSum left = new ExactFloatSum();
    ExactFloatSum right = new ExactFloatSum();
    ExactFloatSum all = new ExactFloatSum();
    for (int n = random.nextInt(30); n > 0; n--) {
      double value = Samples.float8(random);
      long weight = weight(random);
      (random.nextBoolean() ? left : right).add(value, weight);
      all.add(value, weight);
    }
    byte[] rightBefore = bytes(right);
    left.add(right);
    assertThat(bytes(left)).isEqualTo(bytes(all));
    assertThat(bytes(right)).isEqualTo(rightBefore);
  }

  private static double finite(SplittableRandom random) {
    double value;
    do {
      value = Samples.float8(random);
    } while (!Double.isFinite(value));
    return value;
  }

  private static long weight(SplittableRandom random) {
    return switch (random.nextInt(4)) {
      case 0 -> -1;
      case 1 -> random.nextLong(-1_000, 1_000);
      case 2 -> random.nextLong() >> random.nextInt(8, 60);
      default -> 1;
    };
  }

  private static ExactFloatSum sum(double... values) {
    ExactFloatSum sum = new ExactFloatSum();
    for (double value : values) {
      sum.add(value, 1);
    }
    return sum;
  }

  private static byte[] bytes(ExactFloatSum sum) {
    ByteSink sink = new ByteSink();
    sum.write(sink);
    return sink.toArray();
  }

  private static ExactFloatSum reread(ExactFloatSum sum) {
    byte[] bytes = bytes(sum);
    return ExactFloatSum.read(bytes, 0, bytes.length);
  }
}
