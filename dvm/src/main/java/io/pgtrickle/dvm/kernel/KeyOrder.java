package io.pgtrickle.dvm.kernel;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

final class KeyOrder {
  /*
   * Keys are compared as unsigned bytes. Comparing whole keys costs a cache miss into the data, so each
   * entry also has an 8-byte prefix, a weakly monotone image of its key: key(a) < key(b) implies
   * prefix(a) <= prefix(b), and only equal prefixes need the rest.
   *
   * A key made by Schema.appendKey starts with a tag: 1 before a value, 2 for NULL. The tag would
   * waste a byte, and with it the discriminating low byte of a 64-bit integer, so the prefix of a key
   * that starts with 1 is its bytes 1 to 8, zero-padded. Keys below (empty, or starting with 0) map to
   * the least prefix, keys above (NULL first) to the greatest. The rest that is stored beside the
   * prefix is the key from byte 9 on; for the two extreme prefixes, which several families share, it
   * is the whole key. So a one-column integer key takes no bytes beyond its prefix.
   *
   * Prefixes are kept sign-flipped, so that signed comparison of longs is the order of bytes.
   */
  static final long LEAST = Long.MIN_VALUE;
  static final long GREATEST = Long.MAX_VALUE;

  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  private KeyOrder() {}

  static long prefix(byte[] key, int offset, int length) {
    if (length == 0 || key[offset] == 0) {
      return LEAST;
    }
    if (key[offset] != 1) {
      return GREATEST;
    }
    if (length >= 9) {
      return (long) LONGS.get(key, offset + 1) ^ Long.MIN_VALUE;
    }
    long value = 0;
    for (int i = 1; i < length; i++) {
      value |= (key[offset + i] & 0xFFL) << (64 - 8 * i);
    }
    return value ^ Long.MIN_VALUE;
  }

  /// How many leading key bytes the prefix stands for.
  static int skip(long prefix, int keySize) {
    return prefix == LEAST || prefix == GREATEST ? 0 : Math.min(9, keySize);
  }

  /// Rebuilds the bytes that the prefix stands for; returns their number.
  static int unpack(long prefix, int keySize, byte[] target, int offset) {
    int skip = skip(prefix, keySize);
    if (skip > 0) {
      target[offset] = 1;
      long value = prefix ^ Long.MIN_VALUE;
      for (int i = 1; i < skip; i++) {
        target[offset + i] = (byte) (value >>> (64 - 8 * i));
      }
    }
    return skip;
  }
}
