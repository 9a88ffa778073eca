package io.pgtrickle.engine.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ScheduleTest {
  private static final Instant NOON = Instant.parse("2026-02-27T12:00:00Z");

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          500ms      | PT0.5S
          1s         | PT1S
          1m30s      | PT1M30S
          2h         | PT2H
          1d12h      | PT36H
          2w         | PT336H
          ' 10S '    | PT10S
          """)
  void durationsAreSums(String text, Duration interval) {
    assertThat(Schedule.parse(text)).isEqualTo(new Schedule.Every(interval));
  }

  @Test
  void wordsAreRead() {
    assertThat(Schedule.parse("calculated")).isEqualTo(new Schedule.Calculated());
    assertThat(Schedule.parse(" Manual ")).isEqualTo(new Schedule.Manual());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          */5 * * * *        | 2026-02-27T12:05:00Z
          0 12 * * *         | 2026-02-28T12:00:00Z
          */15 * * * * *     | 2026-02-27T12:00:15Z
          @daily             | 2026-02-28T00:00:00Z
          @hourly            | 2026-02-27T13:00:00Z
          @weekly            | 2026-03-01T00:00:00Z
          @monthly           | 2026-03-01T00:00:00Z
          @yearly            | 2027-01-01T00:00:00Z
          0 0 * * 7          | 2026-03-01T00:00:00Z
          0 0 * * 0          | 2026-03-01T00:00:00Z
          0 0 * * MON-wed    | 2026-03-02T00:00:00Z
          0 0 * * 5-7        | 2026-02-28T00:00:00Z
          0 0 1 mar *        | 2026-03-01T00:00:00Z
          10-50/20 12 * * *  | 2026-02-27T12:10:00Z
          0 0 29 2 *         | 2028-02-29T00:00:00Z
          0 0 13 * 1         | 2026-03-02T00:00:00Z
          0 0 1 * 6,0        | 2026-02-28T00:00:00Z
          """)
  void cronIsInUtcWithTheMeaningOfUnix(String text, Instant next) {
    assertThat(Due.differential(Schedule.parse(text), NOON)).contains(next);
  }

  @Test
  void cronThatNeverComesIsNeverDue() {
    assertThat(Due.differential(Schedule.parse("0 0 30 2 *"), NOON)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          ''
          0s
          -1s
          1
          1 s
          1.5s
          1y
          1234567s
          soon
          * * * *
          * * * * * * *
          60 * * * *
          * 24 * * *
          * * 0 * *
          * * * 13 *
          * * * * 8
          5-1 * * * *
          */0 * * * *
          5/15 * * * *
          1,,2 * * * *
          * * * mon *
          @fortnightly
          """)
  void anythingElseIsRefusedWithTheAcceptedForms(String text) {
    assertThatThrownBy(() -> Schedule.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("1m30s")
        .hasMessageContaining("@daily");
  }

  @Test
  void differentialOutputIsReleasedAsTheScheduleSays() {
    assertThat(Due.differential(new Schedule.Calculated(), NOON)).contains(NOON);
    assertThat(Due.differential(new Schedule.Manual(), NOON)).isEmpty();
    assertThat(Due.differential(new Schedule.Every(Duration.ofSeconds(7)), NOON))
        .contains(NOON.plusSeconds(7));
  }

  @Test
  void fullEvaluationPausesTenTimesItsDurationAndAtLeastASecond() {
    Schedule calculated = new Schedule.Calculated();
    assertThat(Due.full(calculated, NOON, Duration.ofMillis(20))).contains(NOON.plusSeconds(1));
    assertThat(Due.full(calculated, NOON, Duration.ofSeconds(3))).contains(NOON.plusSeconds(30));
    assertThat(Due.full(new Schedule.Every(Duration.ofMillis(1)), NOON, Duration.ofSeconds(3)))
        .as("a schedule of its own is the user's wish")
        .contains(NOON.plusMillis(1));
    assertThat(Due.full(new Schedule.Manual(), NOON, Duration.ZERO)).isEmpty();
  }

  @Test
  void somethingIsDueFromItsTimeOn() {
    assertThat(Due.isDue(Optional.of(NOON), NOON.minusNanos(1))).isFalse();
    assertThat(Due.isDue(Optional.of(NOON), NOON)).isTrue();
    assertThat(Due.isDue(Optional.empty(), NOON)).isFalse();
  }
}
