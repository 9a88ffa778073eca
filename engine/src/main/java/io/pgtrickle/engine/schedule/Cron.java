package io.pgtrickle.engine.schedule;

import com.cronutils.model.definition.CronDefinition;
import com.cronutils.model.definition.CronDefinitionBuilder;
import com.cronutils.model.time.ExecutionTime;
import com.cronutils.parser.CronParser;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.StringJoiner;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A cron expression, in UTC.
///
/// Five fields or six (seconds first) of numbers, names, ranges, lists and steps, with the meaning
/// of the Unix command: where both day fields are restricted, a day that matches either counts, and
/// Sunday is 0 and 7. The fields are read here, because that is what the SQL side does too; the
/// library is given the plain numbers and does the calendar.
public final class Cron {
  private static final Map<String, String> NICKNAMES =
      Map.of(
          "@yearly", "0 0 0 1 1 *",
          "@annually", "0 0 0 1 1 *",
          "@monthly", "0 0 0 1 * *",
          "@weekly", "0 0 0 * * 0",
          "@daily", "0 0 0 * * *",
          "@midnight", "0 0 0 * * *",
          "@hourly", "0 0 * * * *");

  private static final List<Field> FIELDS =
      List.of(
          new Field(0, 59, List.of()),
          new Field(0, 59, List.of()),
          new Field(0, 23, List.of()),
          new Field(1, 31, List.of()),
          new Field(
              1,
              12,
              List.of(
                  "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov",
                  "dec")),
          new Field(0, 7, List.of("sun", "mon", "tue", "wed", "thu", "fri", "sat")));

  private static final int DAY_OF_WEEK = 5;

  private static final Pattern PART =
      Pattern.compile(
          "(?:(?<star>\\*)|(?<low>\\d{1,2}|[a-z]{3})(?:-(?<high>\\d{1,2}|[a-z]{3}))?)"
              + "(?:/(?<step>\\d{1,2}))?");

  private static final CronDefinition DEFINITION =
      CronDefinitionBuilder.defineCron()
          .withSeconds()
          .and()
          .withMinutes()
          .and()
          .withHours()
          .and()
          .withDayOfMonth()
          .and()
          .withMonth()
          .and()
          .withDayOfWeek()
          .withValidRange(0, 7)
          .withMondayDoWValue(1)
          .withIntMapping(7, 0)
          .and()
          .instance();

  private final String canonical;
  private final ExecutionTime times;

  private Cron(String canonical) {
    this.canonical = canonical;
    this.times = ExecutionTime.forCron(new CronParser(DEFINITION).parse(canonical));
  }

  /// Reads an expression in lower case; empty if it is none.
  static Optional<Cron> parse(String text) {
    List<String> fields =
        new ArrayList<>(List.of(NICKNAMES.getOrDefault(text, text).split(" ", -1)));
    if (fields.size() == FIELDS.size() - 1) {
      fields.addFirst("0");
    }
    if (fields.size() != FIELDS.size()) {
      return Optional.empty();
    }
    StringJoiner canonical = new StringJoiner(" ");
    for (int f = 0; f < fields.size(); f++) {
      Optional<String> numbers = FIELDS.get(f).numbers(fields.get(f), f == DAY_OF_WEEK);
      if (numbers.isEmpty()) {
        return Optional.empty();
      }
      canonical.add(numbers.get());
    }
    return Optional.of(new Cron(canonical.toString()));
  }

  /// The first time after the given one; empty if there is none, as for February 30th.
  public Optional<Instant> nextAfter(Instant time) {
    return times
        .nextExecution(ZonedDateTime.ofInstant(time, ZoneOffset.UTC))
        .map(ZonedDateTime::toInstant);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Cron that && canonical.equals(that.canonical);
  }

  @Override
  public int hashCode() {
    return canonical.hashCode();
  }

  /// The expression in numbers, seconds first.
  @Override
  public String toString() {
    return canonical;
  }

  /// The values one field allows; `names` count from `low`.
  private record Field(int low, int high, List<String> names) {

    /// The field with names resolved and ranges written out, or empty if it is malformed. A star
    /// stays a star: it is how the library knows that a day field is not restricted.
    Optional<String> numbers(String text, boolean weekdays) {
      StringJoiner result = new StringJoiner(",");
      for (String part : text.split(",", -1)) {
        Matcher matcher = PART.matcher(part);
        if (!matcher.matches()) {
          return Optional.empty();
        }
        String stepText = matcher.group("step");
        int step = stepText == null ? 1 : Integer.parseInt(stepText);
        if (step == 0) {
          return Optional.empty();
        }
        if (matcher.group("star") != null) {
          result.add(part);
          continue;
        }
        String highText = matcher.group("high");
        // A step needs something to step through.
        if (highText == null && stepText != null) {
          return Optional.empty();
        }
        int from = number(matcher.group("low"));
        int to = highText == null ? from : number(highText);
        if (from < low || to > high || from > to) {
          return Optional.empty();
        }
        for (int value = from; value <= to; value += step) {
          result.add(Integer.toString(weekdays && value == 7 ? 0 : value));
        }
      }
      return Optional.of(result.toString());
    }

    private int number(String text) {
      if (Character.isDigit(text.charAt(0))) {
        return Integer.parseInt(text);
      }
      int index = names.indexOf(text);
      return index < 0 ? -1 : low + index;
    }
  }
}
