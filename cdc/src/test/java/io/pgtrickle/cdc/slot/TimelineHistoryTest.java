package io.pgtrickle.cdc.slot;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.cdc.Lsn;
import org.junit.jupiter.api.Test;

final class TimelineHistoryTest {
  private static final String HISTORY =
      """
      1\t0/3000000\tno recovery target specified

      # written by hand
      3\t16/B374D848\tbefore 2026-01-01 00:00:00+00
      """;

  @Test
  void namesTheEndOfEachFormerTimeline() {
    assertThat(ServerIdentity.endOfTimeline(HISTORY, 1)).contains(Lsn.parse("0/3000000"));
    assertThat(ServerIdentity.endOfTimeline(HISTORY, 3)).contains(Lsn.parse("16/B374D848"));
  }

  @Test
  void knowsNothingOfTimelinesTheServerWasNeverOn() {
    assertThat(ServerIdentity.endOfTimeline(HISTORY, 2)).isEmpty();
    assertThat(ServerIdentity.endOfTimeline("", 1)).isEmpty();
  }
}
