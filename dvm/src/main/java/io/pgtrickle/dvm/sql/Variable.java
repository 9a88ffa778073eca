package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.type.SqlType;

/// A reference to a column of a range table entry of the same query or one around it.
///
/// @param levelsUp how many queries further out that is
/// @param entry index of the entry, from 1
/// @param attribute the column's number in that entry, from 1; 0 is the whole row
record Variable(int levelsUp, int entry, int attribute, SqlType type) {
  static Variable of(Node node) {
    return NodeForm.read(node, Variable::read);
  }

  static Variable read(NodeForm form) {
    form.neutral("varreturningtype");
    SqlType type =
        SqlType.of(form.oid("vartype"), form.integer("vartypmod"), form.oid("varcollid"));
    Variable variable =
        new Variable(
            form.integer("varlevelsup"), form.integer("varno"), form.integer("varattno"), type);
    if (variable.attribute < 0) {
      throw QueryRejected.unsupported(
          "unsupported_clause",
          "system column " + systemColumn(variable.attribute),
          "it says where a row is stored, not what it says");
    }
    return variable;
  }

  boolean isWholeRow() {
    return attribute == 0;
  }

  /// The same column, seen from the query that it belongs to.
  Variable there() {
    return new Variable(0, entry, attribute, type);
  }

  private static String systemColumn(int attribute) {
    return switch (attribute) {
      case -1 -> "ctid";
      case -2 -> "xmin";
      case -3 -> "cmin";
      case -4 -> "xmax";
      case -5 -> "cmax";
      default -> "tableoid";
    };
  }
}
