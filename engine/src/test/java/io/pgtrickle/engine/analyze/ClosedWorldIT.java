package io.pgtrickle.engine.analyze;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.sql.Binder;
import io.pgtrickle.dvm.sql.Facts;
import io.pgtrickle.dvm.sql.NodeTree;
import io.pgtrickle.dvm.sql.NodeTree.Items;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.sql.NodeTree.Token;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/// Nothing of a tree is overlooked: trees of real queries are changed at one place at a time, and
/// each
/// change must show, as a refusal or as another plan.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class ClosedWorldIT {
  /// Subtrees that say the same again.
  private static final Set<String> REDUNDANT = Set.of("joinaliasvars");

  /// A table without children is the same with ONLY, and grouping sets of which no two are equal
  /// are the same with DISTINCT (those with equal ones are compared by their rows, in AnalyzerIT).
  private static final Set<String> WITHOUT_EFFECT =
      Set.of("RANGETBLENTRY.inh", "RTE.inh", "QUERY.groupDistinct");

  private Lab lab;

  /// A tree with one change, and where that is.
  private record Change(String place, NodeTree tree) {}

  /// A change that can be made to a node, or none.
  private interface Edit {
    List<Change> of(Node node);
  }

  @BeforeAll
  void prepare() throws SQLException {
    lab = Lab.inNewDatabase();
    lab.execute(Lab.resource("hazards.sql"));
  }

  @AfterAll
  void end() throws SQLException {
    lab.close();
  }

  @Test
  void everyFlippedFlagShows() throws SQLException {
    Set<String> unnoticed = new TreeSet<>();
    int tried = tryAll(ClosedWorldIT::flippedFlags, unnoticed);
    unnoticed.removeAll(WITHOUT_EFFECT);
    assertThat(unnoticed).isEmpty();
    assertThat(tried).isGreaterThan(1_500);
  }

  @Test
  void everyUnknownFieldIsRefused() throws SQLException {
    Set<String> unnoticed = new TreeSet<>();
    int tried =
        tryAll(
            node -> List.of(new Change(node.tag(), node.with("fieldOfTomorrow", new Token("0")))),
            unnoticed);
    assertThat(unnoticed).isEmpty();
    assertThat(tried).isGreaterThan(1_000);
  }

  @Test
  void everyUnknownNodeIsRefused() throws SQLException {
    Set<String> unnoticed = new TreeSet<>();
    tryAll(
        node -> List.of(new Change(node.tag(), new Node("NODEOFTOMORROW", node.fields()))),
        unnoticed);
    // These are recognized by their place; every field of them is known all the same.
    assertThat(unnoticed)
        .isSubsetOf(
            "TARGETENTRY",
            "SORTGROUPCLAUSE",
            "RANGETBLENTRY",
            "COMMONTABLEEXPR",
            "CASEWHEN",
            "FROMEXPR",
            "RTE",
            "WHEN");
  }

  @Test
  void everyMissingFieldIsRefusedOrIgnoredAsAWhole() throws SQLException {
    Set<String> unnoticed = new TreeSet<>();
    tryAll(ClosedWorldIT::withoutOneField, unnoticed);
    // Fields of which only a value other than the neutral one would say anything.
    assertThat(unnoticed).allMatch(ClosedWorldIT::isNeutralField, "a field that may be absent");
  }

  private int tryAll(Edit edit, Set<String> unnoticed) throws SQLException {
    int tried = 0;
    for (String query : AnalyzerIT.differentialQueries()) {
      // What only orders rows, and what nothing refers to, is not translated.
      boolean ordersRows = query.contains("ORDER BY") && !query.contains(" OVER ");
      if (ordersRows || query.contains("unused")) {
        continue;
      }
      QueryDocument document = lab.document(query);
      Facts facts = lab.analyzer().facts(document);
      NodeTree tree = NodeTree.parse(document.tree());
      Plan plan = Binder.bind(tree, facts).plan();
      for (Change change : changes(tree, edit)) {
        tried++;
        if (!shows(change.tree(), plan, facts)) {
          unnoticed.add(change.place());
        }
      }
    }
    return tried;
  }

  private static boolean shows(NodeTree changed, Plan plan, Facts facts) {
    try {
      return !Binder.bind(changed, facts).plan().equals(plan);
    } catch (QueryRejected rejected) {
      return true;
    }
  }

  /// Every tree that differs from the given one by one edit of one node.
  private static List<Change> changes(NodeTree tree, Edit edit) {
    List<Change> changes = new ArrayList<>();
    collect(tree, UnaryOperator.identity(), edit, changes);
    return changes;
  }

  private static void collect(
      NodeTree tree, UnaryOperator<NodeTree> whole, Edit edit, List<Change> changes) {
    switch (tree) {
      case Node node -> {
        if (isOfTheRule(node)) {
          return;
        }
        for (Change change : edit.of(node)) {
          changes.add(new Change(change.place(), whole.apply(change.tree())));
        }
        node.fields()
            .forEach(
                (field, value) -> {
                  if (!REDUNDANT.contains(field) && !Binder.ignoredFields(node).contains(field)) {
                    collect(value, inner -> whole.apply(node.with(field, inner)), edit, changes);
                  }
                });
      }
      case Items(List<NodeTree> elements) -> {
        for (int i = 0; i < elements.size(); i++) {
          int index = i;
          collect(
              elements.get(i),
              inner -> {
                List<NodeTree> replaced = new ArrayList<>(elements);
                replaced.set(index, inner);
                return whole.apply(new Items(replaced));
              },
              edit,
              changes);
        }
      }
      case NodeTree.Numbers _, NodeTree.Datum _, Token _, NodeTree.Absent _ -> {}
    }
  }

  /// Until PostgreSQL 15 a view's query begins with entries for OLD and NEW that nothing refers to.
  private static boolean isOfTheRule(Node node) {
    return new Token("0").equals(node.fields().get("rtekind"))
        && new Token("false").equals(node.fields().get("inFromCl"));
  }

  private static List<Change> flippedFlags(Node node) {
    List<Change> changes = new ArrayList<>();
    node.fields()
        .forEach(
            (field, value) -> {
              boolean isFlag =
                  value instanceof Token(String text)
                      && (text.equals("true") || text.equals("false"));
              if (isFlag && !Binder.ignoredFields(node).contains(field)) {
                Token flipped = new Token(value.equals(new Token("true")) ? "false" : "true");
                changes.add(new Change(node.tag() + "." + field, node.with(field, flipped)));
              }
            });
    return changes;
  }

  private static List<Change> withoutOneField(Node node) {
    List<Change> changes = new ArrayList<>();
    for (String field : node.fields().keySet()) {
      if (!Binder.ignoredFields(node).contains(field)) {
        var rest = new java.util.LinkedHashMap<>(node.fields());
        NodeTree value = rest.remove(field);
        changes.add(new Change(node.tag() + "." + field + "=" + value, new Node(node.tag(), rest)));
      }
    }
    return changes;
  }

  private static boolean isNeutralField(String place) {
    String value = place.substring(place.indexOf('=') + 1);
    return value.equals("Absent[]")
        || value.equals("Token[text=false]")
        || value.equals("Token[text=0]")
        || value.equals("Numbers[kind=b, elements=[]]");
  }
}
