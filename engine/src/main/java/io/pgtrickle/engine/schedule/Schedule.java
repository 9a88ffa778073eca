package io.pgtrickle.engine.schedule;

import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// When a stream table releases its output.
public sealed interface Schedule {

  /// The forms a text may have, for messages.
  String ACCEPTED =
      "calculated, manual, a duration such as 500ms, 1s or 1m30s (units ms, s, m, h, d, w), cron of"
          + " 5 or 6 fields such as */5 * * * *, and @hourly, @daily, @midnight, @weekly, @monthly,"
          + " @yearly, @annually (UTC)";

  /// At every epoch.
  record Calculated() implements Schedule {}

  /// Only when somebody asks for it.
  record Manual() implements Schedule {}

  /// When this much time has passed since the last release.
  record Every(Duration interval) implements Schedule {
    public Every {
      if (interval.isNegative() || interval.isZero()) {
        throw new IllegalArgumentException("an interval must be positive, not " + interval);
      }
    }
  }

  /// At the times of a cron expression.
  record At(Cron cron) implements Schedule {}

  /// Reads a schedule; `IllegalArgumentException` names the accepted forms.
  static Schedule parse(String text) {
    String plain = text.strip().replaceAll("\\s+", " ").toLowerCase(Locale.ROOT);
    if (plain.equals("calculated")) {
      return new Calculated();
    }
    if (plain.equals("manual")) {
      return new Manual();
    }
    Optional<Schedule> interval =
        Durations.parse(plain).filter(Duration::isPositive).map(Every::new);
    return interval
        .or(() -> Cron.parse(plain).map(At::new))
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "invalid schedule '" + text + "'; accepted are: " + ACCEPTED));
  }

  /// `1m30s` and the like.
  final class Durations {
    private static final Pattern WHOLE = Pattern.compile("(\\d{1,6}(ms|[smhdw]))+");
    private static final Pattern PART = Pattern.compile("(\\d+)(ms|[smhdw])");

    private Durations() {}

    private static Optional<Duration> parse(String text) {
      if (!WHOLE.matcher(text).matches()) {
        return Optional.empty();
      }
      Duration sum = Duration.ZERO;
      Matcher part = PART.matcher(text);
      while (part.find()) {
        long count = Long.parseLong(part.group(1));
        sum =
            sum.plus(
                switch (part.group(2)) {
                  case "ms" -> Duration.ofMillis(count);
                  case "s" -> Duration.ofSeconds(count);
                  case "m" -> Duration.ofMinutes(count);
                  case "h" -> Duration.ofHours(count);
                  case "d" -> Duration.ofDays(count);
                  default -> Duration.ofDays(7 * count);
                });
      }
      return Optional.of(sum);
    }
  }
}
