package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What is known of the columns of the rows that are looked for: the key bytes of some of them.
///
/// Bound is what is *equal* in SQL, so the rows found are a superset of those that look the same.
final class Bindings {
  private static final byte NULL_TAG = 2;

  // To ask what could be reached.
  private static final byte[] ANY_VALUE = {1};
  private static final byte ANYTHING_TAG = 3;
  private static final byte[] ANYTHING = {ANYTHING_TAG};

  // Per column its key with the tag before it; null where nothing is known.
  private final byte[] @Nullable [] parts;

  private Bindings(byte[] @Nullable [] parts) {
    this.parts = parts;
  }

  static Bindings none(int columns) {
    return new Bindings(new byte[columns] @Nullable []);
  }

  /// Every column bound to what a row has.
  static Bindings of(Schema schema, Row row) {
    Bindings all = none(schema.size());
    ByteSink scratch = new ByteSink();
    for (int i = 0; i < schema.size(); i++) {
      scratch.clear();
      schema.appendKey(row, new int[] {i}, scratch);
      all.parts[i] = scratch.toArray();
    }
    return all;
  }

  /// Every column bound to an arbitrary value, to ask what could be reached.
  ///
  /// @param nullable whether it may also be NULL
  static Bindings arbitrary(int columns, boolean nullable) {
    Bindings all = none(columns);
    Arrays.fill(all.parts, nullable ? ANYTHING : ANY_VALUE);
    return all;
  }

  boolean bound(int column) {
    return parts[column] != null;
  }

  boolean allBound(List<Integer> columns) {
    return columns.stream().allMatch(this::bound);
  }

  boolean isNull(int column) {
    byte[] part = parts[column];
    return part != null && part[0] == NULL_TAG;
  }

  /// Whether a column is NULL, or arbitrary.
  boolean mayBeNull(int column) {
    byte[] part = parts[column];
    return part != null && (part[0] == ANYTHING_TAG || part[0] == NULL_TAG);
  }

  /// Says of a column that it is not NULL; false when it is.
  boolean requireValue(int column) {
    byte[] part = parts[column];
    if (part != null && part[0] == ANYTHING_TAG) {
      parts[column] = ANY_VALUE;
    }
    return !isNull(column);
  }

  /// Takes over what another says of a column; false when the two contradict each other.
  boolean bind(int column, Bindings other, int from) {
    byte[] part = other.parts[from];
    if (part == null) {
      return true;
    }
    byte[] mine = parts[column];
    if (mine == null || mine[0] == ANYTHING_TAG) {
      parts[column] = part;
      return true;
    }
    return part[0] == ANYTHING_TAG || Arrays.equals(mine, part);
  }

  Bindings slice(int from, int to) {
    return new Bindings(Arrays.copyOfRange(parts, from, to));
  }

  /// Appends the key made of some columns, all of which are bound.
  void appendKey(List<Integer> columns, ByteSink out) {
    for (int column : columns) {
      byte[] part = parts[column];
      if (part == null) {
        throw new IllegalStateException("column " + column + " is not bound");
      }
      out.putBytes(part);
    }
  }

  /// Whether a row has the bound values.
  boolean matches(Schema schema, Row row, ByteSink scratch) {
    int[] column = new int[1];
    for (int i = 0; i < parts.length; i++) {
      byte[] part = parts[i];
      if (part != null) {
        column[0] = i;
        scratch.clear();
        schema.appendKey(row, column, scratch);
        if (!Arrays.equals(part, 0, part.length, scratch.array(), 0, scratch.size())) {
          return false;
        }
      }
    }
    return true;
  }
}
