package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.ZSet;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.LinkedHashSet;
import java.util.Set;

/// What a checkpoint says of a view besides the contents of arrangements.
///
/// @param fingerprint of its definition
/// @param nodes the names of all its nodes with state, also of those that its plan alone would not
///     bring about, because rows are looked up there
/// @param failures the errors it has at present
record SavedView(String fingerprint, Set<String> nodes, ZSet failures) {
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

  static String fingerprint(View view) {
    return Identity.of(view);
  }

  Bytes encode() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeUTF(fingerprint);
      out.writeInt(nodes.size());
      for (String node : nodes) {
        out.writeUTF(node);
      }
      out.writeInt(failures.size());
      for (int i = 0; i < failures.size(); i++) {
        out.writeInt(failures.row(i).bytes().length);
        out.write(failures.row(i).bytes());
        out.writeLong(failures.weight(i));
      }
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
      ZSet.Builder failures = new ZSet.Builder();
      for (int n = in.readInt(); n > 0; n--) {
        failures.add(Row.ofOwned(in.readNBytes(in.readInt())), in.readLong());
      }
      return new SavedView(fingerprint, nodes, failures.build());
    } catch (IOException e) {
      throw new StateDamaged("a view's entry in the checkpoint cannot be read", e);
    }
  }
}
