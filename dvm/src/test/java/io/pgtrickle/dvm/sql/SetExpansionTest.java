package io.pgtrickle.dvm.sql;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.sql.NodeTree.Items;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import java.util.List;
import org.junit.jupiter.api.Test;

final class SetExpansionTest {
  private static final String A = "{GROUPINGSET :kind 1 :content (i 1) :location 5}";
  private static final String B = "{GROUPINGSET :kind 1 :content (i 2) :location 6}";
  private static final String AB = "{GROUPINGSET :kind 1 :content (i 1 2) :location 7}";
  private static final String NONE = "{GROUPINGSET :kind 0 :content <> :location 8}";

  private static String set(int kind, String... parts) {
    return "{GROUPINGSET :kind "
        + kind
        + " :content ("
        + String.join(" ", parts)
        + ") :location 1}";
  }

  private static String expanded(boolean distinct, String... items) {
    Items list = (Items) NodeTree.parse("(" + String.join(" ", items) + ")");
    List<Node> nodes = list.elements().stream().map(Node.class::cast).toList();
    return SetExpansion.of(nodes, distinct).toString();
  }

  @Test
  void aRollupHasEveryFirstPart() {
    assertThat(expanded(false, set(2, A, B))).isEqualTo("[[1, 2], [1], []]");
    assertThat(expanded(false, set(2, AB))).isEqualTo("[[1, 2], []]");
  }

  @Test
  void aCubeHasEverySubset() {
    assertThat(expanded(false, set(3, A, B))).isEqualTo("[[], [1], [2], [1, 2]]");
  }

  @Test
  void setsOfSetsAreOneList() {
    assertThat(expanded(false, set(4, AB, set(2, A), NONE))).isEqualTo("[[1, 2], [1], [], []]");
  }

  @Test
  void severalItemsAreCombined() {
    assertThat(expanded(false, A, set(2, B))).isEqualTo("[[1, 2], [1]]");
    assertThat(expanded(false, set(2, A), set(2, A))).isEqualTo("[[1], [1], [1], []]");
    assertThat(expanded(true, set(2, A), set(2, A))).isEqualTo("[[1], []]");
  }
}
