package io.pgtrickle.engine.apply;

import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.nio.charset.StandardCharsets;

/// PostgreSQL's binary COPY format: a signature, then rows of length-prefixed values in their send
/// form.
final class CopyBinary {
  private static final byte[] SIGNATURE =
      "PGCOPY\n\377\r\n\0".getBytes(StandardCharsets.ISO_8859_1);

  private CopyBinary() {}

  static void header(ByteSink out) {
    out.putBytes(SIGNATURE);
    out.putInt(0);
    out.putInt(0);
  }

  /// One staged row: `kind int8, w int8`, then the columns.
  static void row(Schema schema, Row row, long kind, long weight, ByteSink out) {
    out.putShort(schema.size() + 2);
    out.putInt(8);
    out.putLong(kind);
    out.putInt(8);
    out.putLong(weight);
    ByteSink value = new ByteSink(32);
    for (int i = 0; i < schema.size(); i++) {
      Object object = schema.value(row, i);
      if (object == null) {
        out.putInt(-1);
      } else {
        value.clear();
        schema.codec(i).toBinary(object, value);
        out.putInt(value.size());
        out.putBytes(value.array(), 0, value.size());
      }
    }
  }

  static void trailer(ByteSink out) {
    out.putShort(-1);
  }
}
