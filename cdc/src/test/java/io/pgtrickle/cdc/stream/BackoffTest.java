package io.pgtrickle.cdc.stream;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class BackoffTest {
  private final Backoff backoff = new Backoff();

  private static void assertAbout(Duration pause, Duration expected) {
    assertThat(pause)
        .isBetween(expected.multipliedBy(4).dividedBy(5), expected.multipliedBy(6).dividedBy(5));
  }

  @Test
  void pausesDoubleUpToHalfAMinute() {
    for (long millis = 100; millis < 30_000; millis *= 2) {
      assertAbout(backoff.next(), Duration.ofMillis(millis));
    }
    for (int i = 0; i < 100; i++) {
      assertAbout(backoff.next(), Duration.ofSeconds(30));
    }
  }

  @Test
  void aSuccessMakesTheNextPauseTheFirst() {
    backoff.next();
    backoff.next();
    backoff.reset();
    assertAbout(backoff.next(), Duration.ofMillis(100));
  }

  @Test
  void noTwoComeBackAtOnce() {
    Set<Duration> pauses = new HashSet<>();
    for (int i = 0; i < 100; i++) {
      pauses.add(Backoff.jittered(Duration.ofSeconds(30)));
    }
    assertThat(pauses).hasSizeGreaterThan(50);
    assertThat(pauses).allSatisfy(pause -> assertAbout(pause, Duration.ofSeconds(30)));
  }
}
