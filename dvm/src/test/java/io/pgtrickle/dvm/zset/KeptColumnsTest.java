package io.pgtrickle.dvm.zset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.dvm.type.SqlType;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class KeptColumnsTest {
  @Property(tries = 300)
  void bothFormsOfARowSayTheSame(@ForAll long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Schema schema = named(SchemaTest.schema(random, random.nextInt(1, 40)));
    int share = random.nextInt(0, 5);
    List<String> names =
        IntStream.range(0, schema.size())
            .filter(i -> random.nextInt(4) < share)
            .mapToObj(i -> schema.column(i).name())
            .toList();
    KeptColumns kept = KeptColumns.of(schema, names);
    assertThat(kept.names()).isEqualTo(names);
    assertThat(kept.areAll()).isEqualTo(names.size() == schema.size());
    for (int round = 0; round < 10; round++) {
      @Nullable Object[] values = SchemaTest.values(schema, random);
      List<@Nullable Object> left = new ArrayList<>();
      for (int i = 0; i < values.length; i++) {
        if (kept.keeps(i)) {
          left.add(values[i]);
        } else {
          values[i] = null;
        }
      }
      Row masked = schema.pack(values);
      Row narrow = kept.narrowSchema().pack(left.toArray());
      assertThat(kept.narrow(masked)).isEqualTo(narrow);
      assertThat(kept.widen(narrow)).isEqualTo(masked);
    }
  }

  private static Schema named(Schema schema) {
    return new Schema(
        IntStream.range(0, schema.size())
            .mapToObj(i -> new Column("c" + i, schema.column(i).type()))
            .toList());
  }

  @Test
  void whatIsNotKeptMustNotBeThere() {
    Schema schema = Schema.of(new Column("a", SqlType.INT4), new Column("b", SqlType.TEXT));
    KeptColumns kept = KeptColumns.of(schema, Set.of("a"));
    assertThatThrownBy(() -> kept.narrow(schema.pack(1L, "x")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("[a]");
  }

  @Test
  void columnsAreAskedForByName() {
    Schema schema =
        Schema.of(
            new Column("a", SqlType.INT4),
            new Column("b", SqlType.TEXT),
            new Column("c", SqlType.INT8));
    KeptColumns kept = KeptColumns.of(schema, Set.of("c", "b", "gone"));
    assertThat(kept.keepAll(Set.of("b", "gone"))).isTrue();
    assertThat(kept.keepAll(Set.of("a"))).isFalse();
    assertThat(kept.inNarrowRows(new int[] {2, 1})).containsExactly(1, 0);
    assertThat(KeptColumns.all(schema).keepAll(Set.of("a", "b", "c"))).isTrue();
  }
}
