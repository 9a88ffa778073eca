package io.pgtrickle.engine.analyze;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.engine.catalog.CatalogDatabase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.ZoneId;
import java.time.zone.ZoneRules;
import java.time.zone.ZoneRulesProvider;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// The server's and the JVM's time zone databases are of different releases sooner or later.
final class ZoneComparisonIT {
  private static final String MOVED = "Pgtrickle/Moved";
  private static final String UNKNOWN = "Pgtrickle/Unknown";

  /// What this JVM thinks of two zones of ours.
  private static final class Provider extends ZoneRulesProvider {
    @Override
    protected Set<String> provideZoneIds() {
      return Set.of(MOVED, UNKNOWN);
    }

    @Override
    protected ZoneRules provideRules(String zoneId, boolean forCaching) {
      return ZoneId.of("Europe/Berlin").getRules();
    }

    @Override
    protected NavigableMap<String, ZoneRules> provideVersions(String zoneId) {
      return new TreeMap<>(java.util.Map.of("1", provideRules(zoneId, false)));
    }
  }

  @BeforeAll
  static void provide() {
    ZoneRulesProvider.registerProvider(new Provider());
  }

  // Error Prone knows the zones of the JDK only, and only of constants.
  private static ZoneId zone(String name) {
    return ZoneId.of(name);
  }

  @Test
  void aDifferenceIsFoundWhereItBegins() throws SQLException, IOException {
    try (CatalogDatabase database = CatalogDatabase.empty();
        Connection connection = database.connect()) {
      // Berlin and London had the same law at times, but not the same offset.
      install(connection, "Europe/London");
      assertThat(ZoneComparison.difference(connection, zone(MOVED)))
          .hasValueSatisfying(
              text -> assertThat(text).contains(MOVED).contains("the server's offset"));
      assertThat(ZoneComparison.difference(connection, zone(UNKNOWN)))
          .hasValueSatisfying(text -> assertThat(text).contains("does not know"));
      assertThat(ZoneComparison.difference(connection, ZoneId.of("UTC"))).isEmpty();
    }
  }

  @Test
  void aQueryThatDependsOnSuchAZoneIsFullAndOthersAreNot() throws SQLException, IOException {
    try (Lab lab = Lab.inNewDatabase()) {
      install(lab.connection(), "Europe/London");
      lab.execute("CREATE TABLE zoned (id int PRIMARY KEY, at timestamptz, local timestamp)");
      assertThat(reason(lab, "SELECT id, at AT TIME ZONE 'Pgtrickle/Moved' AS l FROM zoned"))
          .isEqualTo("time_zone_rules_differ");
      assertThat(reason(lab, "SELECT id, at AT TIME ZONE 'UTC' AS l FROM zoned")).isEmpty();
      lab.execute("SET TimeZone = 'Pgtrickle/Moved'");
      assertThat(reason(lab, "SELECT at::date AS d, count(*) AS n FROM zoned GROUP BY at::date"))
          .isEqualTo("time_zone_rules_differ");
      assertThat(reason(lab, "SELECT id, at FROM zoned")).isEmpty();
      assertThat(reason(lab, "SELECT id, local::date AS d FROM zoned")).isEmpty();
    }
  }

  private static String reason(Lab lab, String query) throws SQLException {
    return lab.verdict(query).outcome() instanceof Verdict.Full full ? full.reasonCode() : "";
  }

  // A zone that the server reads from a file of its time zone database.
  private static void install(Connection connection, String like) throws SQLException, IOException {
    try (Statement statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery("SELECT setting FROM pg_config WHERE name = 'SHAREDIR'")) {
      row.next();
      Path zones = Path.of(row.getString(1), "timezone");
      Path file = zones.resolve(MOVED);
      Files.createDirectories(file.getParent());
      Files.copy(zones.resolve(like), file, StandardCopyOption.REPLACE_EXISTING);
    }
  }
}
