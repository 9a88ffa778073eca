package io.pgtrickle.dvm.expr;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TestServer;
import io.pgtrickle.dvm.type.TypeKind;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What is known of a text is what the server says of it: for ordinary, odd, broken and extreme
/// texts, under every order of dates and several time zones.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class PlainTextsServerTest {
  private static final int TEXTS = 6_000;
  private static final String[] ZONES = {
    "Z",
    "z",
    "+02",
    "-03",
    "+05:30",
    "-03:30:15",
    "+0530",
    "-15:59:59",
    "+16",
    "+05:60",
    "UTC",
    "gmt",
    "EST",
    "Europe/Berlin",
    "+1",
    "-0000",
    "+123",
    "CEST"
  };
  private static final String[] MONTHS = {
    "Jan",
    "feb",
    "March",
    "APR",
    "May",
    "june",
    "Jul",
    "Aug",
    "sept",
    "October",
    "nov",
    "December",
    "Foo",
    "Janu"
  };
  private static final String[] SEPARATORS = {"-", "-", "-", "/", ".", " ", ", ", "--"};
  private static final String[] WORDS = {
    "epoch",
    "infinity",
    "-infinity",
    " Infinity ",
    "EPOCH",
    "+infinity",
    "inf",
    "J2451545",
    "20240101",
    "2024.001",
    "20240230",
    "allballs",
    "12:00",
    "",
    " ",
    "2024",
    "2024-01",
    "5874897-12-31",
    "5874898-01-01",
    "4713-01-01 BC",
    "4714-11-24 BC",
    "4714-11-23 BC",
    "294276-12-31 23:59:59.999999",
    "294277-01-01",
    "294277-01-01 00:00:00+01",
    "294276-12-31 23:59:59.9999999",
    "294276-12-31 23:59:59-01",
    "4714-11-24 00:00:00+01 BC",
    "4714-11-23 23:00:00-01 BC",
    "1849-12-31 12:00",
    "1850-06-01 12:00",
    "2099-06-01 12:00",
    "2101-06-01 12:00",
    "2024-03-31 02:30",
    "2024-10-27 02:30",
    "2024-03-10 02:30",
    "2024-11-03 01:30",
    "2024-03-31 01:59:59.9999999",
    "2024-10-27 01:59:59.9999996",
    "2024-10-27 02:59:59.9999996",
    "2024-02-29T24:00:00",
    "2024-02-29 23:59:60",
    "2024-02-29 23:59:60.000001",
    "2024-02-29 23:59:59.9999999",
    "2024-02-29 24:00:00.0000001",
    "2024-02-29 12:30.5",
    "2024-02-29 12:30:05 am bc",
    "2024-02-29 13:00 pm",
    "2024-02-29 0:00 PM",
    "2024-02-29 12:00PM+02",
    "2024-02-29 12:00 PM +02",
    "2024-02-29 12:00+02BC"
  };

  private final TestServer server;
  private final int version;

  PlainTextsServerTest() throws SQLException {
    server = TestServer.connect();
    version = server.majorVersion();
  }

  @AfterAll
  void disconnect() throws SQLException {
    server.close();
  }

  @ParameterizedTest
  @CsvSource({
    "date, MDY, UTC",
    "date, DMY, Europe/Berlin",
    "date, YMD, America/St_Johns",
    "timestamp, MDY, America/St_Johns",
    "timestamp, DMY, UTC",
    "timestamp, YMD, Europe/Berlin",
    "timestamptz, MDY, Europe/Berlin",
    "timestamptz, MDY, America/New_York",
    "timestamptz, DMY, America/St_Johns",
    "timestamptz, YMD, UTC",
    "timestamptz, YMD, Asia/Kathmandu",
    "timestamptz, DMY, Australia/Lord_Howe",
    "timestamptz, MDY, Africa/Monrovia"
  })
  void aDateOrTimeThatIsReadIsTheServers(String typeName, DateOrder order, String zone)
      throws SQLException {
    SplittableRandom random = new SplittableRandom((typeName + order + zone).hashCode());
    List<String> texts = new ArrayList<>(List.of(WORDS));
    for (int i = 0; i < TEXTS; i++) {
      String text = timestamp(random);
      texts.add(random.nextInt(4) == 0 ? mutated(text, random) : text);
    }
    agree(typeName, order, zone, texts, TEXTS / 3, TEXTS / 20);
  }

  @ParameterizedTest
  @CsvSource({"0", "1", "2", "3"})
  void anIntervalThatIsReadIsTheServers(int seed) throws SQLException {
    SplittableRandom random = new SplittableRandom(seed);
    List<String> texts =
        new ArrayList<>(
            List.of(
                "P1Y2M3W4DT5H6M7.8S",
                "P-1Y-2M",
                "PT-0.5S",
                "P",
                "PT",
                "P1DT",
                "PT36H",
                "p1d",
                "P1D ",
                "1 day ago",
                "infinity",
                "1:2",
                "1:2:3",
                "-0:00:01.5",
                "99999999:59:59",
                "1.5 days",
                "-0.5 seconds",
                "1 year 1 year",
                "1 day 04:05 1 hour",
                "1",
                "@ 1 day",
                "99999999 years 99999999 months 99999999 weeks 99999999 days"));
    for (int i = 0; i < TEXTS; i++) {
      String text = interval(random);
      texts.add(random.nextInt(4) == 0 ? mutated(text, random) : text);
    }
    agree("interval", DateOrder.MDY, "UTC", texts, TEXTS / 4, 0);
  }

  private void agree(
      String typeName, DateOrder order, String zone, List<String> texts, int values, int errors)
      throws SQLException {
    SqlType type = SqlType.of(TypeKind.valueOf(typeName.toUpperCase(Locale.ROOT)).oid());
    EvaluationSettings settings = EvaluationSettings.of(version, zone, Collation.C).with(order);
    PlainTexts plain = PlainTexts.of(SqlType.TEXT, type, settings).orElseThrow();
    try (Statement statement = server.connection().createStatement()) {
      statement.execute("SET TIME ZONE " + TestServer.quote(zone));
      statement.execute("SET DateStyle = 'ISO, " + order + "'");
    }
    List<String> theirs =
        server.evaluate(
            texts.stream().map(text -> TestServer.quote(text) + "::text::" + typeName).toList());
    int read = 0;
    int refused = 0;
    for (int i = 0; i < texts.size(); i++) {
      Optional<String> ours = answer(plain, type, settings, texts.get(i));
      if (ours.isPresent()) {
        assertThat(ours.get())
            .as("%s from <%s> under %s in %s", typeName, texts.get(i), order, zone)
            .isEqualTo(theirs.get(i));
        read++;
        refused += ours.get().startsWith("22") && ours.get().contains("\"") ? 1 : 0;
      }
    }
    assertThat(read).as("texts that are read").isGreaterThan(values);
    assertThat(refused).as("errors among them").isGreaterThanOrEqualTo(errors);
  }

  private static Optional<String> answer(
      PlainTexts plain, SqlType type, EvaluationSettings settings, String text) {
    try {
      return plain.read(text).map(TextOutputFunctions.output(type, settings));
    } catch (EvaluationFailure failure) {
      return Optional.of(failure.sqlState() + " " + failure.text());
    }
  }

  private static String timestamp(SplittableRandom random) {
    StringBuilder text = new StringBuilder(date(random));
    if (random.nextInt(4) > 0) {
      text.append(pick(random, " ", " ", " ", "T", "T", "t", "  ", ", ")).append(time(random));
      if (random.nextInt(6) == 0) {
        text.append(pick(random, " ", "")).append(pick(random, "AM", "pm", "Pm"));
      }
      if (random.nextInt(2) == 0) {
        text.append(pick(random, "", "", " ")).append(pick(random, ZONES));
      }
    }
    if (random.nextInt(12) == 0) {
      text.append(pick(random, " BC", " ad", "BC", " bc "));
    }
    return text.toString();
  }

  private static String date(SplittableRandom random) {
    int year =
        switch (random.nextInt(6)) {
          case 0 -> random.nextInt(10_000);
          case 1 -> random.nextInt(6_000_000);
          case 2 -> random.nextInt(100);
          default -> 1_950 + random.nextInt(140);
        };
    int month = random.nextInt(12) == 0 ? random.nextInt(20) : 1 + random.nextInt(12);
    int day = random.nextInt(12) == 0 ? random.nextInt(40) : 1 + random.nextInt(28);
    String by = pick(random, SEPARATORS);
    String named = pick(random, MONTHS);
    return switch (random.nextInt(10)) {
      case 0 -> day + by + month + by + year;
      case 1 -> month + by + day + by + year;
      case 2 -> two(day) + by + two(month) + by + two(year % 100);
      case 3 -> two(year % 100) + by + two(month) + by + two(day);
      case 4 -> "%04d%02d%02d".formatted(year, month, day);
      case 5 -> day + by + named + by + year;
      case 6 -> named + " " + day + pick(random, ", ", " ", ",") + "%04d".formatted(year);
      default -> "%04d-%02d-%02d".formatted(year, month, day);
    };
  }

  private static String time(SplittableRandom random) {
    int hour = random.nextInt(10) == 0 ? random.nextInt(27) : random.nextInt(24);
    int minute = random.nextInt(15) == 0 ? random.nextInt(65) : random.nextInt(60);
    int second = random.nextInt(10) == 0 ? 58 + random.nextInt(5) : random.nextInt(60);
    return switch (random.nextInt(6)) {
      case 0 -> hour + ":" + two(minute);
      case 1 -> hour + ":" + minute + ":" + second;
      case 2 ->
          "%02d:%02d:%02d.%s".formatted(hour, minute, second, digits(random, random.nextInt(10)));
      case 3 -> "%02d:%02d:%02d.%s5".formatted(hour, minute, second, digits(random, 6));
      case 4 -> "%02d:%02d".formatted(hour, minute);
      default -> "%02d:%02d:%02d".formatted(hour, minute, second);
    };
  }

  private static String interval(SplittableRandom random) {
    StringBuilder text = new StringBuilder(random.nextInt(10) == 0 ? " " : "");
    for (int n = random.nextInt(4); n > 0; n--) {
      text.append(pick(random, "", "", "-", "+")).append(digits(random, random.nextInt(1, 6)));
      if (random.nextInt(6) == 0) {
        text.append('.').append(digits(random, random.nextInt(1, 7)));
      }
      text.append(pick(random, " ", " ", "", "  "))
          .append(
              pick(
                  random, "year", "years", "yrs", "y", "mon", "months", "week", "w", "day", "days",
                  "d", "hour", "hrs", "H", "min", "minutes", "m", "sec", "Seconds", "s", "ms",
                  "decade", "foo", ""))
          .append(pick(random, " ", " ", " ", "", ", "));
    }
    if (random.nextInt(3) == 0) {
      text.append(pick(random, "", "", "-", "+", "- ")).append(time(random));
    }
    if (random.nextInt(15) == 0) {
      text.append(pick(random, " ago", "ago"));
    }
    if (random.nextInt(5) == 0) {
      return "P"
          + random.nextInt(50)
          + pick(random, "Y", "M", "W", "D")
          + "T"
          + pick(random, "", "-")
          + random.nextInt(500)
          + pick(random, "H", "M", "S", ".5S");
    }
    return text.toString();
  }

  private static String mutated(String text, SplittableRandom random) {
    StringBuilder mutated = new StringBuilder(text);
    for (int n = random.nextInt(1, 3); n > 0 && !mutated.isEmpty(); n--) {
      int at = random.nextInt(mutated.length());
      char c = " 0123456789:-+./TZaPD,".charAt(random.nextInt(22));
      switch (random.nextInt(4)) {
        case 0 -> mutated.deleteCharAt(at);
        case 1 -> mutated.insert(at, c);
        case 2 -> mutated.setCharAt(at, c);
        default -> mutated.insert(at, mutated.charAt(at));
      }
    }
    return mutated.toString();
  }

  private static String digits(SplittableRandom random, int count) {
    StringBuilder digits = new StringBuilder();
    for (int i = 0; i < count; i++) {
      digits.append(random.nextInt(3) == 0 ? 9 : random.nextInt(10));
    }
    return digits.toString();
  }

  private static String two(int number) {
    return "%02d".formatted(number);
  }

  private static String pick(SplittableRandom random, String... of) {
    return of[random.nextInt(of.length)];
  }
}
