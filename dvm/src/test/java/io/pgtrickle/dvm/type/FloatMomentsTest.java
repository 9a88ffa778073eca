package io.pgtrickle.dvm.type;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.dvm.type.FloatMoments.Measure;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

final class FloatMomentsTest {
  private static byte[] bytes(FloatMoments moments) {
    ByteSink out = new ByteSink();
    moments.write(out);
    return out.toArray();
  }

  @Property(tries = 200)
  void aRetractionLeavesNoTrace(
      @ForAll double[] values, @ForAll double x, @ForAll double y, @ForAll boolean pairs) {
    FloatMoments moments = new FloatMoments();
    for (double value : values) {
      add(moments, value, -value / 3, 1, pairs);
    }
    byte[] before = bytes(moments);
    add(moments, x, y, 3, pairs);
    FloatMoments later = FloatMoments.read(bytes(moments));
    add(later, x, y, -3, pairs);
    assertThat(bytes(later)).isEqualTo(before);
  }

  private static void add(FloatMoments moments, double x, double y, long weight, boolean pairs) {
    if (pairs) {
      moments.add(x, y, weight);
    } else {
      moments.add(x, weight);
    }
  }

  @Test
  void theSpreadOfValuesFarFromZeroIsExact() {
    FloatMoments moments = new FloatMoments();
    for (double value : new double[] {1e15, 1e15 + 1, 1e15 + 2}) {
      moments.add(value, 1);
    }
    assertThat(moments.result(Measure.VAR_SAMP)).isEqualTo(1.0);
    moments.add(Double.MIN_VALUE, 1);
    moments.add(Double.MIN_VALUE, -1);
    assertThat(moments.result(Measure.VAR_SAMP)).isEqualTo(1.0);
  }

  @Test
  void equalValuesHaveNoSpread() {
    FloatMoments moments = new FloatMoments();
    moments.add(0.1, 7);
    assertThat(moments.result(Measure.STDDEV_POP)).isEqualTo(0.0);
  }

  @Test
  void anOverflowIsAnErrorThatRetractionHeals() {
    FloatMoments moments = new FloatMoments();
    moments.add(1e200, 1);
    moments.add(-1e200, 1);
    assertThatThrownBy(() -> moments.result(Measure.VAR_POP))
        .isInstanceOfSatisfying(
            EvaluationFailure.class, failure -> assertThat(failure.sqlState()).isEqualTo("22003"));
    moments.add(-1e200, -1);
    assertThat(moments.result(Measure.VAR_POP)).isEqualTo(0.0);
  }
}
