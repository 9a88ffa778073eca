package io.pgtrickle.engine.backfill;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class GroupsTest {
  /// A stream table, and what it reads.
  private record One(int relation, Set<Integer> sources) {}

  private static final Groups<One> GROUPS = new Groups<>(One::relation, One::sources);

  private static One one(int relation, Integer... sources) {
    return new One(relation, Set.of(sources));
  }

  @Test
  void whatReadsAnotherComesAWaveLater() {
    One top = one(10, 11, 1);
    One middle = one(11, 12);
    One bottom = one(12, 1);
    One aside = one(13, 2);
    assertThat(GROUPS.waves(List.of(top, middle, bottom, aside)))
        .containsExactly(List.of(bottom, aside), List.of(middle), List.of(top));
    assertThat(GROUPS.waves(List.of())).isEmpty();
  }

  @Test
  void whatReadsInACircleEnds() {
    assertThat(GROUPS.waves(List.of(one(10, 11), one(11, 10), one(12, 12))).stream())
        .flatMap(wave -> wave)
        .hasSize(3);
  }

  @Test
  void thoseThatShareSourcesByWayOfOthersAreTogether() {
    One a = one(10, 1);
    One b = one(11, 2, 3);
    One c = one(12, 4);
    One between = one(13, 1, 3);
    One none = one(14);
    assertThat(GROUPS.sharing(List.of(a, b, c, between, none)))
        .satisfiesExactlyInAnyOrder(
            group -> assertThat(group).containsExactlyInAnyOrder(a, b, between),
            group -> assertThat(group).containsExactly(c),
            group -> assertThat(group).containsExactly(none));
  }

  @Test
  void groupsAreBounded() {
    List<One> many = new ArrayList<>();
    for (int i = 0; i < 1_000; i++) {
      many.add(one(100 + i, 1, 2 + i % 7));
    }
    List<List<One>> groups = GROUPS.sharing(many);
    assertThat(groups).allMatch(group -> group.size() <= 64).hasSize(16);
    assertThat(groups.stream().flatMap(List::stream)).containsExactlyInAnyOrderElementsOf(many);
  }
}
