package io.pgtrickle.engine.intake;

import com.dynatrace.hash4j.hashing.Hasher64;
import com.dynatrace.hash4j.hashing.Hashing;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.state.Arrangement;
import io.pgtrickle.dvm.state.Batch;
import io.pgtrickle.dvm.state.Lookup;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.KeptColumns;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.ObjLongConsumer;
import org.jspecify.annotations.Nullable;

/// The primary arrangement of a base table: its rows by replica identity, or by a hash of the whole
/// row where whole rows are logged. It has the columns that are kept, and no others: rows are
/// arranged in their narrow form, and taken and told in the masked one.
final class RowStore {
  private static final Hasher64 HASH = Hashing.xxh3_64();

  private final KeptColumns columns;
  // In narrow rows.
  private final int[] identity;
  private final Arrangement arrangement;
  private final ByteSink key = new ByteSink(64);
  private final ByteSink wanted = new ByteSink(64);

  /// @param identity positions of the replica identity's columns in the table's schema, all of them
  ///     kept; empty when whole rows are logged
  RowStore(KeptColumns columns, int[] identity, Storage storage) {
    this(columns, identity, new Arrangement(storage));
  }

  /// @param arrangement has the rows of a checkpoint
  RowStore(KeptColumns columns, int[] identity, Arrangement arrangement) {
    this.columns = columns;
    this.identity = columns.inNarrowRows(identity);
    this.arrangement = arrangement;
  }

  /// What the rows are kept in, for a checkpoint.
  Arrangement arrangement() {
    return arrangement;
  }

  /// Takes finished merges over; to be done before [#apply].
  ///
  /// @throws io.pgtrickle.dvm.TrickleException.StorageUnavailable when too much waits to be written
  /// @throws StateDamaged when what was written cannot be read
  void settle() {
    var _ = arrangement.settle();
  }

  void close() {
    arrangement.close();
  }

  /// The rows as they are now; readable until they change, or while they are held.
  SourceRows current() {
    return new SourceRows(arrangement.snapshot(), columns);
  }

  /// The only row of a key, `null` when there is none.
  @Nullable Row find(Row key) {
    return find(arrangement.snapshot().lookup(), key);
  }

  /// Finds the rows of many keys in one pass; passes on a key and its only row, `null` when there
  /// is
  /// none.
  ///
  /// @param keys distinct; left in ascending order
  void findAll(List<Row> keys, BiConsumer<Row, @Nullable Row> action) {
    keys.sort(null);
    Lookup lookup = arrangement.snapshot().lookup();
    keys.forEach(key -> action.accept(key, find(lookup, key)));
  }

  private @Nullable Row find(Lookup lookup, Row key) {
    wanted.clear();
    wanted.putBytes(key.bytes());
    lookup.seek(wanted);
    if (!lookup.next()) {
      return null;
    }
    Row found = lookup.row();
    if (lookup.weight() != 1 || lookup.next()) {
      throw new StateDamaged("two rows have one replica identity", null);
    }
    return columns.widen(found);
  }

  /// How often a whole row is there; where whole rows are logged.
  long weight(Row masked) {
    Row row = columns.narrow(masked);
    wanted.clear();
    wanted.putLong(HASH.hashBytesToLong(row.bytes()));
    Lookup lookup = arrangement.snapshot().lookup();
    lookup.seek(wanted);
    while (lookup.next()) {
      if (lookup.row().equals(row)) {
        return lookup.weight();
      }
    }
    return 0;
  }

  void forEach(ObjLongConsumer<Row> action) {
    current().forEach(action);
  }

  /// Folds a delta of masked rows in.
  void apply(ZSet delta) {
    Batch.Builder batch = new Batch.Builder(delta.size());
    delta.forEach((row, weight) -> add(batch, columns.narrow(row), weight));
    fold(batch, delta);
  }

  /// Folds narrow rows in.
  void load(ZSet rows) {
    Batch.Builder batch = new Batch.Builder(rows.size());
    rows.forEach((row, weight) -> add(batch, row, weight));
    fold(batch, rows);
  }

  private void add(Batch.Builder batch, Row row, long weight) {
    key.clear();
    if (identity.length > 0) {
      columns.narrowSchema().appendKey(row, identity, key);
    } else {
      key.putLong(HASH.hashBytesToLong(row.bytes()));
    }
    batch.add(key, row, weight);
  }

  private void fold(Batch.Builder batch, ZSet rows) {
    if (!rows.isEmpty()) {
      arrangement.stage(batch.build());
      arrangement.commit();
    }
  }
}
