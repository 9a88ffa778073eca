package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.type.Bytes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A constant as it stands in an analyzed tree.
///
/// @param type its `pg_type.oid`
/// @param image its memory image
public record ConstantImage(int type, Bytes image) {
  /// The constants that a query of nothing but literals selects, in order; empty for one that the
  /// server made something else of.
  ///
  /// @param tree the analyzed query
  public static List<Optional<ConstantImage>> selected(String tree) {
    List<Optional<ConstantImage>> images = new ArrayList<>();
    for (Node target : NodeForm.glance(Binder.query(tree)).nodes("targetList")) {
      NodeForm form = NodeForm.glance(TargetEntry.of(target).expression());
      images.add(
          form.tag().equals("CONST") && !form.flag("constisnull")
              ? Optional.of(
                  new ConstantImage(form.oid("consttype"), form.datum("constvalue").image()))
              : Optional.empty());
    }
    return images;
  }
}
