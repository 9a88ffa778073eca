package io.pgtrickle.dvm.type;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/// Numbers as the wire and [ByteSink] have them.
final class BigEndian {
  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  private BigEndian() {}

  static short int16(byte[] data, int offset) {
    return (short) SHORT.get(data, offset);
  }

  static int int32(byte[] data, int offset) {
    return (int) INT.get(data, offset);
  }

  static long int64(byte[] data, int offset) {
    return (long) LONG.get(data, offset);
  }

  static void putInt16(byte[] data, int offset, int value) {
    SHORT.set(data, offset, (short) value);
  }

  static void putInt32(byte[] data, int offset, int value) {
    INT.set(data, offset, value);
  }

  static void putInt64(byte[] data, int offset, long value) {
    LONG.set(data, offset, value);
  }

  /// Refuses a wire form of another length than the type has: the peer does not speak this type.
  static void expect(int expected, int length, String type) {
    if (length != expected) {
      throw new IllegalArgumentException(
          type + " has " + expected + " bytes on the wire, not " + length);
    }
  }
}
