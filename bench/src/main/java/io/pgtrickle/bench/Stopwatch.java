package io.pgtrickle.bench;

import com.sun.management.OperatingSystemMXBean;
import io.pgtrickle.bench.Consumer.Reading;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.List;

/// Times the reading of a slot, by the clock and by the processor.
final class Stopwatch {
  private static final OperatingSystemMXBean SYSTEM =
      ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
  // Of all Linux that the server runs on: USER_HZ.
  private static final double TICKS_PER_SECOND = 100;
  private static final double NANOS_PER_SECOND = 1e9;

  private final long begin = System.nanoTime();
  private final long own = SYSTEM.getProcessCpuTime();

  private Stopwatch() {}

  static Stopwatch start() {
    return new Stopwatch();
  }

  /// While the slot is still being read: the server's process is asked for its processor time.
  Reading stop(Rig rig, String slot) throws SQLException, IOException {
    long nanos = System.nanoTime() - begin;
    double ownSeconds = (SYSTEM.getProcessCpuTime() - own) / NANOS_PER_SECOND;
    return new Reading(nanos, serverSeconds(rig, slot), ownSeconds);
  }

  /// The processor time of the server's process that reads a slot, since it began.
  static double serverSeconds(Rig rig, String slot) throws SQLException, IOException {
    String pid =
        rig.text("SELECT active_pid FROM pg_replication_slots WHERE slot_name = '" + slot + "'");
    Path file = Path.of("/proc/" + pid + "/stat");
    if (!Files.isReadable(file)) {
      return Double.NaN;
    }
    // The second field is a name in parentheses, with blanks.
    String stat = Files.readString(file);
    List<String> fields = List.of(stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1));
    return (Long.parseLong(fields.get(11)) + Long.parseLong(fields.get(12))) / TICKS_PER_SECOND;
  }
}
