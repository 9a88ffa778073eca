package io.pgtrickle.engine;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.OperatingSystemMXBean;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.engine.catalog.Setting;
import io.pgtrickle.engine.catalog.Settings;
import java.lang.management.ManagementFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// How much native memory operator state may take.
final class MemoryBudget {
  private static final Logger LOG = LoggerFactory.getLogger(MemoryBudget.class);
  private static final long MEGABYTE = 1L << 20;
  // Of what the JVM hands out; the rest is for slabs that wait for their next use, and sockets.
  private static final double SHARE = 0.8;
  // However small the heap is.
  private static final int LEAST = 4;

  private MemoryBudget() {}

  /// In bytes: what was set, or a quarter of the machine, and never more than the JVM hands out.
  static long ofState(Settings settings) {
    long set = settings.number(Setting.STATE_MEMORY) * MEGABYTE;
    long wanted = set == 0 ? machine() / 4 : set;
    long direct = directMemory();
    long rest = Math.max(direct - Storage.beyondAllowed(), direct / LEAST);
    long possible = Math.min((long) (direct * SHARE), rest);
    if (set > possible) {
      LOG.warn(
          "operator state gets {} MB of memory instead of {}: the JVM hands out no more"
              + " (-XX:MaxDirectMemorySize, or -Xmx where that is not given)",
          possible / MEGABYTE,
          set / MEGABYTE);
    }
    return Math.min(wanted, possible);
  }

  private static long machine() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
  }

  private static long directMemory() {
    String limit =
        ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
            .getVMOption("MaxDirectMemorySize")
            .getValue();
    return "0".equals(limit) ? Runtime.getRuntime().maxMemory() : Long.parseLong(limit);
  }
}
