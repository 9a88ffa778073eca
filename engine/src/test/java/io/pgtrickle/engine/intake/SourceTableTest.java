package io.pgtrickle.engine.intake;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.cdc.CellKind;
import io.pgtrickle.cdc.Change;
import io.pgtrickle.cdc.Change.OldRow;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.Oid;
import io.pgtrickle.cdc.Relation;
import io.pgtrickle.cdc.ReplicaIdentity;
import io.pgtrickle.cdc.Transaction;
import io.pgtrickle.cdc.Tuple;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.KeptColumns;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class SourceTableTest {
  private static final Schema SCHEMA =
      Schema.of(
          new Column("id", SqlType.INT4),
          new Column("large", SqlType.TEXT),
          new Column("n", SqlType.INT8));

  /// What the log says of the row before.
  enum Logs {
    /// The key where it changed, under the default replica identity.
    KEYS(true),
    /// Whole rows, of a partitioned table whose key is known all the same.
    WHOLE_ROWS_OF_A_KEYED_TABLE(true),
    /// Whole rows, of a table without a key.
    WHOLE_ROWS(false);

    private final boolean keyed;

    Logs(boolean keyed) {
      this.keyed = keyed;
    }

    int[] identity() {
      return keyed ? new int[] {0} : new int[0];
    }
  }

  static Stream<Arguments> kept() {
    return Stream.of(Logs.values())
        .flatMap(
            logs ->
                Stream.of(
                        List.of("id", "large", "n"),
                        List.of("id", "n"),
                        List.of("id", "large"),
                        List.of("id"),
                        List.of("n"),
                        List.<String>of())
                    .filter(columns -> !logs.keyed || columns.contains("id"))
                    .map(columns -> Arguments.of(logs, columns)));
  }

  @ParameterizedTest
  @MethodSource("kept")
  void deltasAreTheDifferenceOfTheTableAndTheRowsFollow(Logs logs, List<String> columns) {
    Workload workload = new Workload(logs, new Random(20261121), columns);
    for (int epoch = 0; epoch < 400; epoch++) {
      ZSet before = workload.contents();
      for (int i = workload.random.nextInt(12); i >= 0; i--) {
        workload.change();
      }
      ZSet after = workload.contents();
      assertThat(workload.table.endEpoch())
          .as("epoch %d", epoch)
          .isEqualTo(after.plus(before.negate()));
      assertThat(rows(workload.table)).isEqualTo(after);
    }
  }

  // Regions are about the id.
  static Stream<Arguments> keptWithId() {
    return kept().filter(each -> String.valueOf(each.get()[1]).contains("id"));
  }

  @ParameterizedTest
  @MethodSource("keptWithId")
  void aRepairIsTheDifferenceOfTheRowsThereAreAndThoseThatWereTold(
      Logs logs, List<String> columns) {
    Workload workload = new Workload(logs, new Random(20261129), columns);
    Random random = workload.random;
    for (int round = 0; round < 400; round++) {
      RegionRepair repair = new RegionRepair(Workload::isInRegion, Set.of());
      var start = RegionRepair.start(workload.table, repair);
      ZSet found = inRegion(start.rows());
      start.hold().close();
      for (int epochs = random.nextInt(3); epochs > 0; epochs--) {
        workload.changes(random.nextInt(6), false);
        workload.table.endEpoch();
      }
      ZSet before = workload.contents();
      workload.changes(random.nextInt(4), false);
      workload.changeUnseen();
      workload.changes(random.nextInt(4), true);
      ZSet present = workload.contentsInRegion();
      repair.ready(found, present, Set.of("7 8 9"), Map.of(7, "id < 6"));
      assertThat(workload.table.awaits(repair.id())).isTrue();
      workload.table.repair();
      workload.changes(random.nextInt(4), false);
      ZSet after = workload.contents();
      assertThat(workload.table.endEpoch())
          .as("round %d", round)
          .isEqualTo(after.plus(before.negate()));
      assertThat(rows(workload.table)).isEqualTo(after);
      assertThat(repair.done()).isCompleted();
    }
    assertThat(workload.table.shape().partitions()).containsExactly("7 8 9");
    assertThat(workload.table.regions()).containsExactly(Map.entry(7, "id < 6"));
  }

  @Test
  void aRepairThatWasNotMadeReadyChangesNothing() {
    Workload workload = new Workload(Logs.KEYS, new Random(1));
    SourceTable table = workload.table;
    table.accept(workload.insert(row(1, "a", 1L)));
    table.endEpoch();
    RegionRepair repair = new RegionRepair(Workload::isInRegion, Set.of());
    RegionRepair.start(table, repair).hold().close();
    assertThat(table.repair()).isZero();
    assertThat(table.endEpoch()).isEqualTo(ZSet.EMPTY);
    table.abandonRepair();
    assertThat(table.awaits(repair.id())).isFalse();
    assertThat(repair.done()).isCompletedExceptionally();
  }

  @Test
  void partitionsAreThoseOfTheRowsThatAnEpochHasLeft() {
    Workload workload = new Workload(Logs.WHOLE_ROWS, new Random(1));
    SourceTable table = workload.table;
    SourceShape before = table.shape();
    RegionRepair repair = new RegionRepair(Workload::isInRegion, Set.of());
    RegionRepair.start(table, repair).hold().close();
    repair.ready(ZSet.EMPTY, one(row(1, "a", 1L)), Set.of("7 8 9"), Map.of(7, "id < 6"));
    table.repair();
    assertThat(table.shape()).isEqualTo(before);
    assertThat(repair.done()).isNotDone();
    table.endEpoch();
    assertThat(table.shape().partitions()).containsExactly("7 8 9");
    assertThat(repair.done()).isCompletedWithValue(1L);
  }

  @Test
  void aCopyThatWasLetGoOfIsNotTakenForTheTable() {
    Intake intake = new Intake();
    SourceTable table = new Workload(Logs.KEYS, new Random(1)).table;
    Attachment attachment = new Attachment(table);
    intake.retain(attachment);
    assertThat(intake.isRetaining(attachment)).isTrue();
    intake.detach(table.oid());
    assertThat(intake.isRetaining(attachment)).isFalse();
  }

  @Test
  void whatThereIsNoMemoryForIsCopiedAgain() {
    Intake intake = new Intake(new EpochMemory(200 * ROW_BYTES));
    Workload workload = new Workload(Logs.KEYS, new Random(1));
    intake.attach(workload.table);
    int epochs = 0;
    for (int id = 0; id < 1000; id++) {
      intake.accept(transaction(List.of(workload.insert(row(id, "", 1L)))));
      if (intake.hasEnough()) {
        epochs++;
        assertThat(intake.endEpoch().damaged()).isEmpty();
      }
    }
    assertThat(epochs).as("each of about a quarter of the limit").isBetween(16, 24);
    assertThat(intake.endEpoch().damaged()).isEmpty();
    intake.accept(transaction(List.of(workload.truncate(), workload.insert(row(1, "", 1L)))));
    Intake.Deltas deltas = intake.endEpoch();
    assertThat(deltas.deltas()).isEmpty();
    assertThat(deltas.touched()).containsExactly(new Oid(20_000));
    assertThat(deltas.damaged().get(20_000))
        .hasMessageContaining("public.t changed by so much at once")
        .extracting(StateDamaged::sqlState)
        .isEqualTo("53400");
    assertThat(intake.table(20_000)).isEmpty();
    assertThat(intake.hasEnough()).isFalse();
  }

  @ParameterizedTest
  @EnumSource
  void whatAnEpochTakesIsCountedWhateverTheLogTells(Logs logs) {
    Workload workload = new Workload(logs, new Random(1));
    SourceTable table = workload.table;
    table.accept(workload.insert(row(1, "x".repeat(10_000), 1L)));
    assertThat(table.pendingBytes()).isBetween(10_000L, 10_400L);
    table.endEpoch();
    assertThat(table.pendingBytes()).isZero();
    // Where the log has the key only, the row is fetched later.
    table.accept(workload.delete(1, row(1, "x".repeat(10_000), 1L)));
    assertThat(table.pendingBytes()).isBetween(10_000L, 10_400L);
    table.abandonEpoch();
    table.accept(workload.insert(row(2, "x".repeat(10_000), 1L)));
    table.accept(workload.truncate());
    assertThat(table.pendingBytes()).as("the row that was stored").isBetween(10_000L, 10_400L);
    table.endEpoch();
    assertThat(rows(table)).isEqualTo(ZSet.EMPTY);
  }

  @Test
  void aCopyDuringWhichThereIsNoMemoryForChangesIsMadeAgain() {
    Intake intake = new Intake(new EpochMemory(100 * ROW_BYTES));
    Workload workload = new Workload(Logs.KEYS, new Random(1));
    Attachment attachment = new Attachment(workload.table);
    intake.retain(attachment);
    Change change = workload.insert(row(1, "", 1L));
    for (int i = 0; i < 50; i++) {
      intake.accept(transaction(List.of(change)));
    }
    assertThat(attachment.overflowed()).isFalse();
    intake.accept(transaction(Collections.nCopies(100, change)));
    assertThat(attachment.overflowed()).isTrue();
    assertThat(attachment.retainedBytes()).isZero();
  }

  // Of a small row that is new, noted by its key.
  private static final long ROW_BYTES = 210;

  private static Transaction transaction(List<Change> changes) {
    return new Transaction(
        1, Lsn.ZERO, Lsn.ZERO.plus(1), Instant.EPOCH, changes, 1, Transaction.Part.LAST);
  }

  private static ZSet inRegion(SourceRows rows) {
    ZSet.Builder found = new ZSet.Builder();
    rows.forEach(
        (row, weight) -> {
          if (Workload.isInRegion(row)) {
            found.add(row, weight);
          }
        });
    return found.build();
  }

  @Test
  void aRowThatWasNeverThereDamagesTheTable() {
    Workload workload = new Workload(Logs.KEYS, new Random(1));
    SourceTable table = workload.table;
    table.accept(workload.update(7, null, row(7, "a", 1L)));
    assertThatThrownBy(table::endEpoch)
        .isInstanceOf(StateDamaged.class)
        .hasMessageContaining("does not hold");
    assertThat(table.endEpoch()).as("the epoch is forgotten").isEqualTo(ZSet.EMPTY);
    table.accept(workload.insert(row(7, "a", 1L)));
    table.endEpoch();
    table.accept(workload.delete(7, row(7, "a", 1L)));
    assertThatThrownBy(() -> table.accept(workload.delete(7, row(7, "a", 1L))))
        .as("gone in this epoch")
        .isInstanceOf(StateDamaged.class);
    table.abandonEpoch();
    table.accept(workload.truncate());
    assertThatThrownBy(() -> table.accept(workload.update(7, null, row(7, "b", 1L))))
        .as("gone with all others")
        .isInstanceOf(StateDamaged.class);
  }

  @Test
  void aPartitionsWholeRowIsOneWhateverItIsCalledAndMustBeThere() {
    Workload workload = new Workload(Logs.WHOLE_ROWS, new Random(1));
    SourceTable table = workload.table;
    table.accept(workload.insert(row(7, "a", 1L)));
    table.endEpoch();
    table.accept(workload.deleteByKey(row(7, "a", 1L)));
    assertThat(table.endEpoch()).isEqualTo(one(row(7, "a", 1L)).negate());
    table.accept(workload.insert(row(7, "a", 1L)));
    table.accept(workload.deleteByKey(row(7, null, null)));
    assertThatThrownBy(table::endEpoch)
        .isInstanceOf(StateDamaged.class)
        .hasMessageContaining("does not hold");
  }

  @Test
  void aValueThatWasNotSentIsThatOfTheRowBefore() {
    Workload workload = new Workload(Logs.KEYS, new Random(1));
    SourceTable table = workload.table;
    table.accept(workload.insert(row(1, "as it was", 1L)));
    table.accept(workload.unsentLarge(1, row(1, "", 2L)));
    table.endEpoch();
    assertThat(rows(table)).isEqualTo(one(row(1, "as it was", 2L)));
    table.accept(workload.unsentLarge(1, row(5, "", 3L)));
    table.accept(workload.unsentLarge(5, row(5, "", 4L)));
    table.endEpoch();
    assertThat(rows(table)).isEqualTo(one(row(5, "as it was", 4L)));
  }

  @Test
  void theKeyOfAPartitionIsOneAlsoWhenItIsCalledAWholeRow() {
    Workload workload = new Workload(Logs.KEYS, new Random(1));
    SourceTable table = workload.table;
    table.accept(workload.insert(row(1, "as it was", 1L)));
    table.endEpoch();
    table.accept(workload.unsentLarge(row(1, null, null), row(5, "", 2L)));
    table.endEpoch();
    assertThat(rows(table)).isEqualTo(one(row(5, "as it was", 2L)));
  }

  @Test
  void aValueThatWasNotSentCannotHaveBeenNull() {
    Workload whole = new Workload(Logs.WHOLE_ROWS, new Random(1));
    whole.table.accept(whole.insert(row(1, null, null)));
    whole.table.endEpoch();
    assertThatThrownBy(
            () -> whole.table.accept(whole.unsentLarge(row(1, null, null), row(5, "", 2L))))
        .as("a key where whole rows were logged")
        .isInstanceOf(StateDamaged.class)
        .hasMessageContaining("\"large\"");
    Workload keys = new Workload(Logs.KEYS, new Random(1));
    keys.table.accept(keys.insert(row(1, null, 1L)));
    keys.table.endEpoch();
    assertThatThrownBy(() -> keys.table.accept(keys.unsentLarge(1, row(1, "", 2L))))
        .as("another row than the one that was arranged")
        .isInstanceOf(StateDamaged.class)
        .hasMessageContaining("\"large\"");
  }

  private static @Nullable Object[] row(int id, @Nullable String large, @Nullable Long n) {
    return new @Nullable Object[] {(long) id, large, n};
  }

  private static ZSet one(@Nullable Object[] values) {
    return new ZSet.Builder().add(SCHEMA.pack(values), 1).build();
  }

  private static ZSet rows(SourceTable table) {
    ZSet.Builder rows = new ZSet.Builder();
    table.rows().forEach(rows::add);
    return rows.build();
  }

  /// Changes of a table with unique ids, as the log has them, and what they leave.
  private static final class Workload {
    private static final int IDS = 12;
    private static final int REGION = 6;

    private static final SourceShape PARTITIONED =
        new SourceShape(Set.of("partitioned"), Set.of(), Set.of(), Set.of("1 1 1"));

    private final Logs logs;
    private final Random random;
    private final Relation relation;
    private final SourceTable table;
    private final List<String> columns;
    private final Map<Integer, @Nullable Object[]> rows = new TreeMap<>();

    Workload(Logs logs, Random random) {
      this(logs, random, List.of("id", "large", "n"));
    }

    Workload(Logs logs, Random random, List<String> columns) {
      this.logs = logs;
      this.random = random;
      this.columns = columns;
      relation =
          new Relation(
              new Oid(20_000),
              "public",
              "t",
              logs == Logs.KEYS ? ReplicaIdentity.DEFAULT : ReplicaIdentity.FULL,
              List.of(
                  new Relation.Column("id", new Oid(23), -1, true, null),
                  new Relation.Column("large", new Oid(25), -1, logs != Logs.KEYS, null),
                  new Relation.Column("n", new Oid(20), -1, logs != Logs.KEYS, null)));
      table =
          new SourceTable(
              20_000,
              "public.t",
              KeptColumns.of(SCHEMA, columns),
              logs.identity(),
              List.of("id", "large", "n"),
              logs == Logs.KEYS ? SourceShape.ANY : PARTITIONED,
              Map.of(),
              Storage.onHeap(Runnable::run));
    }

    ZSet contents() {
      ZSet.Builder contents = new ZSet.Builder();
      rows.values().forEach(values -> contents.add(SCHEMA.pack(masked(values)), 1));
      return contents.build();
    }

    private @Nullable Object[] masked(@Nullable Object[] values) {
      @Nullable Object[] masked = values.clone();
      for (int i = 0; i < masked.length; i++) {
        if (!columns.contains(SCHEMA.column(i).name())) {
          masked[i] = null;
        }
      }
      return masked;
    }

    static boolean isInRegion(Row row) {
      return Objects.requireNonNull((Long) SCHEMA.value(row, 0)) < REGION;
    }

    ZSet contentsInRegion() {
      ZSet.Builder contents = new ZSet.Builder();
      contents()
          .forEach(
              (row, weight) -> {
                if (isInRegion(row)) {
                  contents.add(row, weight);
                }
              });
      return contents.build();
    }

    /// What the log does not tell.
    void changeUnseen() {
      for (int id = 0; id < REGION; id++) {
        switch (random.nextInt(3)) {
          case 0 -> rows.remove(id);
          case 1 -> rows.put(id, fresh(id));
          default -> {}
        }
      }
    }

    /// @param outside only of rows outside of the region, whose old rows the stream knows
    void changes(int number, boolean outside) {
      for (int i = 0; i < number; i++) {
        if (outside) {
          int id = REGION + random.nextInt(IDS - REGION);
          @Nullable Object[] before = rows.put(id, fresh(id));
          @Nullable Object[] after = Objects.requireNonNull(rows.get(id));
          table.accept(before == null ? insert(after) : update(id, before, after));
        } else {
          change();
        }
      }
    }

    void change() {
      int id = random.nextInt(IDS);
      @Nullable Object[] before = rows.get(id);
      int what = random.nextInt(20);
      if (what == 0) {
        rows.clear();
        table.accept(truncate());
      } else if (before == null) {
        @Nullable Object[] after = fresh(id);
        rows.put(id, after);
        table.accept(insert(after));
      } else if (what < 5) {
        rows.remove(id);
        table.accept(delete(id, before));
      } else {
        int to = random.nextInt(3) == 0 ? random.nextInt(IDS) : id;
        if (to != id && rows.containsKey(to)) {
          to = id;
        }
        @Nullable Object[] after = fresh(to);
        // NULL is never stored out of line.
        boolean unsent = logs == Logs.KEYS && before[1] != null && random.nextBoolean();
        if (unsent) {
          after[1] = before[1];
        }
        rows.remove(id);
        rows.put(to, after);
        table.accept(unsent ? unsentLarge(id, after) : update(id, before, after));
      }
    }

    private @Nullable Object[] fresh(int id) {
      return row(
          id,
          random.nextInt(4) == 0 ? null : "x".repeat(random.nextInt(3)),
          random.nextInt(4) == 0 ? null : (long) random.nextInt(3));
    }

    Change insert(@Nullable Object[] values) {
      return new Change.Insert(relation, tuple(values, List.of()));
    }

    Change delete(int id, @Nullable Object[] before) {
      return new Change.Delete(relation, old(id, before));
    }

    Change deleteByKey(@Nullable Object[] key) {
      return new Change.Delete(relation, new OldRow.Key(tuple(key, List.of())));
    }

    Change truncate() {
      return new Change.Truncate(List.of(relation), false, false);
    }

    Change update(int id, @Nullable Object @Nullable [] before, @Nullable Object[] after) {
      OldRow old =
          before == null || (logs == Logs.KEYS && Long.valueOf(id).equals(after[0]))
              ? OldRow.Unknown.INSTANCE
              : old(id, before);
      return new Change.Update(relation, old, tuple(after, List.of()));
    }

    Change unsentLarge(int id, @Nullable Object[] after) {
      OldRow old =
          Long.valueOf(id).equals(after[0]) ? OldRow.Unknown.INSTANCE : old(id, row(id, "", 0L));
      return new Change.Update(relation, old, tuple(after, List.of(1)));
    }

    /// The old row is called a whole one, as a partition's is when the partitioned table logs such.
    Change unsentLarge(@Nullable Object[] before, @Nullable Object[] after) {
      return new Change.Update(
          relation, new OldRow.Full(tuple(before, List.of())), tuple(after, List.of(1)));
    }

    private OldRow old(int id, @Nullable Object[] before) {
      return logs == Logs.KEYS
          ? new OldRow.Key(tuple(row(id, null, null), List.of()))
          : new OldRow.Full(tuple(before, List.of()));
    }

    // Values as the stream frames them: a length, then the bytes.
    private static Tuple tuple(@Nullable Object[] values, List<Integer> unsent) {
      ByteSink bytes = new ByteSink();
      List<Integer> cells = new ArrayList<>();
      for (int i = 0; i < values.length; i++) {
        Object value = values[i];
        if (unsent.contains(i)) {
          cells.add(Tuple.cell(CellKind.UNCHANGED_TOAST, 0));
        } else if (value == null) {
          cells.add(Tuple.cell(CellKind.NULL, 0));
        } else {
          cells.add(Tuple.cell(CellKind.BINARY, bytes.size()));
          ByteSink one = new ByteSink();
          SCHEMA.codec(i).toBinary(value, one);
          bytes.putInt(one.size());
          bytes.putBytes(one.array(), 0, one.size());
        }
      }
      return new Tuple(bytes.toArray(), cells.stream().mapToInt(Integer::intValue).toArray());
    }
  }
}
