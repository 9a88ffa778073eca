package io.pgtrickle.engine.intake;

import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.ZSet;

/// Weighted rows that are taken together, so many that a step is worth its while and so few that
/// they fit into memory whatever they are like.
///
///     if (chunk.add(row, weight)) {
///       consume(chunk.take());
///     }
public final class RowChunk {
  private static final int ROWS = 65_536;
  private static final long MOST = 16 << 20;
  // What becomes of a chunk in a step takes several times its size.
  private static final long HEAP_SHARE = 64;

  private final int maximumRows;
  private final long maximumBytes;
  private ZSet.Builder rows = new ZSet.Builder();
  private long bytes;

  /// A chunk of 65,536 rows or 16 MiB of them, less in a small heap.
  public RowChunk() {
    this(1);
  }

  /// A chunk so many times as large.
  public RowChunk(int factor) {
    maximumRows = ROWS * factor;
    maximumBytes = Math.min(MOST, Runtime.getRuntime().maxMemory() / HEAP_SHARE) * factor;
  }

  /// Adds a row.
  ///
  /// @return whether the chunk is full
  public boolean add(Row row, long weight) {
    rows.add(row, weight);
    bytes += row.bytes().length;
    return rows.size() >= maximumRows || bytes >= maximumBytes;
  }

  /// The rows, consolidated; the chunk is empty afterwards.
  public ZSet take() {
    ZSet taken = rows.build();
    rows = new ZSet.Builder();
    bytes = 0;
    return taken;
  }
}
