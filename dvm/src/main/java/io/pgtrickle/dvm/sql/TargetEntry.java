package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.sql.NodeTree.Node;

/// An entry of a target list.
///
/// @param reference what a GROUP BY, ORDER BY or DISTINCT item names it by, 0 when none does
/// @param junk whether it is computed for such an item only and not part of the result
record TargetEntry(Node expression, String name, int reference, boolean junk) {
  static TargetEntry of(Node node) {
    return NodeForm.read(
        node,
        form -> {
          form.integer("resno");
          boolean unnamed = form.isAbsent("resname");
          return new TargetEntry(
              form.node("expr"),
              unnamed ? "?column?" : form.text("resname"),
              form.integer("ressortgroupref"),
              form.flag("resjunk"));
        });
  }
}
