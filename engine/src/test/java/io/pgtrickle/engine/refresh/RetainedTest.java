package io.pgtrickle.engine.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import io.pgtrickle.engine.intake.RowChunk;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class RetainedTest {
  private static final Schema SCHEMA =
      Schema.of(
          new Column("id", SqlType.INT4),
          new Column("v", SqlType.INT4),
          new Column("note", SqlType.TEXT));
  // Chunks are as small as they get.
  private static final int VIEWS = 1 << 20;

  private static LiveTable.Released at(long moment) {
    return new LiveTable.Released(new Lsn(moment), Instant.ofEpochSecond(moment));
  }

  /// Some keys in tables that are updated, deleted and inserted, NULLs and duplicates among them.
  @ParameterizedTest
  @MethodSource("storages")
  void whatIsTakenIsTheSumAndWhatGoesComesFirst(Storage storage, String note) {
    Retained retained = new Retained(storage);
    Random random = new Random(5);
    for (int round = 0; round < 3; round++) {
      Map<Integer, ZSet> sums = new HashMap<>();
      for (int epoch = 1; epoch < 40; epoch++) {
        Map<Integer, ZSet> deltas = new HashMap<>();
        for (int relation = 0; relation < 3; relation++) {
          ZSet.Builder delta = new ZSet.Builder();
          for (int i = random.nextInt(400); i > 0; i--) {
            Long v = random.nextInt(9) == 0 ? null : (long) random.nextInt(40);
            delta.add(
                SCHEMA.pack((long) random.nextInt(200), v, note), random.nextBoolean() ? 1 : -1);
          }
          deltas.put(relation, delta.build());
        }
        deltas.forEach((relation, delta) -> sums.merge(relation, delta, ZSet::plus));
        retained.settle();
        retained.add(deltas, at(epoch));
      }
      try (Retained.Changes changes = retained.take()) {
        assertThat(retained.rows()).isZero();
        assertThat(changes.end()).contains(at(39));
        Map<Integer, ZSet> taken = new HashMap<>();
        int chunks = 0;
        for (Map<Integer, ZSet> next = changes.next(_ -> new RowChunk(VIEWS));
            !next.isEmpty();
            next = changes.next(_ -> new RowChunk(VIEWS))) {
          chunks++;
          next.forEach(
              (relation, rows) -> {
                boolean comes = taken.containsKey(relation) && hasComing(taken.get(relation));
                rows.forEach((_, weight) -> assertThat(comes && weight < 0).isFalse());
                taken.merge(relation, rows, ZSet::plus);
              });
        }
        assertThat(chunks).isGreaterThan(6);
        assertThat(taken).isEqualTo(sums);
      }
    }
    retained.close();
    assertThat(storage.memoryUsed()).isZero();
    storage.close();
  }

  /// The second has them outside of the heap.
  static Stream<Arguments> storages() {
    return Stream.of(
        Arguments.of(Storage.onHeap(Runnable::run), "n"),
        Arguments.of(Storage.inMemory(Runnable::run), "n".repeat(500)));
  }

  private static boolean hasComing(ZSet rows) {
    boolean[] found = {false};
    rows.forEach((_, weight) -> found[0] |= weight > 0);
    return found[0];
  }

  @Test
  void fewChangesAreTakenAtOnceAndWhatCancelsIsNone() {
    Retained retained = new Retained(Storage.onHeap(Runnable::run));
    ZSet row = ZSet.EMPTY.plus(one(1, 1));
    retained.add(Map.of(1, row, 2, row), at(1));
    retained.add(Map.of(2, row.negate()), at(2));
    try (Retained.Changes changes = retained.take()) {
      assertThat(changes.next(_ -> new RowChunk())).isEqualTo(Map.of(1, row));
      assertThat(changes.next(_ -> new RowChunk())).isEmpty();
      assertThat(changes.end()).contains(at(2));
    }
    try (Retained.Changes nothing = retained.take()) {
      assertThat(nothing.next(_ -> new RowChunk())).isEmpty();
      assertThat(nothing.end()).isEmpty();
    }
    retained.close();
  }

  private static ZSet one(long id, long v) {
    ZSet.Builder rows = new ZSet.Builder();
    rows.add(SCHEMA.pack(id, v, "n"), 1);
    return rows.build();
  }
}
