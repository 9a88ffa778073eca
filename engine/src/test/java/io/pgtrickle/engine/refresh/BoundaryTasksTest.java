package io.pgtrickle.engine.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.cdc.Lsn;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class BoundaryTasksTest {
  private final BoundaryTasks tasks = new BoundaryTasks();
  private final List<String> done = new ArrayList<>();

  @Test
  void whatWasGivenUpTakesNoRoom() {
    for (int i = 0; i < 20_000; i++) {
      assertThat(tasks.add(() -> done.add("never")).cancel(false)).isTrue();
    }
    assertThat(tasks.size()).isZero();
    tasks.run(Lsn.ZERO);
    assertThat(done).isEmpty();
  }

  @Test
  void whatIsReplacedIsDoneOnceAfterWhatWasPostedBefore() {
    for (int i = 0; i < 20_000; i++) {
      String last = "gates " + i;
      tasks.replace("gates", () -> done.add(last));
    }
    tasks.post(() -> done.add("posted"));
    tasks.replace("looked", () -> done.add("looked"));
    assertThat(tasks.size()).isEqualTo(3);
    tasks.run(Lsn.ZERO);
    assertThat(done)
        .startsWith("posted")
        .containsExactlyInAnyOrder("posted", "gates 19999", "looked");
    tasks.run(Lsn.ZERO);
    assertThat(done).hasSize(3);
  }

  @Test
  void aTaskThatReplacesItselfIsDoneTheNextTime() {
    tasks.replace("again", () -> tasks.replace("again", () -> done.add("again")));
    tasks.run(Lsn.ZERO);
    assertThat(done).isEmpty();
    tasks.run(Lsn.ZERO);
    assertThat(done).containsExactly("again");
  }
}
