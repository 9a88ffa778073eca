package io.pgtrickle.dvm.zset;

import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import java.util.Arrays;
import java.util.List;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;

/// The columns of a row and its packed layout:
///
///     null bitmap | fixed-size slots, in column order | varint length + bytes of each variable
///     column
///
/// A NULL fixed column leaves its slot zeroed, a NULL variable column takes no bytes at all, so
/// that equal
/// values give equal bytes. A fixed column is read in O(1), a variable one after skipping those
/// before it.
public final class Schema {
  private final List<Column> columns;
  private final TypeCodec[] codecs;
  // Slot offset of a fixed column; −1 − ordinal among the variable ones otherwise.
  private final int[] position;
  private final int[] variable;
  private final int fixedEnd;

  public Schema(List<Column> columns) {
    this.columns = List.copyOf(columns);
    int n = this.columns.size();
    codecs = new TypeCodec[n];
    position = new int[n];
    int offset = (n + 7) / 8;
    int variableCount = 0;
    for (int i = 0; i < n; i++) {
      codecs[i] = TypeCodec.of(this.columns.get(i).type());
      int size = codecs[i].fixedSize();
      if (size >= 0) {
        position[i] = offset;
        offset += size;
      } else {
        position[i] = -1 - variableCount++;
      }
    }
    fixedEnd = offset;
    variable = new int[variableCount];
    for (int i = 0; i < n; i++) {
      if (position[i] < 0) {
        variable[-1 - position[i]] = i;
      }
    }
  }

  public static Schema of(Column... columns) {
    return new Schema(List.of(columns));
  }

  /// Whether rows of the other schema are rows of this one: names are not in them.
  public boolean hasTypesOf(Schema other) {
    return columns.stream()
        .map(Column::type)
        .toList()
        .equals(other.columns.stream().map(Column::type).toList());
  }

  /// Columns without names.
  public static Schema ofTypes(List<SqlType> types) {
    return new Schema(types.stream().map(type -> new Column("", type)).toList());
  }

  public List<Column> columns() {
    return columns;
  }

  public Column column(int index) {
    return columns.get(index);
  }

  public int size() {
    return columns.size();
  }

  /// The position of the first column of a name.
  ///
  /// @throws IllegalArgumentException when there is none
  public int indexOf(String name) {
    for (int i = 0; i < columns.size(); i++) {
      if (columns.get(i).name().equals(name)) {
        return i;
      }
    }
    throw new IllegalArgumentException("no column \"" + name + "\" among " + columns);
  }

  public TypeCodec codec(int index) {
    return codecs[index];
  }

  /// Where the slot of a fixed-size column starts in a packed row; −1 for a variable column.
  public int slot(int index) {
    return Math.max(-1, position[index]);
  }

  /// Where the variable columns start in a packed row.
  public int variableStart() {
    return fixedEnd;
  }

  /// Packs one value per column, `null` for SQL NULL.
  public Row pack(@Nullable Object... values) {
    return pack(values, new ByteSink());
  }

  /// Packs into a scratch sink that the caller reuses.
  public Row pack(@Nullable Object[] values, ByteSink scratch) {
    if (values.length != codecs.length) {
      throw new IllegalArgumentException(
          values.length + " values for " + codecs.length + " columns");
    }
    scratch.clear();
    for (int i = 0; i < fixedBitmap(); i++) {
      scratch.putByte(0);
    }
    for (int i = 0; i < codecs.length; i++) {
      Object value = values[i];
      if (value == null) {
        scratch.setByte(i >> 3, scratch.array()[i >> 3] | 1 << (i & 7));
      }
      if (position[i] >= 0) {
        if (value == null) {
          for (int pad = codecs[i].fixedSize(); pad > 0; pad--) {
            scratch.putByte(0);
          }
        } else {
          codecs[i].appendPayload(value, scratch);
        }
      }
    }
    ByteSink one = null;
    for (int i : variable) {
      Object value = values[i];
      if (value != null) {
        if (one == null) {
          one = new ByteSink();
        }
        one.clear();
        codecs[i].appendPayload(value, one);
        scratch.putVarint(one.size());
        scratch.putBytes(one.array(), 0, one.size());
      }
    }
    return Row.of(scratch);
  }

  public boolean isNull(Row row, int index) {
    return (row.bytes()[index >> 3] & 1 << (index & 7)) != 0;
  }

  /// The value of one column, `null` for SQL NULL.
  public @Nullable Object value(Row row, int index) {
    if (isNull(row, index)) {
      return null;
    }
    byte[] bytes = row.bytes();
    int at = position[index];
    if (at >= 0) {
      return codecs[index].readPayload(bytes, at, codecs[index].fixedSize());
    }
    long slice = slice(bytes, index);
    return codecs[index].readPayload(bytes, (int) (slice >> 32), (int) slice);
  }

  // Where a variable column that is not NULL lies: its offset, and in the lower half its length.
  private long slice(byte[] bytes, int index) {
    int offset = fixedEnd;
    for (int ordinal = 0; ; ordinal++) {
      int column = variable[ordinal];
      if ((bytes[column >> 3] & 1 << (column & 7)) != 0) {
        continue;
      }
      int length = 0;
      int shift = 0;
      byte group;
      do {
        group = bytes[offset++];
        length |= (group & 0x7F) << shift;
        shift += 7;
      } while (group < 0);
      if (column == index) {
        return (long) offset << 32 | length;
      }
      offset += length;
    }
  }

  public @Nullable Object[] values(Row row) {
    @Nullable Object[] values = new @Nullable Object[codecs.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = value(row, i);
    }
    return values;
  }

  /// Appends the memcmp key of the chosen columns: per column a tag (1 value, 2 NULL: NULLS LAST),
  /// then the
  /// type's key.
  public void appendKey(Row row, int[] keyColumns, ByteSink out) {
    for (int index : keyColumns) {
      if (isNull(row, index)) {
        out.putByte(2);
      } else {
        out.putByte(1);
        appendKey(row, index, out);
      }
    }
  }

  /// Appends the memcmp key of one column's value, which is not NULL.
  public void appendKey(Row row, int index, ByteSink out) {
    byte[] bytes = row.bytes();
    int at = position[index];
    if (at >= 0) {
      codecs[index].appendKeyOf(bytes, at, codecs[index].fixedSize(), out);
    } else {
      long slice = slice(bytes, index);
      codecs[index].appendKeyOf(bytes, (int) (slice >> 32), (int) slice, out);
    }
  }

  /// The row as text, `1 | ada | NULL`, for tests; messages that somebody may log hold no rows.
  public String toText(Row row) {
    StringJoiner text = new StringJoiner(" | ");
    for (int i = 0; i < codecs.length; i++) {
      Object value = value(row, i);
      text.add(value == null ? "NULL" : codecs[i].toText(value));
    }
    return text.toString();
  }

  private int fixedBitmap() {
    return (codecs.length + 7) / 8;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Schema that && columns.equals(that.columns);
  }

  @Override
  public int hashCode() {
    return columns.hashCode();
  }

  @Override
  public String toString() {
    return Arrays.toString(columns.toArray());
  }
}
