package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;

/// The names of constructs that this version does not translate, as a user would call them.
final class Unsupported {
  private Unsupported() {}

  /// The rejection of a scalar node.
  static QueryRejected expression(NodeForm form) {
    return switch (form.tag()) {
      case "AGGREF" -> QueryRejected.notYet("unsupported_aggregate", "an aggregate in this place");
      case "SUBLINK" -> QueryRejected.notYet("unsupported_subquery", "a subquery in this place");
      case "PARAM" -> QueryRejected.notYet("unsupported_clause", "a parameter");
      case "WINDOWFUNC" -> QueryRejected.notYet("unsupported_clause", "a window function");
      case "GROUPINGFUNC" -> QueryRejected.notYet("unsupported_clause", "GROUPING()");
      case "SQLVALUEFUNCTION" -> clock(form.integer("op"));
      case "SUBSCRIPTINGREF" -> QueryRejected.notYet("unsupported_type", "a subscript");
      case "ROWCOMPARE", "ROWCOMPAREEXPR" ->
          QueryRejected.notYet("unsupported_function", "a comparison of rows");
      case "ARRAY" -> QueryRejected.notYet("unsupported_type", "an array constructor");
      case "COERCETODOMAIN", "COERCETODOMAINVALUE" ->
          QueryRejected.notYet("unsupported_type", "a cast to a domain");
      case "CONVERTROWTYPEEXPR" ->
          QueryRejected.notYet("unsupported_type", "a conversion between row types");
      case "XMLEXPR" -> QueryRejected.notYet("unsupported_function", "an XML expression");
      default -> NodeForm.notUnderstood("node " + form.tag());
    };
  }

  /// The rejection of a subquery in an expression, by its `subLinkType`.
  static QueryRejected subquery(int kind) {
    return QueryRejected.notYet("unsupported_subquery", "a subquery of kind " + kind);
  }

  private static QueryRejected clock(int kind) {
    String name =
        switch (kind) {
          case 0 -> "CURRENT_DATE";
          case 1, 2 -> "CURRENT_TIME";
          case 3, 4 -> "CURRENT_TIMESTAMP";
          case 5, 6 -> "LOCALTIME";
          case 7, 8 -> "LOCALTIMESTAMP";
          case 9, 10, 11, 12 -> "CURRENT_USER";
          case 13 -> "CURRENT_CATALOG";
          default -> "CURRENT_SCHEMA";
        };
    return QueryRejected.notYet("stable_expression", name);
  }

  /// The rejection of a range table entry, by its `rtekind`.
  static QueryRejected rangeTableEntry(int kind) {
    return switch (kind) {
      case 7 -> QueryRejected.notYet("unsupported_clause", "a transition table");
      default -> NodeForm.notUnderstood("a range table entry of kind " + kind);
    };
  }
}
