package io.pgtrickle.engine.intake;

import io.pgtrickle.cdc.CellKind;
import io.pgtrickle.cdc.Relation;
import io.pgtrickle.cdc.Tuple;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.KeptColumns;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.RowPacker;
import io.pgtrickle.dvm.zset.Schema;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Turns the server's tuples of one relation into packed rows of a schema.
///
/// Columns are matched by name, since that is what the stream sends. A column of the schema that
/// the relation does not publish (a generated one), or that is not kept, is NULL, and no plan reads
/// it.
final class TupleDecoder {
  private final Schema schema;
  // Per column of the schema its cell in the tuple, −1 when it is not sent.
  private final int[] cells;
  private final RowPacker packer;

  TupleDecoder(Schema schema, int[] cells) {
    this.schema = schema;
    this.cells = cells;
    this.packer = new RowPacker(schema);
  }

  /// Matches kept columns with those of a relation as the stream describes it; the rows are masked.
  static TupleDecoder of(KeptColumns columns, Relation relation) {
    return of(columns, relation.columns().stream().map(Relation.Column::name).toList());
  }

  /// Matches kept columns with the names of a tuple's cells; the rows are masked.
  static TupleDecoder of(KeptColumns columns, List<String> names) {
    Schema schema = columns.schema();
    int[] cells = new int[schema.size()];
    for (int i = 0; i < cells.length; i++) {
      cells[i] = columns.keeps(i) ? names.indexOf(schema.column(i).name()) : -1;
    }
    return new TupleDecoder(schema, cells);
  }

  /// Matches the columns of a schema with the names of a tuple's cells.
  static TupleDecoder of(Schema schema, List<String> names) {
    return of(KeptColumns.all(schema), names);
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
    packer.begin();
    for (int i = 0; i < cells.length; i++) {
      put(tuple, i, before);
    }
    return packer.build();
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
    packer.begin();
    for (int i = 0; i < cells.length; i++) {
      if (isAmong(columns, i)) {
        put(tuple, i, null);
      } else {
        packer.putNull(i);
      }
    }
    return packer.build();
  }

  private static boolean isAmong(int[] columns, int column) {
    for (int each : columns) {
      if (each == column) {
        return true;
      }
    }
    return false;
  }

  private void put(Tuple tuple, int column, @Nullable Row before) {
    int cell = cells[column];
    if (cell < 0) {
      packer.putNull(column);
      return;
    }
    switch (tuple.kind(cell)) {
      case NULL -> packer.putNull(column);
      case BINARY ->
          packer.putBinary(column, tuple.bytes(), tuple.offset(cell), tuple.length(cell));
      case TEXT -> packer.put(column, fromText(tuple.text(cell), column));
      case UNCHANGED_TOAST -> packer.put(column, unchanged(column, before));
    }
  }

  private Object fromText(String text, int column) {
    if (schema.column(column).type().kind() == TypeKind.OPAQUE) {
      throw new StateDamaged(
          "column \""
              + schema.column(column).name()
              + "\" has a type without a binary form, which cannot be captured",
          null);
    }
    return schema.codec(column).fromText(text);
  }

  // NULL is not stored out of line: a row that has it there is not the one that was changed, or
  // only
  // its key was logged.
  private Object unchanged(int column, @Nullable Row before) {
    Object unchanged = before == null ? null : schema.value(before, column);
    if (unchanged == null) {
      throw new StateDamaged(
          "column \""
              + schema.column(column).name()
              + "\" was not sent and "
              + (before == null ? "the row before is not known" : "the row before has NULL there"),
          null);
    }
    return unchanged;
  }
}
