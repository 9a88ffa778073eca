package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.type.Bytes;
import java.util.List;

/// Functions of bytea; a position counts bytes from 1.
final class ByteaFunctions {
  private ByteaFunctions() {}

  static void register(Registry registry) {
    for (String name : List.of("length", "octet_length")) {
      registry
          .add(name + "(bytea) int4", "number of bytes", (Bytes a) -> (long) a.size())
          .neverFails();
    }
    registry.add("byteacat(bytea,bytea) bytea", "concatenation", ByteaFunctions::concatenate);
    for (String name : List.of("substring", "substr")) {
      registry
          .add(
              name + "(bytea,int4) bytea",
              "the bytes from a position on",
              (Bytes a, Long from) -> slice(a, from - 1, a.size()))
          .neverFails();
      registry.add(
          name + "(bytea,int4,int4) bytea",
          "a number of bytes from a position on",
          ByteaFunctions::substring);
    }
    registry
        .add(
            "position(bytea,bytea) int4",
            "position of a byte string within another, 0 when absent",
            ByteaFunctions::position)
        .neverFails();
    trim(registry, "btrim", "both ends", true, true);
    trim(registry, "ltrim", "the start", true, false);
    trim(registry, "rtrim", "the end", false, true);
    registry.add("md5(bytea) text", "MD5 in hexadecimal", (Bytes a) -> Digests.md5(a)).neverFails();
    for (String bits : List.of("224", "256", "384", "512")) {
      registry
          .add("sha" + bits + "(bytea) bytea", "SHA-" + bits, (Bytes a) -> Digests.sha(bits, a))
          .neverFails();
    }
  }

  private static void trim(
      Registry registry, String name, String where, boolean start, boolean end) {
    registry
        .add(
            name + "(bytea,bytea) bytea",
            "removes any of some bytes from " + where,
            (Bytes a, Bytes set) -> trim(a, set, start, end))
        .neverFails();
  }

  private static Bytes concatenate(Bytes left, Bytes right) {
    byte[] joined = new byte[left.size() + right.size()];
    left.copyTo(joined, 0);
    right.copyTo(joined, left.size());
    return Bytes.copyOf(joined);
  }

  private static Bytes substring(Bytes data, Long from, Long count) {
    if (count < 0) {
      throw TextFunctions.negativeLength();
    }
    return slice(data, from - 1, from - 1 + count);
  }

  /// The bytes at positions `[start, end)`, which may lie outside.
  private static Bytes slice(Bytes data, long start, long end) {
    int from = Math.clamp(start, 0, data.size());
    int to = Math.clamp(end, from, data.size());
    return Bytes.copyOf(data.toArray(), from, to - from);
  }

  private static Long position(Bytes data, Bytes part) {
    byte[] haystack = data.toArray();
    byte[] needle = part.toArray();
    for (int at = 0; at + needle.length <= haystack.length; at++) {
      if (java.util.Arrays.equals(haystack, at, at + needle.length, needle, 0, needle.length)) {
        return at + 1L;
      }
    }
    return 0L;
  }

  private static Bytes trim(Bytes data, Bytes set, boolean start, boolean end) {
    int from = 0;
    int to = data.size();
    while (start && from < to && contains(set, data.at(from))) {
      from++;
    }
    while (end && to > from && contains(set, data.at(to - 1))) {
      to--;
    }
    return Bytes.copyOf(data.toArray(), from, to - from);
  }

  private static boolean contains(Bytes set, byte wanted) {
    for (int i = 0; i < set.size(); i++) {
      if (set.at(i) == wanted) {
        return true;
      }
    }
    return false;
  }
}
