package io.pgtrickle.dvm.zset;

import io.pgtrickle.dvm.type.ByteSink;
import java.util.Arrays;

/// Packs rows of a schema column by column, from values in their binary wire form, none of which
/// becomes an object on the way.
///
/// Its life: [#begin], every column once and in ascending order, [#build]; then again.
public final class RowPacker {
  private final Schema schema;
  private final byte[] fixed;
  private final ByteSink variable = new ByteSink(256);
  private final ByteSink one = new ByteSink(64);

  public RowPacker(Schema schema) {
    this.schema = schema;
    fixed = new byte[schema.variableStart()];
  }

  /// Begins a row.
  public void begin() {
    Arrays.fill(fixed, (byte) 0);
    variable.clear();
  }

  public void putNull(int column) {
    fixed[column >> 3] |= (byte) (1 << (column & 7));
  }

  /// Puts a value in its binary wire form.
  public void putBinary(int column, byte[] data, int offset, int length) {
    one.clear();
    schema.codec(column).transcode(data, offset, length, one);
    put(column);
  }

  /// Puts a value, not `null`.
  public void put(int column, Object value) {
    one.clear();
    schema.codec(column).appendPayload(value, one);
    put(column);
  }

  private void put(int column) {
    int slot = schema.slot(column);
    if (slot >= 0) {
      System.arraycopy(one.array(), 0, fixed, slot, one.size());
    } else {
      variable.putVarint(one.size());
      variable.putBytes(one.array(), 0, one.size());
    }
  }

  /// The row.
  public Row build() {
    byte[] bytes = Arrays.copyOf(fixed, fixed.length + variable.size());
    System.arraycopy(variable.array(), 0, bytes, fixed.length, variable.size());
    return Row.ofOwned(bytes);
  }
}
