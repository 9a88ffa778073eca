package io.pgtrickle.engine.notify;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

final class CoalescerTest {
  private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");
  private static final long TABLE = 1;
  private static final long OTHER = 2;

  private final Coalescer coalescer = new Coalescer(Duration.ofMillis(250));

  private static Instant at(long millis) {
    return START.plusMillis(millis);
  }

  /// One committed transaction that changes the given tables; whom it told.
  private Set<Long> refresh(long millis, Long... changed) {
    Set<Long> told = coalescer.due(List.of(changed), at(millis));
    coalescer.sent(List.of(changed), told, at(millis));
    return told;
  }

  @Test
  void firstRefreshAfterAQuietWindowNotifiesAtOnce() {
    assertThat(refresh(0, TABLE)).containsExactly(TABLE);
    assertThat(coalescer.nextDeadline(at(1))).isEmpty();
    assertThat(refresh(250, TABLE)).containsExactly(TABLE);
  }

  @Test
  void laterRefreshesWithinTheWindowWaitForItsEnd() {
    refresh(0, TABLE);
    assertThat(refresh(100, TABLE)).isEmpty();
    assertThat(refresh(200, TABLE)).isEmpty();
    assertThat(coalescer.nextDeadline(at(200))).contains(at(250));
    assertThat(refresh(250)).as("a transaction of its own").containsExactly(TABLE);
    assertThat(coalescer.nextDeadline(at(250))).isEmpty();
    assertThat(refresh(300, TABLE)).as("that notification began a window").isEmpty();
  }

  @Test
  void refreshThatFallsOntoTheEndCarriesTheSum() {
    refresh(0, TABLE);
    refresh(100, TABLE);
    assertThat(refresh(260, TABLE)).containsExactly(TABLE);
    assertThat(coalescer.nextDeadline(at(260))).isEmpty();
  }

  @Test
  void tablesHaveWindowsOfTheirOwn() {
    refresh(0, TABLE);
    assertThat(refresh(100, TABLE, OTHER)).containsExactly(OTHER);
    assertThat(coalescer.nextDeadline(at(100))).contains(at(250));
    assertThat(refresh(300, OTHER)).as("the other one's refresh carries it").containsExactly(TABLE);
    assertThat(coalescer.nextDeadline(at(300))).contains(at(350));
  }

  @Test
  void rolledBackTransactionToldNobody() {
    assertThat(coalescer.due(List.of(TABLE), at(0))).containsExactly(TABLE);
    assertThat(coalescer.due(List.of(TABLE), at(10))).containsExactly(TABLE);
  }

  @Test
  void whatWasNotToldBeforeARestartIsDueAtOnce() {
    coalescer.resume(Set.of(TABLE));
    assertThat(coalescer.nextDeadline(at(0))).contains(at(0));
    assertThat(refresh(0)).containsExactly(TABLE);
    assertThat(coalescer.nextDeadline(at(0))).isEmpty();
  }

  @Test
  void windowOfZeroNotifiesEveryRefresh() {
    coalescer.window(Duration.ZERO);
    assertThat(refresh(0, TABLE)).containsExactly(TABLE);
    assertThat(refresh(0, TABLE)).containsExactly(TABLE);
  }

  @Test
  void droppedTableIsForgotten() {
    refresh(0, TABLE);
    refresh(1, TABLE);
    coalescer.forget(TABLE);
    assertThat(coalescer.nextDeadline(at(1))).isEmpty();
    assertThat(refresh(2)).isEmpty();
  }

  /// Whatever the times: never two within a window, and nothing waits longer than one.
  @Property
  void notificationsAreAWindowApartAndNothingIsForgotten(
      @ForAll @Size(max = 60) List<@IntRange(max = 300) Integer> gaps) {
    Coalescer tested = new Coalescer(Duration.ofMillis(250));
    Instant now = START;
    Instant last = Instant.MIN;
    boolean waiting = false;
    for (int gap : gaps) {
      Instant next = now.plusMillis(gap);
      var deadline = tested.nextDeadline(now);
      assertThat(deadline.isPresent()).isEqualTo(waiting);
      if (deadline.isPresent() && deadline.get().isBefore(next)) {
        Instant due = deadline.get();
        Set<Long> told = tested.due(List.of(), due);
        assertThat(told).containsExactly(TABLE);
        tested.sent(List.of(), told, due);
        assertThat(due).isAfterOrEqualTo(last.plusMillis(250));
        last = due;
      }
      now = next;
      Set<Long> told = tested.due(List.of(TABLE), now);
      tested.sent(List.of(TABLE), told, now);
      if (told.isEmpty()) {
        assertThat(now).isBefore(last.plusMillis(250));
      } else {
        assertThat(now).isAfterOrEqualTo(last.plusMillis(250));
        last = now;
      }
      waiting = told.isEmpty();
    }
  }
}
