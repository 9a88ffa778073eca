package io.pgtrickle.engine.catalog;

import java.util.Locale;

/// Every setting, with its default and range. The SQL script has the same list, for servers where
/// no sidecar runs; a test compares the two, and the reference table in the documentation.
public enum Setting {
  ENABLED(
      "on", "Whether stream tables are refreshed. While off, capture goes on and nothing is lost."),
  CDC_PAUSED(
      "off", "Whether reading the WAL is paused. Lossless: the slot retains what was not read."),
  FORCE_FULL_REFRESH(
      "off", "Whether every refresh evaluates the whole query, whatever its refresh mode."),
  NOTIFY_COALESCE_MS(
      Type.INT,
      250,
      "ms",
      0,
      60_000,
      "Notifications of one stream table within this time are summed; 0 notifies every refresh."),
  CALL_TIMEOUT(
      Type.DURATION,
      60_000,
      "ms",
      1,
      86_400_000,
      "How long calls without a timeout argument wait for the sidecar."),
  ANALYZE_TIMEOUT(
      Type.DURATION,
      5_000,
      "ms",
      1,
      600_000,
      "How long create_stream_table waits for the sidecar's verdict on the query."),
  SLA_WINDOW_HOURS(
      Type.INT, 24, "h", 1, 8_760, "Window over which latency and error figures are summarised."),
  HISTORY_PRUNE_INTERVAL_SECONDS(
      Type.INT,
      60,
      "s",
      1,
      86_400,
      "How often old rows of the refresh history are removed, in batches of at most 10,000."),
  HISTORY_RETENTION_DAYS(
      Type.INT, 90, "d", 0, 36_500, "How long the refresh history is kept; 0 keeps it for ever."),
  SLOT_LAG_WARNING_THRESHOLD_MB(
      Type.INT,
      100,
      "MB",
      1,
      1_048_576,
      "WAL retained by the replication slot above which health_check() warns."),
  SLOT_LAG_CRITICAL_THRESHOLD_MB(
      Type.INT,
      1_024,
      "MB",
      1,
      1_048_576,
      "WAL retained by the replication slot above which health_check() reports an error."),
  TXN_MEMORY(
      Type.INT,
      64,
      "MB",
      1,
      1_048_576,
      "Memory that a transaction may occupy while it is read; more of it goes to disk. Takes effect"
          + " when the sidecar starts over."),
  MAX_SLOT_LAG(
      Type.INT,
      0,
      "MB",
      0,
      1_073_741_824,
      "WAL retained by the replication slot above which the slot is given up to save the disk and"
          + " every stream table is initialized again; 0 never gives up."),
  MAX_CONSECUTIVE_ERRORS(
      Type.INT,
      3,
      "",
      1,
      1_000,
      "Failed refreshes in a row after which a stream table is suspended."),
  FUSE_DEFAULT_CEILING(
      Type.INT,
      0,
      "rows",
      0,
      Long.MAX_VALUE,
      "Changed rows in one refresh above which a stream table with a fuse stops; 0 is no limit."),
  SHADOW_REFRESH_THROTTLE_MS(
      Type.INT, 0, "ms", 0, 60_000, "Pause between the batches of a shadow build."),
  STATE_MEMORY(
      Type.INT,
      0,
      "MB",
      0,
      1_048_576,
      "Memory for operator state, beyond which it is in files; 0 is a quarter of the machine. Read"
          + " when the sidecar starts."),
  CHECKPOINT_INTERVAL(
      Type.DURATION,
      30_000,
      "ms",
      100,
      3_600_000,
      "How often operator state is saved; until then the slot retains the WAL."),
  CHECKPOINT_WAL(
      Type.INT,
      64,
      "MB",
      1,
      1_048_576,
      "WAL after which operator state is saved before the interval has passed.");

  /// What values a setting takes.
  public enum Type {
    /// `on` or `off`.
    BOOL,
    /// A whole number.
    INT,
    /// A whole number of milliseconds, or anything PostgreSQL reads as an interval.
    DURATION
  }

  private final Type type;
  private final String defaultValue;
  private final String unit;
  private final long minimum;
  private final long maximum;
  private final String description;

  Setting(String defaultValue, String description) {
    this(Type.BOOL, defaultValue, "", 0, 0, description);
  }

  Setting(
      Type type, long defaultValue, String unit, long minimum, long maximum, String description) {
    this(type, Long.toString(defaultValue), unit, minimum, maximum, description);
  }

  Setting(
      Type type, String defaultValue, String unit, long minimum, long maximum, String description) {
    this.type = type;
    this.defaultValue = defaultValue;
    this.unit = unit;
    this.minimum = minimum;
    this.maximum = maximum;
    this.description = description;
  }

  /// The name in `set_config()`; with the prefix `pg_trickle.` also that of a custom parameter.
  public String key() {
    return name().toLowerCase(Locale.ROOT);
  }

  public Type type() {
    return type;
  }

  /// The default in the form in which values are stored.
  public String defaultValue() {
    return defaultValue;
  }

  /// The unit, or empty if there is none.
  public String unit() {
    return unit;
  }

  /// The allowed values as a person reads them.
  public String range() {
    return type == Type.BOOL ? "on, off" : minimum + " .. " + maximum;
  }

  public String description() {
    return description;
  }

  /// All settings as the table of the reference documentation, in Markdown.
  public static String documentation() {
    StringBuilder table =
        new StringBuilder("| name | default | unit | range | |\n|---|---|---|---|---|\n");
    for (Setting setting : values()) {
      table.append(
          String.format(
              Locale.ROOT,
              "| `%s` | %s | %s | %s | %s |%n",
              setting.key(),
              setting.defaultValue,
              setting.unit,
              setting.range(),
              setting.description));
    }
    return table.toString();
  }
}
