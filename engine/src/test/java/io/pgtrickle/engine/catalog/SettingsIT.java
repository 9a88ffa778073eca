package io.pgtrickle.engine.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SettingsIT {
  private CatalogDatabase database;

  @BeforeEach
  void install() throws SQLException {
    database = CatalogDatabase.installed();
  }

  @AfterEach
  void close() throws SQLException {
    database.close();
  }

  @Test
  void codeAndScriptDefineTheSameSettings() throws SQLException {
    List<String> code = new ArrayList<>();
    for (Setting setting : Setting.values()) {
      code.add(
          String.join(
              " | ",
              setting.key(),
              setting.defaultValue(),
              setting.unit().isEmpty() ? "-" : setting.unit(),
              setting.range(),
              setting.description()));
    }
    assertThat(
            database.rows(
                "SELECT name, \"default\", unit, range, description" + " FROM pgtrickle.settings"))
        .containsExactlyInAnyOrderElementsOf(code);
    assertThat(database.rows("SELECT name, type FROM pgtrickle_internal.pgt_setting_definitions"))
        .containsExactlyInAnyOrderElementsOf(
            Arrays.stream(Setting.values())
                .map(s -> s.key() + " | " + s.type().name().toLowerCase(Locale.ROOT))
                .toList());
    for (Setting setting : Setting.values()) {
      assertThat(Setting.documentation()).contains("| `" + setting.key() + "` |");
    }
  }

  @Test
  void unsetSettingsHaveTheirDefaults() throws SQLException {
    Settings settings = Settings.read(database.connection());
    assertThat(settings.on(Setting.ENABLED)).isTrue();
    assertThat(settings.on(Setting.CDC_PAUSED)).isFalse();
    assertThat(settings.notifyWindow()).isEqualTo(Duration.ofMillis(250));
    assertThat(settings.duration(Setting.ANALYZE_TIMEOUT)).isEqualTo(Duration.ofSeconds(5));
    assertThat(Settings.defaults().number(Setting.HISTORY_RETENTION_DAYS)).isEqualTo(90);
    assertThatThrownBy(() -> settings.number(Setting.ENABLED))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          enabled                       | off      | off
          enabled                       | FALSE    | off
          pg_trickle.notify_coalesce_ms | 100      | 100
          notify_coalesce_ms            | 0        | 0
          call_timeout                  | 5s       | 5000
          call_timeout                  | 1 min    | 60000
          call_timeout                  | 1500     | 1500
          """)
  void valuesAreStoredInOneForm(String name, String value, String stored) throws SQLException {
    database.execute("SELECT pgtrickle.set_config('" + name + "', '" + value + "')");
    assertThat(database.value("SELECT value FROM pgtrickle_internal.pgt_settings"))
        .isEqualTo(stored);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          notify_coalesce_ms | -1
          notify_coalesce_ms | 60001
          notify_coalesce_ms | soon
          notify_coalesce_ms | 99999999999999999999
          enabled            | perhaps
          call_timeout       | a while
          call_timeout       | 0
          no_such_thing      | 1
          """)
  void valuesOutOfRangeAndUnknownNamesAreRefused(String name, String value) throws SQLException {
    assertThat(
            database
                .error("SELECT pgtrickle.set_config('" + name + "', '" + value + "')")
                .getSQLState())
        .isEqualTo("22023");
    assertThat(database.rows("SELECT * FROM pgtrickle_internal.pgt_settings")).isEmpty();
  }

  @Test
  void nullGoesBackToTheDefault() throws SQLException {
    database.execute("SELECT pgtrickle.set_config('enabled', 'off')");
    assertThat(Settings.read(database.connection()).on(Setting.ENABLED)).isFalse();
    database.execute("SELECT pgtrickle.set_config('enabled', NULL)");
    assertThat(Settings.read(database.connection()).on(Setting.ENABLED)).isTrue();
    assertThat(database.error("SELECT pgtrickle.set_config('no_such_thing', NULL)").getSQLState())
        .isEqualTo("22023");
  }

  @Test
  void customParametersOfTheDatabaseOverrideTheTableAtOnce() throws SQLException {
    database.execute("SELECT pgtrickle.set_config('notify_coalesce_ms', '100')");
    assertThat(Settings.read(database.connection()).notifyWindow())
        .isEqualTo(Duration.ofMillis(100));
    database.execute(
        "ALTER DATABASE " + database.name() + " SET pg_trickle.notify_coalesce_ms = 7");
    assertThat(Settings.read(database.connection()).notifyWindow())
        .as("although this session began before")
        .isEqualTo(Duration.ofMillis(7));
    database.execute(
        "ALTER DATABASE " + database.name() + " SET pg_trickle.notify_coalesce_ms = 'odd'");
    assertThat(Settings.read(database.connection()).notifyWindow())
        .as("what is not understood is passed over")
        .isEqualTo(Duration.ofMillis(100));
  }

  @Test
  void customParametersThatAreNotUnderstoodShowInTheHealthCheck() throws SQLException {
    database.execute("SET pg_trickle.call_timeout = 'whenever'");
    assertThat(
            database.rows(
                "SELECT severity, detail FROM pgtrickle.health_check()"
                    + " WHERE check_name = 'setting'"))
        .containsExactly(
            "WARNING | pg_trickle.call_timeout is ignored: invalid value for setting"
                + " \"call_timeout\": \"whenever\"");
    assertThat(database.value("SELECT value FROM pgtrickle.settings WHERE name = 'call_timeout'"))
        .isEqualTo("60000");
  }
}
