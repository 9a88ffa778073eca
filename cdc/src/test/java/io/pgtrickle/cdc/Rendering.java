package io.pgtrickle.cdc;

import io.pgtrickle.cdc.Change.OldRow;
import java.nio.ByteBuffer;
import java.util.StringJoiner;

/// Changes as lines of text, for comparing them with what a test expects.
///
/// Knows the types that the tests use: `int4`, `int8`, and everything sent as text.
public final class Rendering {
  private static final Oid INT8 = new Oid(20);
  private static final Oid INT4 = new Oid(23);

  private Rendering() {}

  public static String render(Change change) {
    return switch (change) {
      case Change.Insert(Relation relation, Tuple row) -> "I " + render(relation, row);
      case Change.Update(Relation relation, OldRow old, Tuple row) ->
          "U " + render(relation, old) + " -> " + render(relation, row);
      case Change.Delete(Relation relation, OldRow old) -> "D " + render(relation, old);
      case Change.Truncate(var relations, boolean cascade, boolean restart) ->
          "T "
              + relations.stream().map(Relation::name).sorted().toList()
              + (cascade ? " cascade" : "")
              + (restart ? " restart" : "");
      case Change.InPartition(Relation root, _) -> "P " + root.name();
      case LogicalMessage message -> "M " + message.prefix() + "=" + message.text();
    };
  }

  private static String render(Relation relation, OldRow old) {
    return switch (old) {
      case OldRow.Unknown() -> "?";
      case OldRow.Key(Tuple key) -> "key" + render(relation, key);
      case OldRow.Full(Tuple row) -> "full" + render(relation, row);
    };
  }

  public static String render(Relation relation, Tuple row) {
    StringJoiner cells = new StringJoiner(",", "(", ")");
    for (int i = 0; i < row.size(); i++) {
      cells.add(render(relation.columns().get(i).type(), row, i));
    }
    return cells.toString();
  }

  public static String render(Oid type, Tuple row, int column) {
    return switch (row.kind(column)) {
      case NULL -> "null";
      case UNCHANGED_TOAST -> "unchanged";
      case TEXT -> abbreviated(row.text(column));
      case BINARY -> {
        ByteBuffer value = row.value(column);
        if (type.equals(INT8)) {
          yield Long.toString(value.getLong());
        }
        yield type.equals(INT4) ? Integer.toString(value.getInt()) : abbreviated(row.text(column));
      }
    };
  }

  private static String abbreviated(String text) {
    return text.length() <= 40 ? text : text.length() + " chars";
  }
}
