package io.pgtrickle.dvm.type;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

/// The expected values are PostgreSQL's.
final class NumericVarianceTest {
  private static NumericVariance of(String... values) {
    NumericVariance sums = new NumericVariance();
    for (String value : values) {
      sums.add(PgNumeric.parse(value), 1);
    }
    return sums;
  }

  @Test
  void theDigitsAreThoseOfTheServer() {
    assertThat(of("1", "2", "4").deviation(true)).hasToString("1.5275252316519467");
    assertThat(of("1", "2", "4").variance(true)).hasToString("2.3333333333333333");
    assertThat(of("1.0", "1.00", "2").variance(true)).hasToString("0.33333333333333333333");
    assertThat(of("1.0", "1.00", "2").deviation(true)).hasToString("0.57735026918962576451");
  }

  @Test
  void aSingleValueHasNoSampleButIsAPopulation() {
    assertThat(of("7.5").variance(true)).isNull();
    assertThat(of("7.5").deviation(true)).isNull();
    assertThat(of("7.5").variance(false)).hasToString("0");
    assertThat(of("7.5").deviation(false)).hasToString("0");
    assertThat(of().variance(false)).isNull();
  }

  @Test
  void whatIsNotFiniteHasNoSpread() {
    assertThat(of("NaN", "1").deviation(false)).isEqualTo(PgNumeric.NAN);
    assertThat(of("Infinity", "1").variance(true)).isEqualTo(PgNumeric.NAN);
  }

  @Test
  void aRetractionLeavesNoTrace() {
    NumericVariance sums = of("1.5", "2");
    byte[] before = bytes(sums);
    for (String value : List.of("123456789.000001", "-Infinity", "NaN", "0.00")) {
      sums.add(PgNumeric.parse(value), 2);
      sums.add(PgNumeric.parse(value), -2);
    }
    assertThat(bytes(sums)).isEqualTo(before);
    assertThat(NumericVariance.read(before).variance(true)).isEqualTo(sums.variance(true));
  }

  private static byte[] bytes(NumericVariance sums) {
    ByteSink out = new ByteSink();
    sums.write(out);
    return out.toArray();
  }
}
