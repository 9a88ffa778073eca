package io.pgtrickle.dvm.kernel;

import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Builds rows of one schema out of columns of one or two other rows and of computed values,
/// without decoding what is only copied.
public final class RowAssembler {
  /*
   * The plan of a row is made once. Fixed slots: copy segments (input, from, to, length), neighbours that
   * are neighbours in the source merged, so that joining two rows of integers is two array copies; a
   * NULL's slot is zeroed in the source already. Null bits: one test per column. Variable columns: the
   * source's varint and bytes are copied as one slice; locate() finds the slices of an input row in
   * one pass over its variable part.
   *
   * buffer is reused; assemble() returns a trimmed copy. Not for use by two threads.
   */

  /// Where a column of the target comes from.
  public sealed interface Source {}

  /// A column of input 0 or 1, of the same kind of type.
  public record Copied(int input, int column) implements Source {}

  /// The value set by [#set] under this ordinal.
  public record Computed(int ordinal) implements Source {}

  private static final int COMPUTED = -1;

  private final Schema target;
  private final Schema[] inputs;
  private final int n;
  // Per target column.
  private final int[] input;
  private final int[] column;
  private final int[] variableOrdinal;
  // Segments of four numbers each.
  private final int[] segments;
  private final int[] fixedComputed;
  private final int[] variableTargets;
  // Per input: slices of its variable columns in the row at hand.
  private final int[][] variableColumns;
  private final int[][] starts;
  private final int[][] ends;
  private final @Nullable Object[] computed;
  private final Row[] rows = new Row[2];
  private byte[] buffer = new byte[128];
  private final ByteSink one = new ByteSink();

  public RowAssembler(Schema target, List<Schema> inputs, List<Source> sources) {
    this.target = target;
    this.inputs = inputs.toArray(new Schema[0]);
    n = target.size();
    if (sources.size() != n) {
      throw new IllegalArgumentException(sources.size() + " sources for " + n + " columns");
    }
    input = new int[n];
    column = new int[n];
    variableOrdinal = new int[n];
    int values = 0;
    for (int i = 0; i < n; i++) {
      switch (sources.get(i)) {
        case Copied(int from, int index) -> {
          input[i] = from;
          column[i] = index;
          if (target.column(i).type().kind() != inputs.get(from).column(index).type().kind()) {
            throw new IllegalArgumentException(
                "column " + i + " cannot be copied from " + inputs.get(from).column(index));
          }
        }
        case Computed(int ordinal) -> {
          input[i] = COMPUTED;
          column[i] = ordinal;
          values = Math.max(values, ordinal + 1);
        }
      }
    }
    computed = new @Nullable Object[values];
    variableColumns = new int[this.inputs.length][];
    starts = new int[this.inputs.length][];
    ends = new int[this.inputs.length][];
    for (int s = 0; s < this.inputs.length; s++) {
      variableColumns[s] = variableColumns(this.inputs[s]);
      starts[s] = new int[variableColumns[s].length];
      ends[s] = new int[variableColumns[s].length];
    }
    for (int i = 0; i < n; i++) {
      variableOrdinal[i] =
          input[i] == COMPUTED || target.slot(i) >= 0
              ? -1
              : Arrays.binarySearch(variableColumns[input[i]], column[i]);
    }
    variableTargets = variableColumns(target);
    segments = segments();
    fixedComputed = fixedComputed();
  }

  private static int[] variableColumns(Schema schema) {
    int[] found = new int[schema.size()];
    int count = 0;
    for (int i = 0; i < schema.size(); i++) {
      if (schema.slot(i) < 0) {
        found[count++] = i;
      }
    }
    return Arrays.copyOf(found, count);
  }

  private int[] segments() {
    List<int[]> list = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      if (target.slot(i) >= 0 && input[i] != COMPUTED) {
        int from = inputs[input[i]].slot(column[i]);
        int length = target.codec(i).fixedSize();
        int[] last = list.isEmpty() ? new int[] {-1, 0, 0, 0} : list.getLast();
        if (last[0] == input[i]
            && last[1] + last[3] == from
            && last[2] + last[3] == target.slot(i)) {
          last[3] += length;
        } else {
          list.add(new int[] {input[i], from, target.slot(i), length});
        }
      }
    }
    return list.stream().flatMapToInt(Arrays::stream).toArray();
  }

  private int[] fixedComputed() {
    int[] found = new int[n];
    int count = 0;
    for (int i = 0; i < n; i++) {
      if (target.slot(i) >= 0 && input[i] == COMPUTED) {
        found[count++] = i;
      }
    }
    return Arrays.copyOf(found, count);
  }

  /// Sets a computed value for the next row, `null` for SQL NULL.
  public void set(int ordinal, @Nullable Object value) {
    computed[ordinal] = value;
  }

  /// Builds a row from one input row.
  public Row assemble(Row only) {
    rows[0] = only;
    return build();
  }

  /// Builds a row from two input rows.
  public Row assemble(Row first, Row second) {
    rows[0] = first;
    rows[1] = second;
    return build();
  }

  private Row build() {
    int fixedEnd = target.variableStart();
    if (buffer.length < fixedEnd) {
      buffer = new byte[fixedEnd * 2];
    }
    Arrays.fill(buffer, 0, fixedEnd, (byte) 0);
    for (int i = 0; i < n; i++) {
      boolean isNull =
          input[i] == COMPUTED
              ? computed[column[i]] == null
              : (rows[input[i]].bytes()[column[i] >> 3] & 1 << (column[i] & 7)) != 0;
      if (isNull) {
        buffer[i >> 3] |= (byte) (1 << (i & 7));
      }
    }
    for (int s = 0; s < segments.length; s += 4) {
      System.arraycopy(
          rows[segments[s]].bytes(), segments[s + 1], buffer, segments[s + 2], segments[s + 3]);
    }
    for (int i : fixedComputed) {
      Object value = computed[column[i]];
      if (value != null) {
        one.clear();
        target.codec(i).appendPayload(value, one);
        System.arraycopy(one.array(), 0, buffer, target.slot(i), one.size());
      }
    }
    int used = variableTargets.length == 0 ? fixedEnd : appendVariable(fixedEnd);
    return Row.ofOwned(Arrays.copyOf(buffer, used));
  }

  private int appendVariable(int from) {
    for (int s = 0; s < inputs.length; s++) {
      locate(s);
    }
    int used = from;
    for (int i : variableTargets) {
      if (input[i] == COMPUTED) {
        Object value = computed[column[i]];
        if (value != null) {
          one.clear();
          target.codec(i).appendPayload(value, one);
          reserve(used, one.size() + 5);
          int length = one.size();
          while ((length & ~0x7F) != 0) {
            buffer[used++] = (byte) ((length & 0x7F) | 0x80);
            length >>>= 7;
          }
          buffer[used++] = (byte) length;
          System.arraycopy(one.array(), 0, buffer, used, one.size());
          used += one.size();
        }
      } else {
        int start = starts[input[i]][variableOrdinal[i]];
        int length = ends[input[i]][variableOrdinal[i]] - start;
        reserve(used, length);
        System.arraycopy(rows[input[i]].bytes(), start, buffer, used, length);
        used += length;
      }
    }
    return used;
  }

  // A NULL variable column gets the empty slice.
  private void locate(int s) {
    byte[] bytes = rows[s].bytes();
    int at = inputs[s].variableStart();
    int[] columns = variableColumns[s];
    for (int v = 0; v < columns.length; v++) {
      starts[s][v] = at;
      if ((bytes[columns[v] >> 3] & 1 << (columns[v] & 7)) == 0) {
        int length = 0;
        int shift = 0;
        byte group;
        do {
          group = bytes[at++];
          length |= (group & 0x7F) << shift;
          shift += 7;
        } while (group < 0);
        at += length;
      }
      ends[s][v] = at;
    }
  }

  private void reserve(int used, int more) {
    if (used + more > buffer.length) {
      buffer = Arrays.copyOf(buffer, Math.max(used + more, buffer.length * 2));
    }
  }
}
