package io.pgtrickle.dvm.zset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Samples;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class SchemaTest {
  @Property(tries = 300)
  void packedValuesReadBack(@ForAll long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Schema schema = schema(random, random.nextInt(1, 20));
    ByteSink scratch = new ByteSink();
    for (int i = 0; i < 20; i++) {
      @Nullable Object[] values = values(schema, random);
      Row row = schema.pack(values, scratch);
      assertThat(schema.values(row)).isEqualTo(values);
      for (int column = 0; column < values.length; column++) {
        assertThat(schema.isNull(row, column)).isEqualTo(values[column] == null);
        assertThat(schema.value(row, column)).isEqualTo(values[column]);
      }
      assertThat(schema.pack(values)).isEqualTo(row).hasSameHashCodeAs(row);
    }
  }

  @Property(tries = 300)
  void keysOrderRowsByTheirValuesNullsLast(@ForAll long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Schema schema = schema(random, random.nextInt(1, 6));
    int[] columns = new int[random.nextInt(1, 4)];
    Arrays.setAll(columns, i -> random.nextInt(schema.size()));
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      rows.add(schema.pack(values(schema, random)));
    }
    for (Row left : rows) {
      for (Row right : rows) {
        assertThat(
                Integer.signum(
                    Arrays.compareUnsigned(
                        key(schema, left, columns), key(schema, right, columns))))
            .isEqualTo(order(schema, left, right, columns));
      }
    }
  }

  @Test
  void nullAndEmptyAreDifferentRows() {
    Schema schema = Schema.of(new Column("t", SqlType.TEXT), new Column("i", SqlType.INT4));
    assertThat(schema.pack(null, 0L)).isNotEqualTo(schema.pack("", 0L));
    assertThat(schema.pack("", null)).isNotEqualTo(schema.pack("", 0L));
    assertThat(schema.toText(schema.pack(null, 7L))).isEqualTo("NULL | 7");
  }

  @Test
  void aRowOfAnotherWidthIsRefused() {
    Schema schema = Schema.of(new Column("t", SqlType.TEXT));
    assertThatThrownBy(() -> schema.pack("a", "b")).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aTextLongerThanSevenBitsOfLengthReadsBackAndSoDoesWhatFollows() {
    Schema schema = Schema.of(new Column("a", SqlType.TEXT), new Column("b", SqlType.TEXT));
    String text = "x".repeat(70_000);
    Row row = schema.pack(text, "end");
    assertThat(schema.value(row, 0)).isEqualTo(text);
    assertThat(schema.value(row, 1)).isEqualTo("end");
  }

  private static int order(Schema schema, Row left, Row right, int[] columns) {
    for (int column : columns) {
      Object l = schema.value(left, column);
      Object r = schema.value(right, column);
      int order =
          l == null || r == null
              ? Boolean.compare(l == null, r == null)
              : TypeOrder.compare(schema.column(column).type(), l, r);
      if (order != 0) {
        return Integer.signum(order);
      }
    }
    return 0;
  }

  private static byte[] key(Schema schema, Row row, int[] columns) {
    ByteSink sink = new ByteSink();
    schema.appendKey(row, columns, sink);
    return sink.toArray();
  }

  static Schema schema(SplittableRandom random, int size) {
    List<SqlType> types = Samples.types();
    List<Column> columns = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      columns.add(new Column("c" + i, types.get(random.nextInt(types.size()))));
    }
    return new Schema(columns);
  }

  static @Nullable Object[] values(Schema schema, SplittableRandom random) {
    @Nullable Object[] values = new @Nullable Object[schema.size()];
    for (int i = 0; i < values.length; i++) {
      if (random.nextInt(4) != 0) {
        List<Object> some = Samples.of(schema.column(i).type(), random.nextLong(), 40);
        // Few different values, so that keys often begin alike.
        values[i] =
            some.get(random.nextInt(Math.min(some.size(), random.nextBoolean() ? 4 : 4_000)));
      }
    }
    return values;
  }
}
