package io.pgtrickle.engine.intake;

import io.pgtrickle.cdc.Change;
import io.pgtrickle.cdc.Change.OldRow;
import io.pgtrickle.cdc.LogicalMessage;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.Tuple;
import java.util.ArrayList;
import java.util.List;

/// A base table on its way into the engine: its initial copy is under way as of a consistent point
/// C,
/// and its changes from the stream are retained meanwhile.
///
/// The exported snapshot of a slot contains exactly the transactions whose commit record lies
/// before C. So the
/// table equals the copy plus the retained transactions with `finalLsn ≥ C`; those before are in
/// the copy
/// already. Changes are retained by the refresh thread; the copy is filled by another.
public final class Attachment {
  // Objects and references around a message's bytes, roughly.
  private static final long CHANGE_BYTES = 160;

  private final SourceTable table;
  private final EpochMemory memory = EpochMemory.ofHeap();
  private final List<Retained> retained = new ArrayList<>();
  private long retainedBytes;
  private boolean overflowed;

  private record Retained(Lsn finalLsn, Change change) {}

  public Attachment(SourceTable table) {
    this.table = table;
  }

  public SourceTable table() {
    return table;
  }

  /// Whether more changes arrived than there is memory for, so that the copy must be made again.
  public boolean overflowed() {
    return overflowed;
  }

  void retain(Lsn finalLsn, Change change) {
    if (!overflowed) {
      retained.add(new Retained(finalLsn, change));
      retainedBytes += bytes(change);
    }
  }

  /// What the retained changes take of the heap, in bytes.
  long retainedBytes() {
    return retainedBytes;
  }

  /// Gives the attempt up: there is no memory for its changes.
  void overflow() {
    overflowed = true;
    retained.clear();
    retainedBytes = 0;
  }

  // Both rows of an update are parts of one message.
  private static long bytes(Change change) {
    return CHANGE_BYTES
        + switch (change) {
          case Change.Insert insert -> insert.row().bytes().length;
          case Change.Update update -> update.row().bytes().length;
          case Change.Delete delete ->
              switch (delete.old()) {
                case OldRow.Full full -> full.row().bytes().length;
                case OldRow.Key key -> key.key().bytes().length;
                case OldRow.Unknown _ -> 0;
              };
          case Change.Truncate _, Change.InPartition _, LogicalMessage _ -> 0;
        };
  }

  /// Starts taking the rows of the initial copy; for the copying thread, before [#complete].
  ///
  /// @param columns the copied columns, in the order of the tuples' cells
  public Copy copy(List<String> columns) {
    return new Copy(TupleDecoder.of(table.columns().narrowSchema(), columns));
  }

  /// Packs copied rows into the table's arrangement.
  public final class Copy {
    private final TupleDecoder decoder;
    private final RowChunk chunk = new RowChunk();

    private Copy(TupleDecoder decoder) {
      this.decoder = decoder;
    }

    public void add(Tuple tuple) {
      if (chunk.add(decoder.row(tuple, null), 1)) {
        flush();
      }
    }

    /// Hands over what is left.
    public void flush() {
      table.load(chunk.take());
    }
  }

  /// Brings the copied table up to the frontier; the refresh thread's last act before it attaches
  /// the table.
  ///
  /// @param consistentPoint the copy's C; the stream must have been read beyond it
  /// @throws io.pgtrickle.dvm.TrickleException.StateDamaged when the copy has to be made again
  public SourceTable complete(Lsn consistentPoint) {
    for (Retained one : retained) {
      // What is said of partitions is said once, also of rows that are not in the copy.
      if (!one.finalLsn().isBefore(consistentPoint) || one.change() instanceof Change.InPartition) {
        table.accept(one.change());
        if (table.pendingBytes() > memory.limit()) {
          throw memory.exceededBy(table.name(), table.pendingBytes());
        }
      }
    }
    retained.clear();
    retainedBytes = 0;
    table.settle();
    table.endEpoch();
    return table;
  }
}
