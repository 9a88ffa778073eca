package io.pgtrickle.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import org.junit.jupiter.api.Test;

final class SteadyClockTest {
  private static final Instant START = Instant.parse("2026-10-25T02:00:00Z");

  private Instant wall = START;
  private long nanos;

  private final SteadyClock clock =
      new SteadyClock(
          new Clock() {
            @Override
            public Instant instant() {
              return wall;
            }

            @Override
            public ZoneId getZone() {
              return ZoneOffset.UTC;
            }

            @Override
            public Clock withZone(ZoneId zone) {
              return this;
            }
          },
          () -> nanos);

  private void pass(Duration time) {
    wall = wall.plus(time);
    nanos += time.toNanos();
  }

  @Test
  void itShowsTheTime() {
    pass(Duration.ofSeconds(5));
    assertThat(clock.instant()).isEqualTo(START.plusSeconds(5));
    wall = wall.plusSeconds(3600);
    assertThat(clock.instant()).isEqualTo(START.plusSeconds(3605));
  }

  @Test
  void itGoesOnSlowlyWhereTheOtherIsSetBackUntilThatHasCaughtUp() {
    wall = wall.minusSeconds(60);
    assertThat(clock.instant()).isEqualTo(START);
    pass(Duration.ofSeconds(10));
    assertThat(clock.instant()).isEqualTo(START.plusSeconds(5));
    pass(Duration.ofSeconds(40));
    assertThat(clock.instant()).isEqualTo(START.plusSeconds(25));
    pass(Duration.ofSeconds(100));
    assertThat(clock.instant()).isEqualTo(START.plusSeconds(90));
    pass(Duration.ofSeconds(1));
    assertThat(clock.instant()).isEqualTo(START.plusSeconds(91));
  }
}
