package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import java.util.List;

/// What GROUP BY, DISTINCT and UNION require of the columns they compare.
final class Equality {
  private Equality() {}

  /// Reads a GROUP BY or DISTINCT item and requires its type's default equality.
  ///
  /// @return the reference of the target entry it names
  static int requireDefault(Node clause, List<TargetEntry> targets, Facts facts) {
    return NodeForm.read(
        clause,
        form -> {
          int reference = form.integer("tleSortGroupRef");
          int operator = form.oid("eqop");
          if (targets.stream().noneMatch(target -> target.reference() == reference)) {
            throw NodeForm.notUnderstood("a grouping item without an expression");
          }
          requireListed(operator, facts);
          return reference;
        });
  }

  private static void requireListed(int operator, Facts facts) {
    for (TypeKind kind : TypeKind.values()) {
      if (KnownTypes.equalityOperator(kind) == operator) {
        return;
      }
    }
    String type =
        facts.operator(operator).flatMap(known -> facts.typeName(known.left())).orElse("this type");
    throw QueryRejected.notYet("unsupported_type", "grouping by a column of type " + type);
  }

  /// Requires a type that can be compared by its key bytes.
  static void requireComparable(SqlType type, String use, Facts facts) {
    if (type.kind() == TypeKind.OPAQUE) {
      String name = facts.typeName(type.oid()).orElse("type " + type.oid());
      throw QueryRejected.notYet("unsupported_type", use + " a column of type " + name);
    }
    requireDeterministic(type.collation(), use, facts);
  }

  /// Requires a type whose key bytes are in the order of the server.
  static void requireOrdered(SqlType type, String use, Facts facts) {
    requireComparable(type, use, facts);
    if (type.kind().isText()) {
      Facts.NamedCollation known =
          facts
              .collation(type.collation())
              .orElseThrow(
                  () ->
                      QueryRejected.notYet(
                          "unsupported_collation", "collation " + type.collation()));
      if (!known.properties().byteOrder()) {
        throw QueryRejected.notYet(
            "unsupported_collation", use + " text under collation " + known.name());
      }
    }
  }

  private static void requireDeterministic(int collation, String use, Facts facts) {
    if (collation != 0) {
      Facts.NamedCollation known =
          facts
              .collation(collation)
              .orElseThrow(
                  () -> QueryRejected.notYet("unsupported_collation", "collation " + collation));
      if (!known.properties().deterministic()) {
        throw QueryRejected.notYet(
            "unsupported_collation", use + " text under collation " + known.name());
      }
    }
  }
}
