package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.sql.NodeTree.MalformedTree;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.sql.RelationShape.Attribute;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/// How the generated columns are computed that the stream does not tell.
///
/// Their expressions are immutable and over columns of the same row, and the server has analyzed
/// them, with the conversion to the column's type: whoever reads such a column might as well have
/// written its expression. That of a stored one was evaluated when the row was written, so what
/// depends on settings of that session is refused.
public final class GeneratedColumns {
  private final Facts facts;

  public GeneratedColumns(Facts facts) {
    this.facts = facts;
  }

  /// Whether a plan scans a relation that has such columns.
  public boolean areIn(Plan plan) {
    return plan instanceof Plan.Scan scan
        ? !of(scan).isEmpty()
        : plan.inputs().stream().anyMatch(this::areIn);
  }

  /// The expressions of such columns of a scan as it was bound, by their place in it. A column that
  /// nobody reads may be anything: it is NULL.
  ///
  /// @param read the columns that are read, by relation
  /// @throws QueryRejected when one that is read cannot be computed
  public Map<Integer, Expr> expressions(Plan.Scan scan, Map<Integer, Set<String>> read) {
    Set<String> names = read.getOrDefault(scan.relation(), Set.of());
    Map<Integer, Expr> expressions = new TreeMap<>();
    of(scan)
        .forEach(
            (place, attribute) ->
                expressions.put(
                    place,
                    names.contains(attribute.name())
                        ? expression(scan, attribute)
                        : new Expr.Literal(null, attribute.type())));
    return expressions;
  }

  private Map<Integer, Attribute> of(Plan.Scan scan) {
    Map<Integer, Attribute> computed = new TreeMap<>();
    Map<String, Integer> places = places(scan);
    facts
        .relation(scan.relation())
        .ifPresent(
            shape ->
                shape.columns().stream()
                    .filter(attribute -> attribute.generation().isPresent())
                    .filter(attribute -> places.containsKey(attribute.name()))
                    .forEach(attribute -> computed.put(places.get(attribute.name()), attribute)));
    return computed;
  }

  private static Map<String, Integer> places(Plan.Scan scan) {
    Map<String, Integer> places = new LinkedHashMap<>();
    for (int i = 0; i < scan.schema().size(); i++) {
      places.put(scan.schema().column(i).name(), i);
    }
    return places;
  }

  private Expr expression(Plan.Scan scan, Attribute generated) {
    RelationShape.Generation generation = generated.generation().orElseThrow();
    Map<String, Integer> places = places(scan);
    ExpressionBinder binder =
        new ExpressionBinder(facts, variable -> column(scan, places, variable, generated));
    Expr expression = binder.bind(tree(generation));
    if (generation.stored() && !LastingExpressions.isLasting(expression)) {
      throw QueryRejected.notYet(
          "generated_column",
          "by settings of whoever wrote a row: generated column " + generated.name());
    }
    // A column has a collation of its own.
    return expression.type().equals(generated.type())
        ? expression
        : new Expr.Relabel(expression, generated.type());
  }

  private static Node tree(RelationShape.Generation generation) {
    try {
      if (NodeTree.parse(generation.tree()) instanceof Node node) {
        return node;
      }
    } catch (MalformedTree malformed) {
      throw NodeForm.notUnderstood("a generation expression (" + malformed.getMessage() + ")");
    }
    throw NodeForm.notUnderstood("a generation expression that is no expression");
  }

  private Expr column(
      Plan.Scan scan, Map<String, Integer> places, Variable variable, Attribute generated) {
    for (Attribute attribute :
        facts.relation(scan.relation()).map(RelationShape::columns).orElseThrow()) {
      Integer place = places.get(attribute.name());
      if (attribute.number() == variable.attribute()
          && attribute.generation().isEmpty()
          && attribute.type().oid() == variable.type().oid()
          && place != null) {
        return new Expr.Column(place, attribute.type());
      }
    }
    throw QueryRejected.notYet(
        "generated_column",
        "by what is not in the stream either: generated column " + generated.name());
  }
}
