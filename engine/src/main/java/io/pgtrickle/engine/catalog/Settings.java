package io.pgtrickle.engine.catalog;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;

/// The values in force, as of one reading; read again now and then, for instance with the
/// heartbeat.
public final class Settings {
  private final Map<Setting, String> values;

  private Settings(Map<Setting, String> values) {
    this.values = values;
  }

  /// The defaults, for where there is no database.
  public static Settings defaults() {
    Map<Setting, String> values = new EnumMap<>(Setting.class);
    for (Setting setting : Setting.values()) {
      values.put(setting, setting.defaultValue());
    }
    return new Settings(values);
  }

  /// Reads the settings: `ALTER ROLE` or `ALTER DATABASE … SET pg_trickle.…` first, as it is now
  /// and
  /// not as it was when this session began, then the server's configuration, `set_config()` and the
  /// default. Values that are not understood are passed over, and shown by `health_check()`.
  public static Settings read(Connection connection) throws SQLException {
    Map<Setting, String> values = new EnumMap<>(Setting.class);
    try (PreparedStatement query =
            connection.prepareStatement(
                "SELECT name, value FROM pgtrickle_internal.settings_in_force()");
        ResultSet row = query.executeQuery()) {
      Map<String, Setting> byKey = new HashMap<>();
      for (Setting setting : Setting.values()) {
        byKey.put(setting.key(), setting);
      }
      while (row.next()) {
        Setting setting = byKey.get(row.getString("name"));
        if (setting != null) {
          values.put(setting, row.getString("value"));
        }
      }
    }
    for (Setting setting : Setting.values()) {
      values.putIfAbsent(setting, setting.defaultValue());
    }
    return new Settings(values);
  }

  /// A setting of type BOOL.
  public boolean on(Setting setting) {
    require(setting, Setting.Type.BOOL);
    return "on".equals(values.get(setting));
  }

  /// A setting of type INT.
  public long number(Setting setting) {
    require(setting, Setting.Type.INT);
    return Long.parseLong(text(setting));
  }

  /// A setting of type DURATION.
  public Duration duration(Setting setting) {
    require(setting, Setting.Type.DURATION);
    return Duration.ofMillis(Long.parseLong(text(setting)));
  }

  /// Within how much time notifications of one stream table are summed.
  public Duration notifyWindow() {
    return Duration.ofMillis(number(Setting.NOTIFY_COALESCE_MS));
  }

  private String text(Setting setting) {
    String value = values.get(setting);
    return value == null ? setting.defaultValue() : value;
  }

  private static void require(Setting setting, Setting.Type type) {
    if (setting.type() != type) {
      throw new IllegalArgumentException(setting.key() + " is of type " + setting.type());
    }
  }
}
