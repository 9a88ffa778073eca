package io.pgtrickle.engine.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.TrickleException.StorageUnavailable;
import io.pgtrickle.dvm.dataflow.Dataflow;
import io.pgtrickle.dvm.dataflow.Labels;
import io.pgtrickle.dvm.dataflow.View;
import io.pgtrickle.dvm.expr.Collation;
import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.server.Server;
import io.pgtrickle.dvm.state.Entries;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class BuildTest {
  private static final Schema SCHEMA = Schema.of(new Column("v", SqlType.INT4));
  private static final int LEFT = 1;
  private static final int RIGHT = 2;

  private final Storage storage = Storage.onHeap(Runnable::run);
  private final View left = distinct(10, LEFT);
  private final View right = distinct(11, RIGHT);
  private final View both = view(12, new Plan.UnionAll(List.of(left.plan(), right.plan()), SCHEMA));
  private final Build build =
      new Build(List.of(left, right, both), storage, new Labels(Server.none(), storage));

  private static View distinct(long id, int relation) {
    return view(id, new Plan.Distinct(new Plan.Scan(relation, "r" + relation, List.of(), SCHEMA)));
  }

  private static View view(long id, Plan plan) {
    return new View(id, (int) id, "view " + id, plan, EvaluationSettings.of("UTC", Collation.C));
  }

  private static LiveTable.Released at(long moment) {
    return new LiveTable.Released(new Lsn(moment), Instant.ofEpochSecond(moment));
  }

  private static ZSet rows(long weight, long... values) {
    ZSet.Builder rows = new ZSet.Builder();
    for (long value : values) {
      rows.add(SCHEMA.pack(value), weight);
    }
    return rows.build();
  }

  private ZSet difference(View view) {
    Snapshot snapshot = build.difference(view.id());
    ZSet.Builder rows = new ZSet.Builder();
    for (Entries all = snapshot.prefix(new ByteSink(1)); all.next(); ) {
      rows.add(all.row(), all.weight());
    }
    return rows.build();
  }

  @AfterEach
  void close() {
    build.close();
  }

  @Test
  void everyViewHasItsOwnDifference() {
    build.beginAt(at(1));
    build.load(LEFT, rows(1, 1, 2));
    build.load(RIGHT, rows(1, 2, 3));
    build.loaded();
    build.subtract(left.id(), rows(1, 2, 9));
    assertThat(difference(left)).isEqualTo(rows(1, 1).plus(rows(-1, 9)));
    assertThat(difference(right)).isEqualTo(rows(1, 2, 3));
    assertThat(difference(both)).isEqualTo(rows(1, 1, 2, 2, 3));
    build.differenceIsWritten(left.id());
    assertThat(difference(left)).isEqualTo(ZSet.EMPTY);
    assertThat(difference(right)).isEqualTo(rows(1, 2, 3));
  }

  @Test
  void whatYieldsMoreThanThereIsMemoryForIsFedInPieces() {
    Labels labels = new Labels(Server.none(), storage);
    long memory = 8 * SCHEMA.pack(1L).footprint();
    try (Build small = new Build(List.of(both), storage, new Dataflow(storage, labels, memory))) {
      small.beginAt(at(1));
      small.load(LEFT, rows(1, LongStream.range(0, 50).toArray()));
      small.retain(
          Map.of(
              LEFT,
              rows(-1, LongStream.range(0, 25).toArray())
                  .plus(rows(1, LongStream.range(60, 70).toArray())),
              RIGHT,
              rows(1, LongStream.range(0, 20).toArray())),
          at(2));
      small.catchUp();
      assertThat(small.contains(both.id())).isTrue();
      ZSet.Builder found = new ZSet.Builder();
      Entries all = small.difference(both.id()).prefix(new ByteSink(1));
      while (all.next()) {
        found.add(all.row(), all.weight());
      }
      assertThat(found.build())
          .isEqualTo(
              rows(1, LongStream.range(25, 50).toArray())
                  .plus(rows(1, LongStream.range(60, 70).toArray()))
                  .plus(rows(1, LongStream.range(0, 20).toArray())));
      // That is written by the epoch in which it joins, or not at all.
      assertThat(small.takeOutput()).isEmpty();
      assertThat(small.takeGivenUp()).containsOnlyKeys(both.id());
    }
  }

  @Test
  void whatHappensMeanwhileFollowsInOrderWithWhereItEnded() {
    build.beginAt(at(1));
    build.retain(Map.of(LEFT, rows(-1, 1), 99, rows(1, 5)), at(2));
    build.retain(Map.of(99, rows(1, 5)), at(3));
    build.load(LEFT, rows(1, 1, 2));
    build.loaded();
    assertThat(build.behind()).isEqualTo(1);
    assertThat(build.reached()).isEqualTo(at(1));
    build.catchUp();
    assertThat(build.behind()).isZero();
    assertThat(build.reached()).isEqualTo(at(2));
    assertThat(difference(left)).isEqualTo(rows(1, 2));

    build.differenceIsWritten(left.id());
    build.differenceIsWritten(both.id());
    build.retain(Map.of(LEFT, rows(1, 4)), at(4));
    build.catchUp();
    assertThat(build.takeOutput())
        .containsOnly(Map.entry(left.id(), rows(1, 4)), Map.entry(both.id(), rows(1, 4)));
  }

  @Test
  void aViewThatFailsIsGivenUpAndTheOthersSeeTheStepAllTheSame() {
    build.beginAt(at(1));
    build.load(RIGHT, rows(1, 7));
    // Nothing like it was ever there.
    build.retain(Map.of(LEFT, rows(-1, 1), RIGHT, rows(1, 8)), at(2));
    build.loaded();
    build.catchUp();
    assertThat(build.contains(left.id())).isFalse();
    assertThat(build.contains(both.id())).isFalse();
    assertThat(build.takeGivenUp())
        .containsOnlyKeys(left.id(), both.id())
        .allSatisfy((_, reason) -> assertThat(reason).isInstanceOf(StateDamaged.class));
    assertThat(build.takeGivenUp()).isEmpty();
    assertThat(build.healthy(left.id())).isFalse();
    assertThat(build.healthy(right.id())).isTrue();
    assertThat(difference(right)).isEqualTo(rows(1, 7, 8));
    assertThat(build.readers(LEFT)).isEmpty();
    assertThat(build.readers(RIGHT)).containsExactly(right);
  }

  @Test
  void whatReadsALostSourceIsGivenUpWhereItWasLost() {
    build.beginAt(at(1));
    build.loaded();
    build.retain(Map.of(LEFT, rows(1, 1), RIGHT, rows(1, 1)), at(2));
    IllegalStateException lost = new IllegalStateException("lost");
    build.lose(LEFT, lost);
    // Of another table in its place, such as a deletion of what this one never had.
    build.retain(Map.of(LEFT, rows(-1, 5), RIGHT, rows(1, 2)), at(3));
    build.catchUp();
    assertThat(build.takeGivenUp()).isEqualTo(Map.of(left.id(), lost, both.id(), lost));
    assertThat(build.differing(right.id())).isEqualTo(2);
    assertThat(difference(right)).isEqualTo(rows(1, 1, 2));
    assertThat(build.reached()).isEqualTo(at(3));
  }

  @Test
  void whoIsGivenUpByTheHostLeavesNothingBehind() {
    build.beginAt(at(1));
    IllegalStateException first = new IllegalStateException("first");
    build.giveUp(left.id(), first);
    build.giveUp(left.id(), new IllegalStateException("second"));
    build.giveUp(77, new IllegalStateException("never took part"));
    build.load(LEFT, rows(1, 1));
    build.load(RIGHT, rows(1, 2));
    build.loaded();
    assertThat(build.takeGivenUp()).containsOnly(Map.entry(left.id(), first));
    assertThat(difference(both)).isEqualTo(rows(1, 1, 2));
    build.giveUp(right.id(), first);
    build.giveUp(both.id(), first);
    assertThat(build.isEmpty()).isTrue();
    assertThat(build.dataflow().stats().operators()).isZero();
  }

  /// Each is less than an arrangement may have there, and all are more than what all may have.
  @Test
  void whatHappensToManyRelationsOnceDoesNotStayOnTheHeap() {
    Schema schema = Schema.of(new Column("id", SqlType.INT8), new Column("note", SqlType.TEXT));
    String note = "n".repeat(100_000);
    ZSet.Builder large = new ZSet.Builder();
    for (long i = Runtime.getRuntime().maxMemory() / 36 / note.length(); i > 0; i--) {
      large.add(schema.pack(i, note), 1);
    }
    ZSet rows = large.build();
    List<View> views = LongStream.range(1, 7).mapToObj(i -> distinct(20 + i, (int) i)).toList();
    try (Storage state = Storage.inMemory(Runnable::run);
        Build many = new Build(views, state, new Labels(Server.none(), state))) {
      many.beginAt(at(1));
      for (int relation = 1; relation < 7; relation++) {
        many.retain(Map.of(relation, rows), at(relation));
      }
      many.retain(Map.of(99, rows(1, 5)), at(8));
      assertThat(many.behind()).isEqualTo(6L * rows.size());
      assertThat(state.heapIsCrowded()).isFalse();
    }
  }

  @Test
  void whatIsKeptIsGivenUpWhereTheStreamNeedsTheRoom() {
    StorageUnavailable full = new StorageUnavailable("full", null);
    build.beginAt(at(1));
    build.loaded();
    // Nothing is won by that.
    build.yieldTo(full);
    build.retain(Map.of(LEFT, rows(1, 1)), at(2));
    assertThat(build.behind()).isEqualTo(1);
    build.yieldTo(full);
    assertThat(build.behind()).isZero();
    build.retain(Map.of(LEFT, rows(1, 2)), at(3));
    assertThat(build.behind()).isZero();
    build.catchUp();
    assertThat(build.takeGivenUp())
        .isEqualTo(Map.of(left.id(), full, right.id(), full, both.id(), full));
    build.retain(Map.of(LEFT, rows(1, 3)), at(4));
    assertThat(build.behind()).isZero();
    build.catchUp();
    assertThat(build.isEmpty()).isTrue();
  }

  @Test
  void nothingIsKeptForNobody() {
    build.beginAt(at(1));
    build.retain(Map.of(LEFT, rows(1, 1)), at(2));
    for (View view : List.of(left, right, both)) {
      build.giveUp(view.id(), new IllegalStateException("given up"));
    }
    assertThat(build.behind()).isZero();
    build.retain(Map.of(LEFT, rows(1, 2)), at(3));
    assertThat(build.behind()).isZero();
  }
}
