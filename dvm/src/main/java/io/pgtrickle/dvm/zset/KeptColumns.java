package io.pgtrickle.dvm.zset;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Set;

/// The columns of a schema that are kept of its rows, in the order of the schema.
///
/// A row of which no other columns are kept has two forms:
///
/// - *masked*: a row of the schema, NULL in all other columns;
/// - *narrow*: a row of the schema of the kept columns.
///
/// They say the same, and one is had from the other without reading a value: what is variable in
/// length takes no bytes where it is NULL, so that only the null bits and the slots of fixed size
/// differ.
public final class KeptColumns {
  private final Schema schema;
  private final Schema narrow;
  private final int[] positions;
  // Of a masked row: the null bits of what is not kept.
  private final byte[] absent;
  // Slots that are neighbours in both forms, three numbers each: masked offset, narrow offset,
  // length.
  private final int[] segments;

  private KeptColumns(Schema schema, int[] positions) {
    this.schema = schema;
    this.positions = positions;
    boolean all = positions.length == schema.size();
    this.narrow =
        all ? schema : new Schema(Arrays.stream(positions).mapToObj(schema::column).toList());
    this.absent = new byte[(schema.size() + 7) / 8];
    for (int i = 0; i < schema.size(); i++) {
      if (Arrays.binarySearch(positions, i) < 0) {
        absent[i >> 3] |= (byte) (1 << (i & 7));
      }
    }
    this.segments = segments();
  }

  /// All columns: both forms are the row itself.
  public static KeptColumns all(Schema schema) {
    int[] positions = new int[schema.size()];
    Arrays.setAll(positions, i -> i);
    return new KeptColumns(schema, positions);
  }

  /// The columns of these names; names that the schema does not have are ignored.
  public static KeptColumns of(Schema schema, Collection<String> names) {
    Set<String> wanted = Set.copyOf(names);
    List<Integer> positions = new ArrayList<>();
    for (int i = 0; i < schema.size(); i++) {
      if (wanted.contains(schema.column(i).name())) {
        positions.add(i);
      }
    }
    return new KeptColumns(schema, positions.stream().mapToInt(Integer::intValue).toArray());
  }

  private int[] segments() {
    List<int[]> found = new ArrayList<>();
    for (int k = 0; k < positions.length; k++) {
      int from = schema.slot(positions[k]);
      if (from >= 0) {
        int to = narrow.slot(k);
        int length = schema.codec(positions[k]).fixedSize();
        int[] last = found.isEmpty() ? new int[] {-1, -1, 0} : found.getLast();
        if (last[0] + last[2] == from && last[1] + last[2] == to) {
          last[2] += length;
        } else {
          found.add(new int[] {from, to, length});
        }
      }
    }
    return found.stream().flatMapToInt(Arrays::stream).toArray();
  }

  /// The schema of masked rows.
  public Schema schema() {
    return schema;
  }

  /// The schema of narrow rows.
  public Schema narrowSchema() {
    return narrow;
  }

  /// The names of the kept columns, in the order of the schema.
  public List<String> names() {
    return narrow.columns().stream().map(Column::name).toList();
  }

  /// Whether every column is kept.
  public boolean areAll() {
    return positions.length == schema.size();
  }

  /// Whether the column at this position of the schema is kept.
  public boolean keeps(int column) {
    return Arrays.binarySearch(positions, column) >= 0;
  }

  /// Whether all columns of these names are kept; names that the schema does not have are ignored.
  public boolean keepAll(Collection<String> names) {
    for (int i = 0; i < schema.size(); i++) {
      if (!keeps(i) && names.contains(schema.column(i).name())) {
        return false;
      }
    }
    return true;
  }

  /// Where kept columns are in narrow rows.
  ///
  /// @param columns positions in the schema
  public int[] inNarrowRows(int[] columns) {
    return Arrays.stream(columns).map(column -> Arrays.binarySearch(positions, column)).toArray();
  }

  /// The narrow form of a masked row.
  ///
  /// @throws IllegalArgumentException when a column that is not kept has a value
  public Row narrow(Row masked) {
    if (areAll()) {
      return masked;
    }
    byte[] from = masked.bytes();
    requireMasked(from);
    byte[] to = new byte[narrow.variableStart() + from.length - schema.variableStart()];
    for (int k = 0; k < positions.length; k++) {
      int at = positions[k];
      if ((from[at >> 3] & 1 << (at & 7)) != 0) {
        to[k >> 3] |= (byte) (1 << (k & 7));
      }
    }
    for (int s = 0; s < segments.length; s += 3) {
      System.arraycopy(from, segments[s], to, segments[s + 1], segments[s + 2]);
    }
    copyVariable(from, schema.variableStart(), to, narrow.variableStart());
    return Row.ofOwned(to);
  }

  /// The masked form of a narrow row.
  public Row widen(Row narrowed) {
    if (areAll()) {
      return narrowed;
    }
    byte[] from = narrowed.bytes();
    byte[] to = new byte[schema.variableStart() + from.length - narrow.variableStart()];
    System.arraycopy(absent, 0, to, 0, absent.length);
    for (int k = 0; k < positions.length; k++) {
      int at = positions[k];
      if ((from[k >> 3] & 1 << (k & 7)) != 0) {
        to[at >> 3] |= (byte) (1 << (at & 7));
      }
    }
    for (int s = 0; s < segments.length; s += 3) {
      System.arraycopy(from, segments[s + 1], to, segments[s], segments[s + 2]);
    }
    copyVariable(from, narrow.variableStart(), to, schema.variableStart());
    return Row.ofOwned(to);
  }

  private static void copyVariable(byte[] from, int start, byte[] to, int target) {
    System.arraycopy(from, start, to, target, from.length - start);
  }

  private void requireMasked(byte[] row) {
    for (int i = 0; i < absent.length; i++) {
      if ((row[i] & absent[i]) != absent[i]) {
        throw new IllegalArgumentException(
            "a row has values in columns that are not among " + names());
      }
    }
  }

  @Override
  public String toString() {
    return names() + " of " + schema;
  }
}
