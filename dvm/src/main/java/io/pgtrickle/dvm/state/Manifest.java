package io.pgtrickle.dvm.state;

import io.pgtrickle.dvm.kernel.RunFile.Copy;
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
import java.util.zip.CRC32C;

/// The contents of one checkpoint: what belongs to which name.
///
/// @param frontier where the log goes on, in the host's own form
/// @param values small things by name
/// @param runs the runs of arrangements by name, as extents of files of the directory
record Manifest(
    Origin origin, Bytes frontier, Map<String, Bytes> values, Map<String, List<Copy>> runs) {
  private static final long MAGIC = 0x5047_544B_4D41_4E46L; // "PGTKMANF"
  private static final int VERSION = 3;

  Manifest {
    values = new LinkedHashMap<>(values);
    runs = new LinkedHashMap<>(runs);
  }

  /// The files it refers to.
  Set<String> files() {
    Set<String> files = new LinkedHashSet<>();
    runs.values().forEach(copies -> copies.forEach(copy -> files.add(copy.file())));
    return files;
  }

  /// Big-endian, closed by a CRC32C of all before it.
  byte[] encode() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeLong(MAGIC);
      out.writeInt(VERSION);
      out.writeUTF(origin.systemIdentifier());
      out.writeInt(origin.timeline());
      write(out, frontier);
      out.writeInt(values.size());
      for (Map.Entry<String, Bytes> value : values.entrySet()) {
        out.writeUTF(value.getKey());
        write(out, value.getValue());
      }
      out.writeInt(runs.size());
      for (Map.Entry<String, List<Copy>> arrangement : runs.entrySet()) {
        out.writeUTF(arrangement.getKey());
        out.writeInt(arrangement.getValue().size());
        for (Copy copy : arrangement.getValue()) {
          out.writeUTF(copy.file());
          out.writeLong(copy.offset());
          out.writeLong(copy.length());
        }
      }
      out.writeInt(checksum(bytes.toByteArray(), bytes.size()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  private static void write(DataOutputStream out, Bytes bytes) throws IOException {
    out.writeInt(bytes.size());
    out.write(bytes.toArray());
  }

  private static int checksum(byte[] bytes, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, 0, length);
    return (int) crc.getValue();
  }

  /// @throws IOException when these are not the bytes of a manifest of this version
  static Manifest decode(byte[] bytes) throws IOException {
    int length = bytes.length - Integer.BYTES;
    if (length < 0) {
      throw new IOException("it is cut off");
    }
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
      if (in.readLong() != MAGIC) {
        throw new IOException("it is not a manifest");
      }
      int version = in.readInt();
      if (version != VERSION) {
        throw new IOException("its format version is " + version + ", not " + VERSION);
      }
      in.skipNBytes(length - Long.BYTES - Integer.BYTES);
      if (in.readInt() != checksum(bytes, length)) {
        throw new IOException("its checksum is wrong");
      }
    }
    try (DataInputStream in =
        new DataInputStream(
            new ByteArrayInputStream(
                bytes, Long.BYTES + Integer.BYTES, length - Long.BYTES - Integer.BYTES))) {
      Origin origin = new Origin(in.readUTF(), in.readInt());
      Bytes frontier = read(in);
      Map<String, Bytes> values = new LinkedHashMap<>();
      for (int n = in.readInt(); n > 0; n--) {
        values.put(in.readUTF(), read(in));
      }
      Map<String, List<Copy>> runs = new LinkedHashMap<>();
      for (int n = in.readInt(); n > 0; n--) {
        String name = in.readUTF();
        List<Copy> copies = new ArrayList<>();
        for (int r = in.readInt(); r > 0; r--) {
          copies.add(new Copy(in.readUTF(), in.readLong(), in.readLong()));
        }
        runs.put(name, copies);
      }
      return new Manifest(origin, frontier, values, runs);
    }
  }

  private static Bytes read(DataInputStream in) throws IOException {
    return Bytes.copyOf(in.readNBytes(in.readInt()));
  }
}
