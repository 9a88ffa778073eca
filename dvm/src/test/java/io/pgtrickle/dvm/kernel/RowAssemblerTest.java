package io.pgtrickle.dvm.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.dvm.dataflow.Tables;
import io.pgtrickle.dvm.type.PgNumeric;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class RowAssemblerTest {
  private static final SqlType[] TYPES = {
    SqlType.INT4, SqlType.INT8, SqlType.TEXT, SqlType.NUMERIC, SqlType.BOOL, SqlType.FLOAT8
  };

  private static @Nullable Object value(SqlType type, Random random) {
    if (random.nextInt(4) == 0) {
      return null;
    }
    return switch (type.kind()) {
      case INT4, INT8 -> (long) random.nextInt(100) - 50;
      case TEXT -> "x".repeat(random.nextInt(300));
      case NUMERIC -> PgNumeric.parse(random.nextInt(1000) + "." + random.nextInt(10));
      case BOOL -> random.nextBoolean();
      default -> random.nextInt(64) / 8.0;
    };
  }

  private static Schema schema(int columns, Random random) {
    List<Column> list = new ArrayList<>();
    for (int i = 0; i < columns; i++) {
      list.add(new Column("c" + i, TYPES[random.nextInt(TYPES.length)]));
    }
    return new Schema(list);
  }

  private static @Nullable Object[] values(Schema schema, Random random) {
    @Nullable Object[] values = new @Nullable Object[schema.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = value(schema.column(i).type(), random);
    }
    return values;
  }

  @Test
  void anAssembledRowIsTheRowPackedFromTheSameValues() {
    for (long seed = 0; seed < 400; seed++) {
      Random random = new Random(seed);
      Schema left = schema(random.nextInt(12), random);
      Schema right = schema(1 + random.nextInt(10), random);
      List<Column> columns = new ArrayList<>();
      List<RowAssembler.Source> sources = new ArrayList<>();
      int computed = 0;
      for (int i = random.nextInt(20); i >= 0; i--) {
        int kind = random.nextInt(3);
        if (kind == 0 && left.size() > 0) {
          int column = random.nextInt(left.size());
          sources.add(new RowAssembler.Copied(0, column));
          columns.add(left.column(column));
        } else if (kind == 1) {
          int column = random.nextInt(right.size());
          sources.add(new RowAssembler.Copied(1, column));
          columns.add(right.column(column));
        } else {
          sources.add(new RowAssembler.Computed(computed++));
          columns.add(new Column("c", TYPES[random.nextInt(TYPES.length)]));
        }
      }
      Schema target = new Schema(columns);
      RowAssembler assembler = new RowAssembler(target, List.of(left, right), sources);
      for (int round = 0; round < 5; round++) {
        @Nullable Object[] l = values(left, random);
        @Nullable Object[] r = values(right, random);
        @Nullable Object[] expected = new @Nullable Object[target.size()];
        for (int i = 0; i < expected.length; i++) {
          expected[i] =
              switch (sources.get(i)) {
                case RowAssembler.Copied(int input, int column) ->
                    input == 0 ? l[column] : r[column];
                case RowAssembler.Computed(int ordinal) -> {
                  Object value = value(target.column(i).type(), random);
                  assembler.set(ordinal, value);
                  yield value;
                }
              };
        }
        Row row = assembler.assemble(left.pack(l), right.pack(r));
        assertThat(row).as("seed " + seed).isEqualTo(target.pack(expected));
      }
    }
  }

  @Test
  void aColumnOfAnotherKindIsNotCopied() {
    Schema from = Tables.schema(SqlType.INT4);
    Schema to = Tables.schema(SqlType.INT8);
    assertThatThrownBy(
            () -> new RowAssembler(to, List.of(from), List.of(new RowAssembler.Copied(0, 0))))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
