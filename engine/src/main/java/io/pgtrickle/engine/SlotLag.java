package io.pgtrickle.engine;

import io.pgtrickle.engine.catalog.CaptureEvents;
import io.pgtrickle.engine.catalog.CaptureEvents.Kind;
import io.pgtrickle.engine.catalog.CaptureEvents.Severity;
import io.pgtrickle.engine.catalog.Setting;
import io.pgtrickle.engine.catalog.Settings;
import java.sql.Connection;
import java.sql.SQLException;

/// Says so when the slot keeps back too much of the log: once each time a threshold is passed
/// upwards, to the log, the meters, `health_check()` and whoever listens on `pg_trickle_alert`.
///
/// Used by one thread.
final class SlotLag {
  private static final int MEGABYTE_BITS = 20;

  private final CaptureLog log;
  private Severity told = Severity.INFO;

  SlotLag(CaptureLog log) {
    this.log = log;
  }

  /// Whether so much is kept back that the slot is to be given up.
  static boolean isTooMuch(long bytes, Settings settings) {
    long limit = settings.number(Setting.MAX_SLOT_LAG);
    return limit > 0 && bytes >> MEGABYTE_BITS >= limit;
  }

  void look(Connection session, String slot, long bytes, Settings settings) throws SQLException {
    Severity now = severity(bytes, settings);
    if (now.compareTo(told) > 0) {
      log.note(
          Kind.SLOT_LAG,
          now,
          "",
          "replication slot \"%s\" keeps back %d MB of log"
              .formatted(slot, bytes >> MEGABYTE_BITS));
      CaptureEvents.alert(session, now, slot, bytes);
    }
    told = now;
  }

  private static Severity severity(long bytes, Settings settings) {
    long megabytes = bytes >> MEGABYTE_BITS;
    if (megabytes >= settings.number(Setting.SLOT_LAG_CRITICAL_THRESHOLD_MB)) {
      return Severity.ERROR;
    }
    return megabytes >= settings.number(Setting.SLOT_LAG_WARNING_THRESHOLD_MB)
        ? Severity.WARNING
        : Severity.INFO;
  }
}
