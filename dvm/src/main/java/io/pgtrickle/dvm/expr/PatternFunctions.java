package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.NativeFunction.Requirement;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.EvaluationFailure;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// LIKE and ILIKE: `%` stands for any characters, `_` for one, `\` takes the next literally.
///
/// bpchar is matched with its padding, so that `'a'::char(3) LIKE 'a'` is false.
final class PatternFunctions {
  private PatternFunctions() {}

  static void register(Registry registry) {
    for (String name :
        List.of("textlike(text,text)", "like(text,text)", "bpcharlike(bpchar,text)")) {
      like(registry, name, false);
    }
    for (String name :
        List.of("textnlike(text,text)", "notlike(text,text)", "bpcharnlike(bpchar,text)")) {
      like(registry, name, true);
    }
    for (String name : List.of("texticlike(text,text)", "bpchariclike(bpchar,text)")) {
      ilike(registry, name, false);
    }
    for (String name : List.of("texticnlike(text,text)", "bpcharicnlike(bpchar,text)")) {
      ilike(registry, name, true);
    }
    for (String name : List.of("bytealike(bytea,bytea)", "like(bytea,bytea)")) {
      registry.add(
          name + " bool",
          "matches a LIKE pattern of bytes",
          (Bytes a, Bytes p) -> matches(bytes(a), bytes(p)));
    }
    for (String name : List.of("byteanlike(bytea,bytea)", "notlike(bytea,bytea)")) {
      registry.add(
          name + " bool",
          "does not match a LIKE pattern of bytes",
          (Bytes a, Bytes p) -> !matches(bytes(a), bytes(p)));
    }
    registry.add(
        "like_escape(text,text) text",
        "a LIKE pattern with another escape character",
        PatternFunctions::withEscape);
  }

  private static void like(Registry registry, String name, boolean negated) {
    registry
        .add(
            name + " bool",
            (negated ? "does not match" : "matches") + " a LIKE pattern",
            (String text, String pattern) -> negated != matches(text, pattern))
        .neverFailsWith(1, PatternFunctions::isWhole)
        .needs(Requirement.DETERMINISTIC);
  }

  private static void ilike(Registry registry, String name, boolean negated) {
    registry
        .addBound(
            name + " bool",
            (negated ? "does not match" : "matches")
                + " a LIKE pattern, letters of either case alike",
            binding -> {
              CaseMapping letters = binding.letterCase();
              return (Implementation.Binary<String, String, Boolean>)
                  (text, pattern) ->
                      negated != matches(letters.lower(text), letters.lower(pattern));
            })
        .neverFailsWith(1, PatternFunctions::isWhole)
        .needs(Requirement.DETERMINISTIC, Requirement.LETTER_CASE);
  }

  // Whether a pattern does not end with an escape character that takes nothing.
  private static boolean isWhole(Object pattern) {
    String text = (String) pattern;
    int escapes = 0;
    while (escapes < text.length() && text.charAt(text.length() - 1 - escapes) == '\\') {
      escapes++;
    }
    return escapes % 2 == 0;
  }

  // One char per byte, so that `_` is one byte.
  private static String bytes(Bytes data) {
    return new String(data.toArray(), StandardCharsets.ISO_8859_1);
  }

  private static boolean matches(String text, String pattern) {
    return match(text, 0, pattern, 0) == Match.YES;
  }

  private enum Match {
    YES,
    NO,
    /// The text ended before the pattern: starting later in the text cannot help either.
    TEXT_ENDED
  }

  /// Matches from a position on. A pattern that ends with its escape character is an error, but
  /// only when
  /// matching gets there, as on the server.
  private static Match match(String text, int textStart, String pattern, int patternStart) {
    int t = textStart;
    int p = patternStart;
    while (t < text.length() && p < pattern.length()) {
      char wanted = pattern.charAt(p);
      if (wanted == '%') {
        return matchAfterPercent(text, t, pattern, p + 1);
      }
      if (wanted == '_') {
        t = next(text, t);
        p++;
        continue;
      }
      if (wanted == '\\') {
        p++;
        if (p == pattern.length()) {
          throw endsWithEscape();
        }
        wanted = pattern.charAt(p);
      }
      if (wanted != text.charAt(t)) {
        return Match.NO;
      }
      t++;
      p++;
    }
    if (t < text.length()) {
      return Match.NO;
    }
    while (p < pattern.length() && pattern.charAt(p) == '%') {
      p++;
    }
    return p == pattern.length() ? Match.YES : Match.TEXT_ENDED;
  }

  private static Match matchAfterPercent(String text, int textStart, String pattern, int after) {
    int t = textStart;
    int p = after;
    while (p < pattern.length() && (pattern.charAt(p) == '%' || pattern.charAt(p) == '_')) {
      if (pattern.charAt(p) == '_') {
        if (t == text.length()) {
          return Match.TEXT_ENDED;
        }
        t = next(text, t);
      }
      p++;
    }
    if (p == pattern.length()) {
      return Match.YES;
    }
    char first = pattern.charAt(p);
    if (first == '\\') {
      if (p + 1 == pattern.length()) {
        throw endsWithEscape();
      }
      first = pattern.charAt(p + 1);
    }
    for (; t < text.length(); t = next(text, t)) {
      if (text.charAt(t) == first) {
        Match match = match(text, t, pattern, p);
        if (match != Match.NO) {
          return match;
        }
      }
    }
    return Match.TEXT_ENDED;
  }

  private static int next(String text, int at) {
    return at + Character.charCount(text.codePointAt(at));
  }

  /// Rewrites a pattern whose escape character is another, or none when empty.
  private static String withEscape(String pattern, String escape) {
    if (escape.isEmpty()) {
      return pattern.replace("\\", "\\\\");
    }
    if (Strings.length(escape) != 1) {
      throw new EvaluationFailure("22025", "invalid escape string");
    }
    if (escape.equals("\\")) {
      return pattern;
    }
    StringBuilder result = new StringBuilder(pattern.length() + 8);
    boolean afterEscape = false;
    for (int i = 0; i < pattern.length(); i = next(pattern, i)) {
      String character = pattern.substring(i, next(pattern, i));
      if (character.equals(escape) && !afterEscape) {
        result.append('\\');
        afterEscape = true;
      } else {
        if (character.equals("\\") && !afterEscape) {
          result.append('\\');
        }
        result.append(character);
        afterEscape = false;
      }
    }
    return result.toString();
  }

  private static EvaluationFailure endsWithEscape() {
    return new EvaluationFailure("22025", "LIKE pattern must not end with escape character");
  }
}
