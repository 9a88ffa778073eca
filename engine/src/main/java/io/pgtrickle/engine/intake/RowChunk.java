package io.pgtrickle.engine.intake;

import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.ZSet;

/// Weighted rows that are taken together, so many that a step is worth its while and so few that
/// they fit into memory, wide as they may be: 65,536 of them or 16 MiB, less in a small heap and
/// where many views make something of each.
///
///     if (chunk.add(row, weight)) {
///       consume(chunk.take());
///     }
public final class RowChunk {
  private static final int ROWS = 65_536;
  private static final long MOST = 16 << 20;
  private static final long LEAST = 64 << 10;
  // What becomes of a chunk in a step takes up to ten times its size, for each view.
  private static final long HEAP_SHARE = 64;

  private final long maximumBytes;
  private ZSet.Builder rows = new ZSet.Builder();
  private long bytes;

  public RowChunk() {
    this(1);
  }

  /// A chunk for a step of several views.
  public RowChunk(int views) {
    long share = Runtime.getRuntime().maxMemory() / HEAP_SHARE / Math.max(views, 1);
    maximumBytes = Math.clamp(share, LEAST, MOST);
  }

  /// Adds a row.
  ///
  /// @return whether the chunk is full
  public boolean add(Row row, long weight) {
    rows.add(row, weight);
    bytes += row.footprint();
    return rows.size() >= ROWS || bytes >= maximumBytes;
  }

  /// Whether so many rows are less than a chunk.
  ///
  /// @param bytes what they take of the heap
  public boolean hasRoomFor(long rows, long bytes) {
    return rows < ROWS && bytes < maximumBytes;
  }

  /// The rows, consolidated; the chunk is empty afterwards.
  public ZSet take() {
    ZSet taken = rows.build();
    rows = new ZSet.Builder();
    bytes = 0;
    return taken;
  }
}
