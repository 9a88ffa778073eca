package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.sql.NodeTree.Items;
import io.pgtrickle.dvm.sql.NodeTree.MalformedTree;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/// Translates an analyzed query to a plan that says the same, in the order of the tree: joins as
/// written with their conditions as residuals, then WHERE, then grouping. Making it fast is left to
/// [io.pgtrickle.dvm.plan.rewrite].
///
/// Every construct is translated exactly or the query is refused, see [NodeForm].
public final class Binder {
  private Binder() {}

  /// The plan of a query.
  ///
  /// @param tree `pg_rewrite.ev_action` of a view over the query, as text
  /// @throws QueryRejected when any part of it is not understood or not maintained incrementally
  public static BoundQuery bind(String tree, Facts facts) {
    return bind(parsed(tree), facts);
  }

  /// The plan of a query whose tree was read already.
  public static BoundQuery bind(NodeTree tree, Facts facts) {
    Set<String> notices = new LinkedHashSet<>();
    Plan plan = new QueryBinder(facts, notices).bindTop(query(tree));
    return new BoundQuery(plan, List.copyOf(notices));
  }

  /// The fields of a node, by its tag, that have no bearing on the result and are not looked at.
  public static Set<String> ignoredFields(Node node) {
    return NodeForm.IRRELEVANT.getOrDefault(NodeForm.tag(node), Set.of());
  }

  /// The one query of a rule's action.
  static Node query(String tree) {
    return query(parsed(tree));
  }

  private static NodeTree parsed(String tree) {
    try {
      return NodeTree.parse(tree);
    } catch (MalformedTree malformed) {
      throw NodeForm.notUnderstood("the analyzed tree (" + malformed.getMessage() + ")");
    }
  }

  private static Node query(NodeTree tree) {
    if (tree instanceof Items(List<NodeTree> queries)
        && queries.size() == 1
        && queries.getFirst() instanceof Node query
        && query.tag().equals("QUERY")) {
      return query;
    }
    throw NodeForm.notUnderstood("an analyzed tree that is not one query");
  }

  /// A query as a plan.
  ///
  /// @param notices what the author of the query should know
  public record BoundQuery(Plan plan, List<String> notices) {
    public BoundQuery {
      notices = List.copyOf(notices);
    }
  }
}
