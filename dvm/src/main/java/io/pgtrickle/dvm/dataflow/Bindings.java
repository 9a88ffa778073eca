package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What is known of the columns of the rows that are looked for: the key bytes of some of them.
///
/// Bound is what is *equal* in SQL, so the rows found are a superset of those that look the same.
final class Bindings {
  private static final Bytes ANY = Bytes.copyOf(new byte[] {1});

  private final @Nullable Bytes[] parts;

  private Bindings(@Nullable Bytes[] parts) {
    this.parts = parts;
  }

  static Bindings none(int columns) {
    return new Bindings(new @Nullable Bytes[columns]);
  }

  /// Every column bound to what a row has.
  static Bindings of(Schema schema, Row row) {
    Bindings all = none(schema.size());
    ByteSink scratch = new ByteSink();
    for (int i = 0; i < schema.size(); i++) {
      all.parts[i] = part(schema, row, i, scratch);
    }
    return all;
  }

  private static Bytes part(Schema schema, Row row, int column, ByteSink scratch) {
    scratch.clear();
    schema.appendKey(row, new int[] {column}, scratch);
    return Bytes.copyOf(scratch.array(), 0, scratch.size());
  }

  /// Binds a column to an arbitrary value that is not NULL, to ask what could be reached.
  void bindAny(int column) {
    parts[column] = ANY;
  }

  boolean bound(int column) {
    return parts[column] != null;
  }

  boolean allBound(List<Integer> columns) {
    return columns.stream().allMatch(this::bound);
  }

  boolean isNull(int column) {
    Bytes part = parts[column];
    return part != null && part.at(0) == 2;
  }

  /// Takes over what another says of a column; false when the two contradict each other.
  boolean bind(int column, Bindings other, int from) {
    Bytes part = other.parts[from];
    if (part == null) {
      return true;
    }
    Bytes mine = parts[column];
    parts[column] = part;
    return mine == null || mine.equals(part);
  }

  Bindings slice(int from, int to) {
    return new Bindings(Arrays.copyOfRange(parts, from, to));
  }

  /// Appends the key made of some columns, all of which are bound.
  void appendKey(List<Integer> columns, ByteSink out) {
    for (int column : columns) {
      Bytes part = parts[column];
      if (part == null) {
        throw new IllegalStateException("column " + column + " is not bound");
      }
      for (int i = 0; i < part.size(); i++) {
        out.putByte(part.at(i));
      }
    }
  }

  /// Whether a row has the bound values.
  boolean matches(Schema schema, Row row, ByteSink scratch) {
    for (int i = 0; i < parts.length; i++) {
      Bytes part = parts[i];
      if (part != null && !part.equals(part(schema, row, i, scratch))) {
        return false;
      }
    }
    return true;
  }
}
