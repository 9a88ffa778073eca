package io.pgtrickle.bench;

import io.pgtrickle.dvm.state.Arrangement;
import io.pgtrickle.dvm.state.Batch;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import java.io.PrintStream;
import java.lang.ref.Reference;

/// What a row of six columns takes in an arrangement, and what it really takes of the heap.
final class ArrangedRow {
  private static final int BATCH_ROWS = 50_000;

  private ArrangedRow() {}

  static void measure(int rows, PrintStream out) {
    Table table =
        new Table(
            "a row of orders (6 columns) arranged by",
            "packed row, bytes",
            "arranged, bytes per row",
            "heap, bytes per row");
    table.row(row("its primary key", rows, 0));
    table.row(row("customer, ten orders each", rows, 1));
    table.print(out);
  }

  private static String[] row(String arranged, int rows, int keyColumn) {
    long before = usedHeap();
    Arrangement arrangement = new Arrangement(Runnable::run);
    long packed = 0;
    for (int from = 0; from < rows; from += BATCH_ROWS) {
      Batch.Builder batch = new Batch.Builder(BATCH_ROWS);
      ByteSink key = new ByteSink();
      for (int id = from; id < Math.min(from + BATCH_ROWS, rows); id++) {
        Row row = Samples.order(id, rows / 10);
        packed += row.bytes().length;
        key.clear();
        Samples.ORDERS.appendKey(row, new int[] {keyColumn}, key);
        batch.add(key, row, 1);
      }
      arrangement.stage(batch.build());
      arrangement.commit();
      arrangement.settle();
    }
    Snapshot contents = arrangement.snapshot();
    try {
      return new String[] {
        arranged,
        Table.ratio((double) packed / rows),
        Table.ratio((double) contents.bytes() / contents.rows()),
        Table.ratio((double) (usedHeap() - before) / rows)
      };
    } finally {
      Reference.reachabilityFence(arrangement);
    }
  }

  private static long usedHeap() {
    System.gc();
    Runtime runtime = Runtime.getRuntime();
    return runtime.totalMemory() - runtime.freeMemory();
  }
}
