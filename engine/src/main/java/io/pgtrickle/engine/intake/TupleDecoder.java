package io.pgtrickle.engine.intake;

import io.pgtrickle.cdc.CellKind;
import io.pgtrickle.cdc.Relation;
import io.pgtrickle.cdc.Tuple;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Turns the server's tuples of one relation into packed rows of a schema.
///
/// Columns are matched by name, since that is what the stream sends; a column of the schema that
/// the
/// relation does not publish (a generated one) is NULL, and no plan reads it.
final class TupleDecoder {
  private final Schema schema;
  // Per column of the schema its cell in the tuple, −1 when it is not sent.
  private final int[] cells;
  private final @Nullable Object[] values;
  private final ByteSink scratch = new ByteSink(256);

  TupleDecoder(Schema schema, int[] cells) {
    this.schema = schema;
    this.cells = cells;
    this.values = new @Nullable Object[cells.length];
  }

  /// Matches the columns of a relation as the stream describes it.
  static TupleDecoder of(Schema schema, Relation relation) {
    return of(schema, relation.columns().stream().map(Relation.Column::name).toList());
  }

  /// Matches the names of a tuple's cells.
  static TupleDecoder of(Schema schema, List<String> names) {
    int[] cells = new int[schema.size()];
    for (int i = 0; i < cells.length; i++) {
      cells[i] = names.indexOf(schema.column(i).name());
    }
    return new TupleDecoder(schema, cells);
  }

  /// A decoder of tuples that hold exactly the schema's columns.
  static TupleDecoder positional(Schema schema) {
    int[] cells = new int[schema.size()];
    Arrays.setAll(cells, i -> i);
    return new TupleDecoder(schema, cells);
  }

  /// Decodes a whole row; cells that were not sent because their TOAST value did not change come
  /// from
  /// the row before.
  Row row(Tuple tuple, @Nullable Row before) {
    for (int i = 0; i < cells.length; i++) {
      values[i] = value(tuple, i, before);
    }
    return schema.pack(values, scratch);
  }

  /// Whether a row cannot be decoded without the row before.
  boolean needsRowBefore(Tuple tuple) {
    for (int cell : cells) {
      if (cell >= 0 && tuple.kind(cell) == CellKind.UNCHANGED_TOAST) {
        return true;
      }
    }
    return false;
  }

  /// A row of which only some columns are decoded, all others being NULL.
  ///
  /// An updated row's identity is needed before the row it replaces is known, while its other cells
  /// may be
  /// TOAST values that were not sent.
  Row partial(Tuple tuple, int[] columns) {
    Arrays.fill(values, null);
    for (int column : columns) {
      values[column] = value(tuple, column, null);
    }
    return schema.pack(values, scratch);
  }

  private @Nullable Object value(Tuple tuple, int column, @Nullable Row before) {
    int cell = cells[column];
    if (cell < 0) {
      return null;
    }
    TypeCodec codec = schema.codec(column);
    return switch (tuple.kind(cell)) {
      case NULL -> null;
      case BINARY -> codec.fromBinary(tuple.bytes(), tuple.offset(cell), tuple.length(cell));
      case TEXT -> {
        if (schema.column(column).type().kind() == TypeKind.OPAQUE) {
          throw new StateDamaged(
              "column \""
                  + schema.column(column).name()
                  + "\" has a type without a binary form, which cannot be captured",
              null);
        }
        yield codec.fromText(tuple.text(cell));
      }
      case UNCHANGED_TOAST -> {
        if (before == null) {
          throw new StateDamaged(
              "column \""
                  + schema.column(column).name()
                  + "\" was not sent and the row before is not known",
              null);
        }
        yield schema.value(before, column);
      }
    };
  }
}
