package io.pgtrickle.engine.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.dvm.dataflow.Labels;
import io.pgtrickle.dvm.server.Server;
import io.pgtrickle.dvm.state.Storage;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

final class BoundaryTasksTest {
  private final Reliefs reliefs = new Reliefs();
  private final List<String> done = new ArrayList<>();
  private final BoundaryTasks tasks =
      new BoundaryTasks(
          () -> reliefs.run(id -> done.add("removed " + id), _ -> done.add("abandoned")));

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

  @Test
  void whatIsDroppedIsGoneForWhateverWasPostedAfterwards() {
    tasks.post(
        () -> {
          reliefs.remove(7);
          reliefs.remove(7);
          tasks.post(() -> done.add("looked"));
        });
    tasks.run(Lsn.ZERO);
    assertThat(done).containsExactly("removed 7", "looked");
  }

  @Test
  void whoHasABuildGivenUpIsToldWhenItIs() {
    try (Storage storage = Storage.onHeap(Runnable::run);
        Build build = new Build(List.of(), storage, new Labels(Server.none(), storage))) {
      CompletableFuture<Void> asked = reliefs.abandon(build);
      assertThat(reliefs.abandon(build)).isSameAs(asked);
      assertThat(asked).isNotDone();
      tasks.run(Lsn.ZERO);
      assertThat(asked).isCompleted();
      assertThat(done).containsExactly("abandoned");

      CompletableFuture<Void> failed = reliefs.abandon(build);
      reliefs.run(
          _ -> {},
          _ -> {
            throw new IllegalStateException("it fails");
          });
      assertThat(failed).isCompletedExceptionally();
    }
  }
}
