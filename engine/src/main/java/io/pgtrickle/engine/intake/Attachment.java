package io.pgtrickle.engine.intake;

import io.pgtrickle.cdc.Change;
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
  private final SourceTable table;
  private final long maximumChanges;
  private final List<Retained> retained = new ArrayList<>();
  private boolean overflowed;

  private record Retained(Lsn finalLsn, Change change) {}

  /// @param maximumChanges how many changes are retained before the attempt is given up
  public Attachment(SourceTable table, long maximumChanges) {
    this.table = table;
    this.maximumChanges = maximumChanges;
  }

  public SourceTable table() {
    return table;
  }

  /// Whether more changes arrived than may be retained, so that the copy must be made again.
  public boolean overflowed() {
    return overflowed;
  }

  void retain(Lsn finalLsn, Change change) {
    if (retained.size() >= maximumChanges) {
      overflowed = true;
      retained.clear();
    }
    if (!overflowed) {
      retained.add(new Retained(finalLsn, change));
    }
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
  public SourceTable complete(Lsn consistentPoint) {
    for (Retained one : retained) {
      if (!one.finalLsn().isBefore(consistentPoint)) {
        table.accept(one.change());
      }
    }
    retained.clear();
    table.settle();
    table.endEpoch();
    return table;
  }
}
