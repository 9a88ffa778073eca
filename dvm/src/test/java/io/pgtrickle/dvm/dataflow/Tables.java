package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;

/// Z-sets as text, for tests: `+1 | 7 | ada` is a row of weight 1, `NULL` is NULL, `␠` a blank that
/// belongs to the value.
public final class Tables {
  private Tables() {}

  public static Schema schema(SqlType... types) {
    Column[] columns = new Column[types.length];
    for (int i = 0; i < types.length; i++) {
      columns[i] = new Column("c" + i, types[i]);
    }
    return Schema.of(columns);
  }

  public static ZSet zset(Schema schema, String... lines) {
    ZSet.Builder rows = new ZSet.Builder();
    for (String line : lines) {
      String[] cells = line.split("\\|", -1);
      @Nullable Object[] values = new @Nullable Object[schema.size()];
      for (int i = 0; i < values.length; i++) {
        String cell = cells[i + 1].strip();
        values[i] = cell.equals("NULL") ? null : schema.codec(i).fromText(cell.replace('␠', ' '));
      }
      rows.add(schema.pack(values), Long.parseLong(cells[0].strip()));
    }
    return rows.build();
  }

  public static Row row(Schema schema, String line) {
    return zset(schema, "1 | " + line).row(0);
  }

  /// One line per row, in the order of row bytes.
  public static String text(Schema schema, ZSet rows) {
    StringJoiner text = new StringJoiner("\n");
    rows.forEach(
        (row, weight) -> text.add((weight > 0 ? "+" : "") + weight + " | " + schema.toText(row)));
    return text.toString();
  }
}
