package io.pgtrickle.engine.intake;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.dataflow.Dataflow;
import io.pgtrickle.dvm.zset.Row;

/// How much of the heap the net changes of one epoch may take.
///
/// A transaction becomes visible as one or not at all, so what it changes is stepped as one and on
/// the heap at once, and several times over: as rows by key, as a delta, as a batch, and as what
/// every view makes of it, which gets as much. So it gets an eighth. A table that changed by more
/// is not told row by
/// row any more but copied again, which is done in pieces however large it is.
///
/// @param limit in bytes
record EpochMemory(long limit) {
  // Of a key object, what is noted of it, and its place among the others.
  private static final long KEY_BYTES = 136;

  static EpochMemory ofHeap() {
    return new EpochMemory(Dataflow.stepMemory());
  }

  /// From which size on an epoch takes no further transaction, so that most of the limit is there
  /// for one alone.
  long enough() {
    return limit / 4;
  }

  /// What a row takes.
  static long of(Row row) {
    return row.footprint();
  }

  /// What rows that are not on the heap yet would take.
  ///
  /// @param bytes as they are stored
  static long ofStored(long rows, long bytes) {
    return bytes + rows * Row.OVERHEAD;
  }

  /// What it takes to note of a key what became of its row.
  static long ofKey(Row key) {
    return key.bytes().length + KEY_BYTES;
  }

  /// Why a table is copied again.
  ///
  /// @param bytes what its changes would take
  StateDamaged exceededBy(String table, long bytes) {
    return new StateDamaged(
        "53400",
        ("%s changed by so much at once (TRUNCATE counts every row) that it takes about %d MB of"
                + " heap, and an epoch has %d, an eighth of the heap: the table is copied again in"
                + " pieces. With a larger heap (PGTRICKLE_HEAP, -Xmx) such a change is followed row"
                + " by row")
            .formatted(table, megabytes(bytes), megabytes(limit)),
        null);
  }

  private static long megabytes(long bytes) {
    return Math.ceilDiv(bytes, 1L << 20);
  }
}
