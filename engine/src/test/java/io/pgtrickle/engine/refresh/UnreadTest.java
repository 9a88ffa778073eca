package io.pgtrickle.engine.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.KeptColumns;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.engine.intake.Intake;
import io.pgtrickle.engine.intake.SourceShape;
import io.pgtrickle.engine.intake.SourceTable;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class UnreadTest {
  private static final Schema SCHEMA = Schema.of(new Column("id", SqlType.INT4));

  private final Intake intake = new Intake();
  private final Set<Integer> read = new HashSet<>();
  private final Unread unread = new Unread(intake, () -> read);

  private void follow(int... relations) {
    for (int relation : relations) {
      intake.attach(
          new SourceTable(
              relation,
              "public.t" + relation,
              KeptColumns.of(SCHEMA, Set.of("id")),
              new int[] {0},
              List.of("id"),
              SourceShape.ANY,
              Map.of(),
              Storage.onHeap(Runnable::run)));
    }
  }

  @Test
  void whatStreamTablesReadOrAreAboutToReadIsNotLetGo() {
    follow(1, 2, 3, 4, 5);
    read.add(1);
    unread.claim(Set.of(2));
    unread.await(30, Set.of(3, 4));
    unread.letGo(Set.of(1, 2, 3, 4));
    // Nobody reads the last, but it has not been asked for.
    assertThat(intake.relations()).containsExactlyInAnyOrder(1, 2, 3, 4, 5);

    unread.claim(Set.of());
    unread.awaitNoMore(30);
    unread.letGo(Set.of(1, 2, 3, 77));
    assertThat(intake.relations()).containsExactlyInAnyOrder(1, 4, 5);
    assertThat(unread.letGoOfAll()).containsExactlyInAnyOrder(2, 3, 4, 5);
    assertThat(intake.relations()).containsExactly(1);
    assertThat(unread.letGoOfAll()).isEmpty();
  }

  @Test
  void whatIsReadAgainStaysPublished() {
    follow(1, 2, 3);
    unread.letGo(Set.of(1, 2, 3));
    follow(1);
    // By a stream table that looks at its contents, so that it is not followed.
    read.add(2);
    assertThat(unread.letGoOfAll()).containsExactlyInAnyOrder(1, 3);
    assertThat(intake.relations()).isEmpty();
  }

  @Test
  void whatIsAwaitedInVainIsLetGoWithTheRest() {
    follow(1);
    unread.await(30, Set.of(1));
    assertThat(unread.letGoOfAll()).containsExactly(1);
    follow(1);
    unread.letGo(Set.of(1));
    assertThat(intake.relations()).isEmpty();
  }
}
