package io.pgtrickle.engine.backfill;

import io.pgtrickle.dvm.state.Arrangement;
import io.pgtrickle.dvm.state.Batch;
import io.pgtrickle.dvm.state.Entries;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.ZSet;
import io.pgtrickle.engine.apply.DeltaWriter;
import io.pgtrickle.engine.apply.DeltaWriter.Written;
import io.pgtrickle.engine.apply.StreamTable;
import io.pgtrickle.engine.intake.RowChunk;
import java.sql.SQLException;
import java.util.function.LongPredicate;
import org.jspecify.annotations.Nullable;

/// What a table lacks and what it has too much, written in chunks that fit into memory.
///
/// As in one delta, rows that go go first: a row and what takes its place in a unique index may be
/// in different chunks. In a table with a key the old and the new row of a key stay together, so
/// that they are an update however large the difference is: a foreign key that refers to the table
/// must not see its row go.
final class Difference {
  private static final ByteSink ALL = new ByteSink(1);

  private final Snapshot rows;
  private final StreamTable table;
  private final Storage storage;

  /// @param rows under the empty key, held
  Difference(Snapshot rows, StreamTable table, Storage storage) {
    this.rows = rows;
    this.table = table;
    this.storage = storage;
  }

  Written write(DeltaWriter writer) throws SQLException {
    RowChunk chunk = new RowChunk();
    boolean full = false;
    for (Entries all = rows.prefix(ALL); !full && all.next(); ) {
      full = chunk.add(all.row(), all.weight());
    }
    if (!full) {
      return writer.write(chunk.take());
    }
    return table.keyed() ? writeByKey(writer) : writeByImage(writer);
  }

  private Written writeByImage(DeltaWriter writer) throws SQLException {
    return plus(write(writer, weight -> weight < 0), write(writer, weight -> weight > 0));
  }

  private Written write(DeltaWriter writer, LongPredicate weights) throws SQLException {
    Chunks chunks = new Chunks(writer);
    for (Entries all = rows.prefix(ALL); all.next(); ) {
      if (weights.test(all.weight()) && chunks.chunk.add(all.row(), all.weight())) {
        chunks.write();
      }
    }
    return chunks.write();
  }

  private Written writeByKey(DeltaWriter writer) throws SQLException {
    try (Arrangement byKey = new Arrangement(storage)) {
      RowChunk chunk = new RowChunk();
      for (Entries all = rows.prefix(ALL); all.next(); ) {
        if (chunk.add(all.row(), all.weight())) {
          add(byKey, chunk.take());
        }
      }
      add(byKey, chunk.take());
      Snapshot keyed = byKey.snapshot();
      return plus(write(writer, keyed, true), write(writer, keyed, false));
    }
  }

  private void add(Arrangement byKey, ZSet chunk) {
    int[] key = table.identity().key().stream().mapToInt(Integer::intValue).toArray();
    Batch.Builder batch = new Batch.Builder(chunk.size());
    ByteSink scratch = new ByteSink();
    chunk.forEach(
        (row, weight) -> {
          scratch.clear();
          table.schema().appendKey(row, key, scratch);
          batch.add(scratch, row, weight);
        });
    var _ = byKey.settle();
    byKey.stage(batch.build());
    var _ = byKey.commit();
  }

  // Either the keys that go, or all others.
  private static Written write(DeltaWriter writer, Snapshot keyed, boolean going)
      throws SQLException {
    Chunks chunks = new Chunks(writer);
    ZSet.Builder group = new ZSet.Builder();
    boolean goes = true;
    @Nullable Row last = null;
    ByteSink key = new ByteSink();
    for (Entries all = keyed.prefix(ALL); all.next(); ) {
      all.key(key);
      Row next = Row.of(key);
      if (last == null || !next.equals(last)) {
        chunks.add(group.build(), goes == going);
        goes = true;
        last = next;
      }
      group.add(all.row(), all.weight());
      goes &= all.weight() < 0;
    }
    chunks.add(group.build(), goes == going);
    return chunks.write();
  }

  private static Written plus(Written one, Written other) {
    return new Written(one.inserted() + other.inserted(), one.deleted() + other.deleted());
  }

  /// Writes chunk by chunk and adds up.
  private static final class Chunks {
    private final DeltaWriter writer;
    private final RowChunk chunk = new RowChunk();
    private Written written = new Written(0, 0);

    Chunks(DeltaWriter writer) {
      this.writer = writer;
    }

    // What belongs together.
    void add(ZSet group, boolean wanted) throws SQLException {
      boolean full = false;
      for (int i = 0; wanted && i < group.size(); i++) {
        full |= chunk.add(group.row(i), group.weight(i));
      }
      if (full) {
        write();
      }
    }

    /// Writes the chunk; returns what has been written so far.
    Written write() throws SQLException {
      written = plus(written, writer.write(chunk.take()));
      return written;
    }
  }
}
