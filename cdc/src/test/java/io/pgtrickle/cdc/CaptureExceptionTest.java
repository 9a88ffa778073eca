package io.pgtrickle.cdc;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.SQLException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class CaptureExceptionTest {

  @ParameterizedTest
  @CsvSource({
    "08006, Retry, Retry",
    "57P01, Retry, Retry",
    "55006, Retry, Retry",
    "53300, Retry, Retry",
    "55P03, Retry, Retry",
    "40P01, Retry, Retry",
    "55000, SlotLost, Misconfigured",
    "58P01, SlotLost, Misconfigured",
    "42704, SlotLost, Misconfigured",
    "28P01, Misconfigured, Misconfigured",
    "28000, Misconfigured, Misconfigured",
    "42501, Misconfigured, Misconfigured",
    "53400, Misconfigured, Misconfigured",
    "0A000, Misconfigured, Misconfigured"
  })
  void sortsByWhoHasToAct(String state, String whileReading, String otherwise) {
    SQLException seen = new SQLException("seen", state);
    CaptureException reading = CaptureException.whileReading(seen, "s");
    CaptureException other = CaptureException.of(seen, "try");
    assertThat(reading.getClass().getSimpleName()).isEqualTo(whileReading);
    assertThat(other.getClass().getSimpleName()).isEqualTo(otherwise);
    assertThat(reading.sqlState()).isEqualTo(state);
    assertThat(other).hasMessageStartingWith("failed to try: seen (SQLSTATE " + state + ")");
  }

  @Test
  void takesAnErrorWithoutStateForALostConnection() {
    assertThat(CaptureException.whileReading(new SQLException("gone"), "s"))
        .isInstanceOf(CaptureException.Retry.class)
        .extracting(CaptureException::sqlState)
        .isEqualTo("08006");
  }
}
