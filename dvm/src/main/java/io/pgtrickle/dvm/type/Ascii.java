package io.pgtrickle.dvm.type;

/// The character classes of the server's input functions, and their common complaint.
final class Ascii {
  private Ascii() {}

  static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  /// C's `isspace` in the C locale.
  static boolean isSpace(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
  }

  /// The text without white space around it.
  static String trim(String text) {
    int start = 0;
    int end = text.length();
    while (start < end && isSpace(text.charAt(start))) {
      start++;
    }
    while (end > start && isSpace(text.charAt(end - 1))) {
      end--;
    }
    return text.substring(start, end);
  }

  static EvaluationFailure malformed(String type, String text) {
    return new EvaluationFailure(
        "22P02", "invalid input syntax for type " + type + ": \"" + text + "\"");
  }
}
