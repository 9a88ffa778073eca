package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.type.Bytes;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/// Message digests of byte strings.
final class Digests {
  private Digests() {}

  static String md5(Bytes data) {
    return HexFormat.of().formatHex(digest("MD5", data));
  }

  static Bytes sha(String bits, Bytes data) {
    return Bytes.copyOf(digest("SHA-" + bits, data));
  }

  private static byte[] digest(String algorithm, Bytes data) {
    try {
      return MessageDigest.getInstance(algorithm).digest(data.toArray());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has " + algorithm, e);
    }
  }
}
