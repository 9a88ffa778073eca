package io.pgtrickle.dvm.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.dvm.Nesting;
import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.sql.NodeTree.Absent;
import io.pgtrickle.dvm.sql.NodeTree.Datum;
import io.pgtrickle.dvm.sql.NodeTree.Items;
import io.pgtrickle.dvm.sql.NodeTree.MalformedTree;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.sql.NodeTree.Numbers;
import io.pgtrickle.dvm.sql.NodeTree.Token;
import io.pgtrickle.dvm.type.Bytes;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class NodeTreeTest {
  @Test
  void fieldsAreReadByName() {
    Node node = node("{VAR :varno 1 :varattno -2 :varcollid 0}");
    assertThat(node.tag()).isEqualTo("VAR");
    assertThat(node.fields().keySet()).containsExactly("varno", "varattno", "varcollid");
    assertThat(node.fields()).containsEntry("varattno", new Token("-2"));
  }

  @Test
  void theAbsentValueIsNotTheNameOfIt() {
    assertThat(NodeTree.parse("<>")).isEqualTo(new Absent());
    assertThat(NodeTree.parse("\\<>")).isEqualTo(new Token("<>"));
  }

  @Test
  void nestingIsFollowedUpToAnAnnouncedDepthAndRefusedBeyond() throws InterruptedException {
    assertThat(read(Nesting.DEEPEST)).isEqualTo(Nesting.DEEPEST + " levels");
    assertThat(read(Nesting.DEEPEST + 1)).isEqualTo("54001 query_too_deep");
    assertThat(read(1_000_000)).isEqualTo("54001 query_too_deep");
  }

  private static String read(int levels) throws InterruptedException {
    List<String> outcome = new ArrayList<>();
    Nesting.thread()
        .start(
            () -> {
              try {
                outcome.add(depth(NodeTree.parse(nested(levels))) + " levels");
              } catch (QueryRejected rejected) {
                outcome.add(rejected.sqlState() + " " + rejected.reasonCode());
              }
            })
        .join();
    return String.join(", ", outcome);
  }

  private static String nested(int levels) {
    return "(".repeat(levels) + ")".repeat(levels);
  }

  private static int depth(NodeTree tree) {
    int depth = 0;
    for (Optional<NodeTree> at = Optional.of(tree); at.isPresent(); depth++) {
      at = at.get().children().findFirst();
    }
    return depth;
  }

  @Test
  void aDatumIsItsBytes() {
    assertThat(field("{CONST :constvalue 4 [ 1 0 0 -128 0 0 0 -1 ]}", "constvalue"))
        .isEqualTo(new Datum(4, Bytes.copyOf(new byte[] {1, 0, 0, -128, 0, 0, 0, -1})));
    assertThat(field("{CONST :constvalue 0 [ ] :x 1}", "constvalue"))
        .isEqualTo(new Datum(0, Bytes.copyOf(new byte[0])));
  }

  @Test
  void longImagesAreReadWhole() {
    String image = "1 ".repeat(1000);
    assertThat(NodeTree.parse("1000 [ " + image + "]"))
        .isInstanceOfSatisfying(
            Datum.class, datum -> assertThat(datum.image().size()).isEqualTo(1000));
  }

  @Test
  void listsOfNumbersTellTheirKind() {
    assertThat(NodeTree.parse("(i 1 -2)")).isEqualTo(new Numbers('i', List.of(1L, -2L)));
    assertThat(NodeTree.parse("(o 4294967295)")).isEqualTo(new Numbers('o', List.of(4294967295L)));
    assertThat(NodeTree.parse("(b)")).isEqualTo(new Numbers('b', List.of()));
  }

  @Test
  void listsOfStringsAreStrings() {
    assertThat(NodeTree.parse("(\"i\" \"o\\ 1\" \"\")"))
        .isEqualTo(new Items(List.of(new Token("i"), new Token("o 1"), new Token(""))));
  }

  @Test
  void escapedCharactersStandForThemselves() {
    assertThat(field("{ALIAS :aliasname *SELECT*\\ 1 :colnames (\"a\\ \\(b\\)\")}", "aliasname"))
        .isEqualTo(new Token("*SELECT* 1"));
    assertThat(NodeTree.parse("(\"\\{x\\}\\\\\")"))
        .isEqualTo(new Items(List.of(new Token("{x}\\"))));
    assertThat(NodeTree.parse("\\1a")).isEqualTo(new Token("1a"));
  }

  @Test
  void nodesNest() {
    NodeTree tree = NodeTree.parse("({A :b {C :d ({E :f 1} <>)} :g <>})");
    assertThat(tree)
        .isInstanceOfSatisfying(
            Items.class,
            items ->
                assertThat(items.elements().getFirst().children().toList())
                    .hasSize(2)
                    .contains(new Absent()));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "{A",
        "{A b 1}",
        "{A :b}",
        "{A :b 1 :b 2}",
        "(1",
        "1 2",
        "4 [ 1 x ]",
        "4 [ 1",
        "(i x)",
        ")",
        "a\\"
      })
  void malformedTextIsRefused(String text) {
    assertThatThrownBy(() -> NodeTree.parse(text)).isInstanceOf(MalformedTree.class);
  }

  private static Node node(String text) {
    return (Node) NodeTree.parse(text);
  }

  private static NodeTree field(String text, String field) {
    return Objects.requireNonNull(node(text).fields().get(field));
  }
}
