package io.pgtrickle.engine.schedule;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.engine.catalog.CatalogDatabase;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// What the SQL side accepts is what this side reads.
final class ScheduleGrammarIT {
  private static final String[] PIECES = {
    "calculated",
    "manual",
    "@daily",
    "@weekly",
    "@often",
    "1",
    "0",
    "7",
    "8",
    "12",
    "13",
    "24",
    "31",
    "32",
    "59",
    "60",
    "100",
    "s",
    "ms",
    "m",
    "h",
    "d",
    "w",
    "y",
    "*",
    "*/2",
    "*/0",
    "/",
    "-",
    ",",
    "1-5",
    "5-1",
    "0-7/3",
    "mon",
    "SUN",
    "jan",
    "dec",
    "1,2",
    "a",
    "."
  };

  @Test
  void bothSidesAcceptTheSameTexts() throws SQLException {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    try (CatalogDatabase database = CatalogDatabase.installed();
        PreparedStatement check =
            database
                .connection()
                .prepareStatement(
                    "SELECT $1 IN ('calculated', 'manual')"
                        .replace("$1", "t")
                        .concat(
                            " OR coalesce(pgtrickle_internal.duration_of(t) > interval '0', false)"
                                + " OR pgtrickle_internal.is_cron(t) FROM (SELECT"
                                + " lower(regexp_replace(btrim(?), '\\s+', ' ', 'g'))) x (t)"))) {
      int accepted = 0;
      for (int i = 0; i < 4_000; i++) {
        String text = text(random);
        check.setString(1, text);
        try (ResultSet row = check.executeQuery()) {
          row.next();
          assertThat(reads(text)).as("'%s' (seed %d)", text, seed).isEqualTo(row.getBoolean(1));
          accepted += row.getBoolean(1) ? 1 : 0;
        }
      }
      assertThat(accepted).as("samples that are schedules").isGreaterThan(100);
    }
  }

  private static boolean reads(String text) {
    try {
      Schedule.parse(text);
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  /// Near misses: mostly five or six fields of one or two pieces, and runs of number and unit.
  private static String text(Random random) {
    StringBuilder text = new StringBuilder();
    boolean fields = random.nextBoolean();
    int parts = fields ? 4 + random.nextInt(4) : 1 + random.nextInt(4);
    for (int p = 0; p < parts; p++) {
      String piece = PIECES[random.nextInt(PIECES.length)];
      if (fields && random.nextInt(3) > 0) {
        piece = "*";
      }
      text.append(piece);
      if (fields) {
        text.append(random.nextInt(8) == 0 ? "  " : " ");
      } else if (random.nextBoolean()) {
        text.append(random.nextBoolean() ? "s" : "m");
      }
    }
    return text.toString();
  }
}
