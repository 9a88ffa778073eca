package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.Bytes;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// What a checkpoint says of a view besides the contents of arrangements.
///
/// @param fingerprint of its definition
/// @param nodes the names of all its nodes with state, also of those that its plan alone would not
///     bring about, because rows are looked up there
/// @param widths the columns of sides of joins that are wider than the view wants them, by the name
///     of what it wants
/// @param failures the errors it has at present
record SavedView(
    String fingerprint, Set<String> nodes, Map<String, List<Integer>> widths, Failures failures) {
  private static final String PREFIX = "dataflow/view/";

  static String name(long view) {
    return PREFIX + view;
  }

  static String pending(long view) {
    return PREFIX + view + "/pending";
  }

  static String arrangement(String node) {
    return "dataflow/node/" + node;
  }

  // What it runs as besides depends on the views that were there when it came.
  private record Definition(
      long id, int relation, String name, Plan query, EvaluationSettings settings, long limit) {}

  /// Names a definition; where it iterates, also how far: what there is of an iteration was decided
  /// by the limit at that time, which is another one in another heap.
  static String fingerprint(View view) {
    return Identity.of(
        new Definition(
            view.id(),
            view.relation(),
            view.name(),
            view.query(),
            view.settings(),
            recurs(view.query()) ? RecursionLimit.DEFAULT.rows() : 0));
  }

  private static boolean recurs(Plan plan) {
    return plan instanceof Plan.Recursion || plan.inputs().stream().anyMatch(SavedView::recurs);
  }

  Bytes encode() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeUTF(fingerprint);
      out.writeInt(nodes.size());
      for (String node : nodes) {
        out.writeUTF(node);
      }
      out.writeInt(widths.size());
      for (Map.Entry<String, List<Integer>> side : widths.entrySet()) {
        out.writeUTF(side.getKey());
        out.writeInt(side.getValue().size());
        for (int column : side.getValue()) {
          out.writeInt(column);
        }
      }
      failures.write(out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return Bytes.copyOf(bytes.toByteArray());
  }

  static SavedView decode(Bytes bytes) {
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes.toArray()))) {
      String fingerprint = in.readUTF();
      Set<String> nodes = new LinkedHashSet<>();
      for (int n = in.readInt(); n > 0; n--) {
        nodes.add(in.readUTF());
      }
      Map<String, List<Integer>> widths = new LinkedHashMap<>();
      for (int n = in.readInt(); n > 0; n--) {
        String name = in.readUTF();
        List<Integer> columns = new ArrayList<>();
        for (int m = in.readInt(); m > 0; m--) {
          columns.add(in.readInt());
        }
        widths.put(name, columns);
      }
      return new SavedView(fingerprint, nodes, widths, Failures.read(in));
    } catch (IOException e) {
      throw new StateDamaged("a view's entry in the checkpoint cannot be read", e);
    }
  }
}
