package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.type.EvaluationFailure;
import java.util.List;
import java.util.Locale;

/// Texts that PostgreSQL reads as a date or time relative to the clock.
///
/// A word counts wherever it stands: it may be followed by a time or a zone, and a text that
/// contains it otherwise is no date either.
final class ClockWords {
  private static final List<String> WORDS = List.of("now", "today", "tomorrow", "yesterday");

  private ClockWords() {}

  /// The text, or an error: a stream table would keep what the word meant when the row came.
  static Evaluator refusing(Evaluator text) {
    return row -> {
      Object value = text.evaluate(row);
      if (value instanceof String written) {
        String lower = written.toLowerCase(Locale.ROOT);
        for (String word : WORDS) {
          if (lower.contains(word)) {
            throw new EvaluationFailure(
                "0A000", "the date or time \"" + written + "\" depends on the clock");
          }
        }
      }
      return value;
    };
  }
}
