package io.pgtrickle.engine.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.dvm.dataflow.Labels;
import io.pgtrickle.dvm.server.Server;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.engine.intake.Attachment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

final class BoundaryTasksTest {
  private final Reliefs reliefs = new Reliefs();
  private final List<String> done = new ArrayList<>();
  private final BoundaryTasks tasks = new BoundaryTasks(() -> reliefs.run(work()));

  private Reliefs.Work work() {
    return new Reliefs.Work() {
      @Override
      public void remove(long id) {
        done.add("removed " + id);
      }

      @Override
      public void abandon(Build build) {
        if (done.contains("abandoned")) {
          throw new IllegalStateException("it fails");
        }
        done.add("abandoned");
      }

      @Override
      public void release(Attachment attachment) {
        done.add("released");
      }
    };
  }

  private Asked<Boolean> ask(String what) {
    return tasks.add(() -> done.add(what), _ -> done.add(what + " untaken"));
  }

  @Test
  void whatWasGivenUpTakesNoRoom() {
    for (int i = 0; i < 20_000; i++) {
      assertThat(ask("never").cancel(false)).isTrue();
    }
    assertThat(tasks.size()).isZero();
    tasks.run(Lsn.ZERO);
    assertThat(done).isEmpty();
  }

  @Test
  void whatIsWithdrawnIsNotDone() {
    Asked<Boolean> asked = ask("never");
    Asked<Boolean> later = tasks.whenBeyond(new Lsn(7), () -> done.add("never"));
    tasks.run(Lsn.ZERO);
    done.clear();
    assertThat(asked.withdraw()).as("it is done already").isFalse();
    assertThat(later.withdraw()).isTrue();
    assertThat(later.withdraw()).isTrue();
    tasks.run(new Lsn(7));
    assertThat(done).isEmpty();
  }

  @Test
  void whatHasBegunIsNotWithdrawn() {
    List<Asked<Boolean>> asked = new ArrayList<>();
    asked.add(
        tasks.add(
            () -> {
              done.add("withdrawn: " + asked.getFirst().withdraw());
              return true;
            },
            _ -> done.add("untaken")));
    tasks.run(Lsn.ZERO);
    assertThat(done).containsExactly("withdrawn: false");
    assertThat(asked.getFirst()).isCompletedWithValue(true);
  }

  @Test
  void aResultThatNobodyTakesIsDisposedOf() {
    List<Asked<String>> asked = new ArrayList<>();
    asked.add(
        tasks.add(
            () -> {
              // Whoever waited is gone.
              assertThat(asked.getFirst().cancel(false)).isTrue();
              return "rows";
            },
            untaken -> done.add(untaken + " closed")));
    tasks.run(Lsn.ZERO);
    assertThat(done).containsExactly("rows closed");
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
      reliefs.run(work());
      assertThat(failed).isCompletedExceptionally();
    }
  }

  /// Stream tables that were dropped need not be taken out any more.
  @Test
  void whatTakesRoomIsGivenUpAtTheEnd() {
    try (Storage storage = Storage.onHeap(Runnable::run);
        Build build = new Build(List.of(), storage, new Labels(Server.none(), storage))) {
      reliefs.remove(7);
      CompletableFuture<Void> asked = reliefs.abandon(build);
      reliefs.end(work());
      assertThat(asked).isCompleted();
      assertThat(done).containsExactly("abandoned");
    }
  }
}
