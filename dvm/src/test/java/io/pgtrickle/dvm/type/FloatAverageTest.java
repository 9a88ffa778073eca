package io.pgtrickle.dvm.type;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

final class FloatAverageTest {
  private static FloatAverage of(double... values) {
    FloatAverage average = new FloatAverage();
    for (double value : values) {
      average.add(value, 1);
    }
    return average;
  }

  private static byte[] bytes(FloatAverage average) {
    ByteSink out = new ByteSink();
    average.write(out);
    return out.toArray();
  }

  private static String result(FloatAverage average) {
    try {
      return FloatText.print(average.average());
    } catch (EvaluationFailure failure) {
      return failure.sqlState() + " " + failure.text();
    }
  }

  @Property(tries = 200)
  void aRetractionLeavesNoTrace(@ForAll double[] values, @ForAll double further) {
    FloatAverage average = of(values);
    byte[] before = bytes(average);
    average.add(further, 3);
    FloatAverage later = FloatAverage.read(bytes(average));
    later.add(further, -3);
    assertThat(bytes(later)).isEqualTo(before);
  }

  @Test
  void theAverageOfNegativeZerosIsZero() {
    assertThat(of(-0.0, -0.0).average()).isEqualTo(0.0);
  }

  @Test
  void anOverflowOfSquaresIsAnErrorThatRetractionHeals() {
    FloatAverage average = of(1e200, 1e200);
    assertThat(average.average()).isEqualTo(1e200);
    average.add(3, 1);
    assertThatThrownBy(average::average)
        .isInstanceOfSatisfying(
            EvaluationFailure.class, failure -> assertThat(failure.sqlState()).isEqualTo("22003"));
    average.add(1e200, -2);
    assertThat(average.average()).isEqualTo(3);
    assertThat(bytes(average)).isEqualTo(bytes(of(3)));
  }

  @Test
  void itIsOneThatTheServerGivesInSomeOrderOfTheValues() throws SQLException {
    List<double[]> bags =
        List.of(
            new double[] {0, 1e160},
            new double[] {1e200, -1e200},
            new double[] {1e200},
            new double[] {1e200, 1e200},
            new double[] {1.7e308, 1.7e308},
            new double[] {0, 1e154, 1e154},
            new double[] {-0.9e154, 0.9e154},
            new double[] {-0.6e154, 0.6e154},
            new double[] {-0.6e154, 0, 0.6e154},
            new double[] {-1.3e154, 0},
            new double[] {-1.35e154, 0},
            new double[] {1e153, 2e153, 3e153, 4e153},
            new double[] {Double.NaN, 1e200, -1e200},
            new double[] {Double.POSITIVE_INFINITY, 1e200, -1e200});
    try (TestServer server = TestServer.connect()) {
      for (double[] bag : bags) {
        List<String> orders = new ArrayList<>();
        for (int i = 0; i < bag.length; i++) {
          for (int j = i; j < bag.length; j++) {
            double[] swapped = bag.clone();
            swapped[i] = bag[j];
            swapped[j] = bag[i];
            orders.add(
                Arrays.stream(swapped)
                    .mapToObj(value -> "('" + FloatText.print(value) + "'::float8)")
                    .collect(
                        Collectors.joining(", ", "SELECT avg(x) FROM (VALUES ", ") AS v (x)")));
          }
        }
        assertThat(server.evaluate(orders)).as(Arrays.toString(bag)).contains(result(of(bag)));
      }
    }
  }
}
