package io.pgtrickle.dvm.type;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.SQLException;
import java.sql.Statement;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Timestamps with time zone, shown in the zone of a session.
final class DisplayTextServerTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Kolkata",
        "Asia/Kathmandu", "Asia/Tokyo", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham",
        "Europe/London", "Europe/Dublin", "America/Los_Angeles", "Etc/GMT+5"
      })
  void timestampsOfAllAgesLookAsInASessionOfTheZone(String zone) throws SQLException {
    List<Object> values = Samples.of(SqlType.TIMESTAMPTZ, 31, 4_000);
    // Hours across two centuries find the transitions.
    for (long hour = -1_200_000; hour < 1_200_000; hour += 1_013) {
      values.add(hour * 3_600_000_000L);
    }
    TypeCodec codec = TypeCodec.of(SqlType.TIMESTAMPTZ);
    try (TestServer server = TestServer.connect();
        Statement statement = server.connection().createStatement()) {
      statement.execute("SET TIME ZONE '" + zone + "'");
      List<@Nullable String[]> rows =
          server.query(
              "SELECT e::timestamptz::text FROM unnest(?::text[]) WITH ORDINALITY u(e, n) ORDER BY"
                  + " n",
              values.stream().map(codec::toText).toList());
      for (int i = 0; i < values.size(); i++) {
        String shown = String.valueOf(rows.get(i)[0]);
        assertThat(DisplayText.timestamptz((Long) values.get(i), ZoneId.of(zone))).isEqualTo(shown);
        assertThat(codec.fromText(shown)).isEqualTo(values.get(i));
      }
    }
  }

  @Test
  void allRegionsHaveTheServersOffsetsUntil2024() throws SQLException {
    List<String> zones = new ArrayList<>();
    List<String> instants = new ArrayList<>();
    List<String> ours = new ArrayList<>();
    try (TestServer server = TestServer.connect()) {
      for (@Nullable String[] row : server.query("SELECT name FROM pg_timezone_names ORDER BY 1")) {
        String name = String.valueOf(row[0]);
        Optional<ZoneId> zone = DisplayText.zone(name);
        // Later ones change with each release of the database, which the two do not share.
        for (long day = -60_000; zone.isPresent() && day < 9_100; day += 61) {
          long micros = day * DisplayText.MICROS_PER_DAY;
          zones.add(name);
          instants.add(DisplayText.timestamptz(micros, ZoneOffset.UTC));
          ours.add(
              DisplayText.timestamptz(micros, zone.orElseThrow()).replaceFirst("[+-][0-9:]*$", ""));
        }
      }
      assertThat(zones.stream().distinct().count()).isGreaterThan(400);
      List<@Nullable String[]> rows =
          server.query(
              "SELECT timezone(z, t::timestamptz) FROM unnest(?::text[], ?::text[]) WITH ORDINALITY"
                  + " u(z, t, n) ORDER BY n",
              zones,
              instants);
      for (int i = 0; i < ours.size(); i++) {
        assertThat(ours.get(i))
            .as("%s at %s", zones.get(i), instants.get(i))
            .isEqualTo(rows.get(i)[0]);
      }
    }
  }

  @Test
  void yearsBeforeChristFollowTheOffset() {
    long micros = -730_120L * DisplayText.MICROS_PER_DAY;
    assertThat(DisplayText.timestamptz(micros, ZoneId.of("Asia/Tokyo")))
        .isEqualTo("0001-12-31 09:18:59+09:18:59 BC");
  }
}
