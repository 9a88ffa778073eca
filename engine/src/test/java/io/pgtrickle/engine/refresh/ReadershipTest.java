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

final class ReadershipTest {
  private static final Schema SCHEMA = Schema.of(new Column("id", SqlType.INT4));

  private final Intake intake = new Intake();
  private final Set<Integer> live = new HashSet<>();
  private final Set<Integer> building = new HashSet<>();
  private final Readership readership = new Readership(intake, () -> live, () -> building);

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
  void whatSomebodyReadsOrIsAboutToReadIsNotLetGo() {
    follow(1, 2, 3, 4, 5);
    live.add(1);
    building.add(2);
    readership.expect(30, Set.of(3, 4));
    readership.expect(40, Set.of(4));
    readership.letGo();
    assertThat(intake.relations()).containsExactlyInAnyOrder(1, 2, 3, 4);

    // Dropped, or its attempt failed.
    readership.expectNoMore(30);
    readership.letGo();
    assertThat(intake.relations()).containsExactlyInAnyOrder(1, 2, 4);

    building.clear();
    assertThat(readership.letGoOfAll()).containsExactlyInAnyOrder(2, 3, 4, 5);
    assertThat(intake.relations()).containsExactly(1);
    assertThat(readership.letGoOfAll()).isEmpty();
  }

  @Test
  void whatIsReadAgainStaysPublished() {
    follow(1, 2, 3);
    readership.letGo();
    assertThat(intake.relations()).isEmpty();
    follow(1);
    // By a stream table that looks at its contents, so that it is not followed.
    live.add(2);
    assertThat(readership.letGoOfAll()).containsExactlyInAnyOrder(1, 3);
    assertThat(intake.relations()).isEmpty();
  }

  @Test
  void whatIsExpectedInVainIsLetGoWithTheRest() {
    follow(1);
    readership.expect(30, Set.of(1));
    assertThat(readership.letGoOfAll()).containsExactly(1);
    follow(1);
    readership.letGo();
    assertThat(intake.relations()).isEmpty();
  }
}
