package io.pgtrickle.engine.intake;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.type.Bytes;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/// What a checkpoint says of a base table besides its rows.
///
/// @param description how its rows are decoded and told apart
/// @param columns the names of those that its rows have
/// @param membership which entry of the publication it came by
/// @param shape what DDL had made of it
record SavedSource(String description, List<String> columns, String membership, SourceShape shape) {
  private static final String PREFIX = "source/";

  static String name(int relation) {
    return PREFIX + Integer.toUnsignedString(relation);
  }

  Bytes encode() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      byte[] text = description.getBytes(StandardCharsets.UTF_8);
      out.writeInt(text.length);
      out.write(text);
      write(Set.copyOf(columns), out);
      out.writeUTF(membership);
      write(shape.parts(), out);
      write(shape.definitions(), out);
      write(shape.files(), out);
      write(shape.partitions(), out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return Bytes.copyOf(bytes.toByteArray());
  }

  private static void write(Set<String> texts, DataOutputStream out) throws IOException {
    out.writeInt(texts.size());
    for (String text : new TreeSet<>(texts)) {
      out.writeUTF(text);
    }
  }

  static SavedSource decode(Bytes bytes) {
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes.toArray()))) {
      String description = new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8);
      return new SavedSource(
          description,
          List.copyOf(read(in)),
          in.readUTF(),
          new SourceShape(read(in), read(in), read(in), read(in)));
    } catch (IOException e) {
      throw new StateDamaged("a table's entry in the checkpoint cannot be read", e);
    }
  }

  private static Set<String> read(DataInputStream in) throws IOException {
    Set<String> texts = new LinkedHashSet<>();
    for (int n = in.readInt(); n > 0; n--) {
      texts.add(in.readUTF());
    }
    return texts;
  }
}
