package io.pgtrickle.dvm.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import org.junit.jupiter.api.Test;

final class NodeFormTest {
  private static final Node NULL_TEST =
      (Node) NodeTree.parse("{NULLTEST :arg <> :nulltesttype 1 :argisrow false :location 7}");

  @Test
  void aNodeOfWhichEverythingIsReadPasses() {
    int kind =
        NodeForm.read(
            NULL_TEST,
            form -> {
              form.neutral("arg");
              form.neutral("argisrow");
              return form.integer("nulltesttype");
            });
    assertThat(kind).isEqualTo(1);
  }

  @Test
  void aFieldThatIsNotReadIsRefusedByName() {
    assertThatThrownBy(() -> NodeForm.read(NULL_TEST, form -> form.integer("nulltesttype")))
        .isInstanceOf(QueryRejected.class)
        .hasMessageContaining("field arg of node NULLTEST")
        .extracting(e -> ((QueryRejected) e).reasonCode())
        .isEqualTo("query_not_understood");
  }

  @Test
  void aValueThatIsNotNeutralIsRefusedAsItsConstruct() {
    assertThatThrownBy(
            () ->
                NodeForm.read(
                    NULL_TEST,
                    form -> {
                      form.neutral("nulltesttype", "unsupported_clause", "a thing");
                      return 0;
                    }))
        .isInstanceOf(QueryRejected.class)
        .hasMessageContaining("a thing")
        .extracting(e -> ((QueryRejected) e).reasonCode())
        .isEqualTo("unsupported_clause");
  }

  @Test
  void aFieldThatIsMissingIsRefused() {
    assertThatThrownBy(() -> NodeForm.read(NULL_TEST, form -> form.integer("nosuchfield")))
        .isInstanceOf(QueryRejected.class)
        .hasMessageContaining("NULLTEST without field nosuchfield");
  }

  @Test
  void aFieldThatOlderServersDoNotHaveMayBeNeutral() {
    NodeForm.read(
        NULL_TEST,
        form -> {
          form.neutral("ofalaterversion");
          form.neutral("arg");
          form.neutral("argisrow");
          return form.integer("nulltesttype");
        });
    assertThat(NodeForm.tag((Node) NodeTree.parse("{CASEEXPR}"))).isEqualTo("CASE");
  }
}
