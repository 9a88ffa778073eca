package io.pgtrickle.engine.refresh;

import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.state.Arrangement;
import io.pgtrickle.dvm.state.Batch;
import io.pgtrickle.dvm.state.Capture;
import io.pgtrickle.dvm.state.Entries;
import io.pgtrickle.dvm.state.Saved;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.zset.ZSet;
import io.pgtrickle.engine.analyze.QueryDocument;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/// What a checkpoint says of a stream table besides the state of its query.
///
/// @param generation of its definition
/// @param populated whether its table has held the query's rows at least once
/// @param everyEpoch whether its output was released as soon as there was some
/// @param refreshId how often it had been refreshed
/// @param released where its output was last released
/// @param labels the labels of enum types by OID, since rows are kept as texts
/// @param carried what had been released and was not visible yet
public record SavedTable(
    int generation,
    boolean populated,
    boolean everyEpoch,
    long refreshId,
    LiveTable.Released released,
    Map<Integer, String> labels,
    ZSet carried) {
  private static final ByteSink NO_KEY = new ByteSink(1);

  public SavedTable {
    labels = Map.copyOf(labels);
  }

  private static String name(long table) {
    return "table/" + table;
  }

  /// Puts a stream table into a checkpoint.
  static void save(LiveTable table, Capture capture, Storage storage) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeInt(table.definition().generation());
      out.writeBoolean(table.populated());
      out.writeBoolean(table.releasesEveryEpoch());
      out.writeLong(table.refreshId());
      out.writeLong(table.released().frontier().value());
      Instant time = table.released().time();
      out.writeLong(time.getEpochSecond());
      out.writeInt(time.getNano());
      Map<Integer, String> labels = table.document().enumLabels();
      out.writeInt(labels.size());
      for (Map.Entry<Integer, String> label : labels.entrySet()) {
        out.writeInt(label.getKey());
        out.writeUTF(label.getValue());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    capture.put(name(table.id()), Bytes.copyOf(bytes.toByteArray()));
    if (!table.carried().isEmpty()) {
      try (Arrangement carried = new Arrangement(storage)) {
        Batch.Builder batch = new Batch.Builder(table.carried().size());
        table.carried().forEach((row, weight) -> batch.add(NO_KEY, row, weight));
        carried.stage(batch.build());
        var _ = carried.commit();
        capture.put(name(table.id()), carried);
      }
    }
  }

  /// What a checkpoint says of a stream table; empty when it does not have it.
  ///
  /// @throws StateDamaged when that cannot be read
  public static Optional<SavedTable> of(long table, Saved saved, Storage storage) {
    Optional<Bytes> value = saved.value(name(table));
    if (value.isEmpty()) {
      return Optional.empty();
    }
    try (DataInputStream in =
        new DataInputStream(new ByteArrayInputStream(value.get().toArray()))) {
      return Optional.of(
          new SavedTable(
              in.readInt(),
              in.readBoolean(),
              in.readBoolean(),
              in.readLong(),
              new LiveTable.Released(
                  new Lsn(in.readLong()), Instant.ofEpochSecond(in.readLong(), in.readInt())),
              labels(in),
              carried(table, saved, storage)));
    } catch (IOException e) {
      throw new StateDamaged("a stream table's entry in the checkpoint cannot be read", e);
    }
  }

  private static Map<Integer, String> labels(DataInputStream in) throws IOException {
    Map<Integer, String> labels = new HashMap<>();
    for (int n = in.readInt(); n > 0; n--) {
      labels.put(in.readInt(), in.readUTF());
    }
    return labels;
  }

  /// Whether the labels of enum types are still called what they were; others may be new.
  public boolean labelsAreKeptBy(QueryDocument now) {
    return now.enumLabels().entrySet().containsAll(labels.entrySet());
  }

  private static ZSet carried(long table, Saved saved, Storage storage) {
    if (!saved.has(name(table))) {
      return ZSet.EMPTY;
    }
    try (Arrangement carried = saved.arrangement(name(table), storage)) {
      ZSet.Builder rows = new ZSet.Builder();
      Entries entries = carried.snapshot().prefix(NO_KEY);
      while (entries.next()) {
        rows.add(entries.row(), entries.weight());
      }
      return rows.build();
    }
  }
}
