package io.pgtrickle.dvm.zset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.dvm.type.SqlType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

final class ZSetTest {
  private static final Schema SCHEMA =
      Schema.of(new Column("id", SqlType.INT4), new Column("name", SqlType.TEXT));

  @Property
  void buildingSumsWeightsAndDropsZeros(@ForAll long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    TreeMap<Row, Long> model = new TreeMap<>();
    ZSet.Builder builder = new ZSet.Builder(1);
    for (int n = random.nextInt(60); n > 0; n--) {
      Row row = row(random);
      long weight = random.nextLong(-2, 3);
      builder.add(row, weight);
      model.merge(row, weight, Long::sum);
    }
    model.values().removeIf(weight -> weight == 0);

    ZSet built = builder.build();

    assertThat(entries(built)).isEqualTo(List.copyOf(model.entrySet()));
    model.forEach((row, weight) -> assertThat(built.weightOf(row)).isEqualTo(weight));
    assertThat(builder.isEmpty()).isTrue();
    assertThat(builder.build()).isEqualTo(ZSet.EMPTY);
  }

  @Property
  void additionIsThatOfAGroup(@ForAll long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    ZSet a = random(random);
    ZSet b = random(random);
    ZSet c = random(random);
    assertThat(a.plus(b)).isEqualTo(b.plus(a)).isEqualTo(rebuilt(a, b));
    assertThat(a.plus(b).plus(c)).isEqualTo(a.plus(b.plus(c)));
    assertThat(a.plus(a.negate())).isEqualTo(ZSet.EMPTY);
    assertThat(a.plus(ZSet.EMPTY)).isEqualTo(a);
    assertThat(a.plus(b).plus(b.negate())).isEqualTo(a).hasSameHashCodeAs(a);
  }

  @Test
  void weightsThatOverflowAreRefused() {
    Row row = SCHEMA.pack(1L, "a");
    ZSet most = new ZSet.Builder().add(row, Long.MAX_VALUE).build();
    assertThatThrownBy(() -> most.plus(new ZSet.Builder().add(row, 1).build()))
        .isInstanceOf(ArithmeticException.class);
    assertThatThrownBy(() -> new ZSet.Builder().addAll(most).add(row, 1).build())
        .isInstanceOf(ArithmeticException.class);
  }

  @Test
  void rowsOfNeighbouringNumbersHashApart() {
    Schema pairs = Schema.of(new Column("a", SqlType.INT4), new Column("b", SqlType.INT4));
    Set<Integer> hashes = new HashSet<>();
    for (long a = 0; a < 200; a++) {
      for (long b = 0; b < 200; b++) {
        hashes.add(pairs.pack(a, b).hashCode());
      }
    }
    // 40,000 values in 2³² places meet about 0.2 times by chance.
    assertThat(hashes).hasSizeGreaterThan(39_990);
  }

  @Test
  void equalRowsAreFoundInHashMaps() {
    Map<Row, Integer> map = new HashMap<>();
    map.put(SCHEMA.pack(1L, null), 1);
    assertThat(map).containsKey(SCHEMA.pack(1L, null)).doesNotContainKey(SCHEMA.pack(1L, ""));
  }

  private static Row row(SplittableRandom random) {
    return SCHEMA.pack(
        random.nextInt(5) == 0 ? null : (Object) random.nextLong(-2, 3),
        random.nextInt(5) == 0 ? null : "ab".substring(random.nextInt(3)));
  }

  private static ZSet random(SplittableRandom random) {
    ZSet.Builder builder = new ZSet.Builder();
    for (int n = random.nextInt(30); n > 0; n--) {
      builder.add(row(random), random.nextLong(-3, 4));
    }
    return builder.build();
  }

  private static ZSet rebuilt(ZSet a, ZSet b) {
    return new ZSet.Builder().addAll(b).addAll(a).build();
  }

  private static List<Map.Entry<Row, Long>> entries(ZSet zset) {
    List<Map.Entry<Row, Long>> entries = new ArrayList<>();
    zset.forEach((row, weight) -> entries.add(Map.entry(row, weight)));
    return entries;
  }
}
