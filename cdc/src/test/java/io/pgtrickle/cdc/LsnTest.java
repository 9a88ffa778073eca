package io.pgtrickle.cdc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class LsnTest {

  @ParameterizedTest
  @ValueSource(strings = {"0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF", "0/1", "1/0", "80000000/0"})
  void printsWhatItReads(String text) {
    assertThat(Lsn.parse(text)).hasToString(text);
  }

  @Test
  void readsLowerCaseAndLeadingZeros() {
    assertThat(Lsn.parse("0/0a")).isEqualTo(new Lsn(10));
    assertThat(Lsn.parse("a/00000001")).isEqualTo(new Lsn(0xA_0000_0001L));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "/", "1/", "/1", "1", "1/2/3", "x/1", "123456789/0", "0/123456789"})
  void refusesWhatIsNoPosition(String text) {
    assertThatThrownBy(() -> Lsn.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'" + text + "'");
  }

  @Test
  void comparesNeitherSignedNorAsText() {
    assertThat(Lsn.parse("80000000/0")).isGreaterThan(Lsn.parse("7FFFFFFF/FFFFFFFF"));
    assertThat(Lsn.parse("10/0")).isGreaterThan(Lsn.parse("9/0"));
    assertThat(Lsn.parse("9/0").max(Lsn.parse("10/0"))).isEqualTo(Lsn.parse("10/0"));
  }

  @Test
  void measuresDistances() {
    Lsn lsn = Lsn.parse("1/0");
    assertThat(lsn.plus(16).minus(lsn)).isEqualTo(16);
    assertThat(lsn.plus(-1)).isEqualTo(Lsn.parse("0/FFFFFFFF"));
  }
}
