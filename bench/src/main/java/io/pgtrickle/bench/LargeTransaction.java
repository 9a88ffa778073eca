package io.pgtrickle.bench;

import io.pgtrickle.bench.EndToEnd.Scale;
import java.io.IOException;
import java.io.PrintStream;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/// What the sidecar needs of memory while one transaction brings it ten times the usual rows, and
/// how long until they show.
///
/// The heap's peak is the largest of what it said of itself every 100 ms, garbage included, so it
/// is
/// bounded by the heap's limit; the resident peak is the kernel's, with the state in native memory
/// and in mapped files.
final class LargeTransaction {
  private static final int TIMES = 10;
  private static final int GROUPS = 1_000;
  private static final long MEBIBYTE = 1 << 20;
  private static final String HEAP = "jvm_memory_used_bytes";
  private static final String TOTALS =
      "SELECT g, count(*) AS n, sum(v) AS total FROM narrow GROUP BY g";

  private LargeTransaction() {}

  static void measure(Scale scale, PrintStream out)
      throws SQLException, IOException, InterruptedException {
    long rows = (long) TIMES * scale.capturedRows();
    try (Rig rig = Rig.start()) {
      rig.execute("CREATE TABLE narrow (id int PRIMARY KEY, g int NOT NULL, v int NOT NULL)");
      rig.createStreamTable("narrow_totals", TOTALS);
      long residentBefore = rig.sidecarMemory("VmRSS");
      Sampling heap = Sampling.of(rig);
      long begin = System.nanoTime();
      long sent;
      long committed;
      try (Connection connection = rig.connect();
          Statement statement = connection.createStatement()) {
        connection.setAutoCommit(false);
        statement.execute(
            "INSERT INTO narrow SELECT i, i %% %d, i %% 97 FROM generate_series(1, %d) i"
                .formatted(GROUPS, rows));
        sent = System.nanoTime();
        connection.commit();
        committed = System.nanoTime();
      }
      rig.sync("narrow_totals");
      long visible = System.nanoTime();
      long heapPeak = heap.end();
      Table table =
          new Table("one transaction of " + Table.count((double) rows) + " narrow rows", "sidecar");
      table.row("the INSERT itself, s", seconds(sent - begin));
      table.row("COMMIT sent → answered, s", seconds(committed - sent));
      table.row("COMMIT sent → visible, s", seconds(visible - sent));
      table.row("heap used, peak, MiB", mebibytes(heapPeak));
      table.row("resident before, MiB", mebibytes(residentBefore));
      table.row("resident, peak, MiB", mebibytes(rig.sidecarMemory("VmHWM")));
      table.row("of these anonymous at the end, MiB", mebibytes(rig.sidecarMemory("RssAnon")));
      table.row("state, MiB", mebibytes((long) rig.metrics().sum("pgtrickle_state_bytes", "")));
      table.print(out);
      rig.requireEqual("narrow_totals", TOTALS);
    }
  }

  private static String seconds(long nanos) {
    return Table.ratio(nanos / 1e9);
  }

  private static String mebibytes(long bytes) {
    return Table.count((double) bytes / MEBIBYTE);
  }

  /// Asks the sidecar again and again how much of its heap is in use.
  private static final class Sampling {
    private static final long PAUSE_MILLIS = 100;

    private final AtomicReference<@Nullable Exception> failure = new AtomicReference<>();
    private final Thread thread;
    private volatile boolean ended;
    private long peak;

    private Sampling(Rig rig) {
      thread = Thread.ofVirtual().unstarted(() -> sample(rig));
    }

    static Sampling of(Rig rig) {
      Sampling sampling = new Sampling(rig);
      sampling.thread.start();
      return sampling;
    }

    private void sample(Rig rig) {
      try {
        while (!ended) {
          peak = Math.max(peak, (long) rig.metrics().sum(HEAP, "area=\"heap\""));
          TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
        }
      } catch (IOException | InterruptedException | RuntimeException e) {
        failure.set(e);
      }
    }

    long end() throws InterruptedException {
      ended = true;
      thread.join();
      Exception failed = failure.get();
      if (failed != null) {
        throw new IllegalStateException("the sidecar's heap was not watched", failed);
      }
      return peak;
    }
  }
}
