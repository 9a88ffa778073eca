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
          requireDefault(operator, facts);
          return reference;
        });
  }

  private static void requireDefault(int operator, Facts facts) {
    for (TypeKind kind : TypeKind.values()) {
      if (KnownTypes.equalityOperator(kind) == operator) {
        return;
      }
    }
    Facts.Operator known =
        facts.operator(operator).orElseThrow(() -> NodeForm.notUnderstood("an equality operator"));
    boolean isDefault =
        isBuiltIn(known) ? known.name().equals("=") : known.place() == Facts.Operator.Place.EQUAL;
    if (!isDefault) {
      throw QueryRejected.notYet(
          "unsupported_type",
          "grouping by a column of type " + facts.typeName(known.left()).orElse("of this kind"));
    }
  }

  /// Whether an operator is PostgreSQL's own for values of one type, or of one kind of types.
  static boolean isBuiltIn(Facts.Operator operator) {
    return operator.schema().equals("pg_catalog") && operator.left() == operator.right();
  }

  /// Requires that it is known how values of a type compare. Where their bytes do not tell, the
  /// server labels them, if it can sort the type at all.
  static void requireComparable(SqlType type, String use, Facts facts) {
    if (type.kind().isText() && facts.collation(type.collation()).isEmpty()) {
      throw QueryRejected.notYet(
          "unsupported_collation", use + " text under collation " + type.collation());
    }
  }
}
