package io.pgtrickle.engine.intake;

import com.dynatrace.hash4j.hashing.Hasher64;
import com.dynatrace.hash4j.hashing.Hashing;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.state.Arrangement;
import io.pgtrickle.dvm.state.Batch;
import io.pgtrickle.dvm.state.Entries;
import io.pgtrickle.dvm.state.Lookup;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.ObjLongConsumer;
import org.jspecify.annotations.Nullable;

/// The primary arrangement of a base table: its rows by replica identity, or by a hash of the whole
/// row where
/// whole rows are logged.
public final class RowStore {
  private static final Hasher64 HASH = Hashing.xxh3_64();

  private final Schema schema;
  private final int[] identity;
  private Arrangement arrangement;
  private final ByteSink key = new ByteSink(64);
  private final ByteSink wanted = new ByteSink(64);

  RowStore(Schema schema, int[] identity, Storage storage) {
    this.schema = schema;
    this.identity = identity;
    this.arrangement = new Arrangement(storage);
  }

  /// What the rows are kept in, for a checkpoint.
  Arrangement arrangement() {
    return arrangement;
  }

  /// Takes the rows of a checkpoint instead of those there are.
  void restore(Arrangement saved) {
    arrangement.close();
    arrangement = saved;
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

  /// The rows as they are now; readable until they change, or while it is held.
  public Snapshot snapshot() {
    return arrangement.snapshot();
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
      throw new StateDamaged("two rows have one replica identity: " + schema.toText(found), null);
    }
    return found;
  }

  /// How often a whole row is there; where whole rows are logged.
  long weight(Row row) {
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
    Entries all = arrangement.snapshot().prefix(new ByteSink(0));
    while (all.next()) {
      action.accept(all.row(), all.weight());
    }
  }

  /// Folds a delta in.
  void apply(ZSet delta) {
    if (delta.isEmpty()) {
      return;
    }
    Batch.Builder batch = new Batch.Builder(delta.size());
    delta.forEach(
        (row, weight) -> {
          key.clear();
          if (identity.length > 0) {
            schema.appendKey(row, identity, key);
          } else {
            key.putLong(HASH.hashBytesToLong(row.bytes()));
          }
          batch.add(key, row, weight);
        });
    arrangement.stage(batch.build());
    arrangement.commit();
  }
}
