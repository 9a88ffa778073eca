package io.pgtrickle.dvm.expr;

/// Character operations as a server in a UTF8 database does them: a character is a code point.
final class Strings {
  private Strings() {}

  /// The order of the UTF-8 bytes, which is that of code points.
  static int compareBytes(String left, String right) {
    int common = Math.min(left.length(), right.length());
    for (int i = 0; i < common; i++) {
      char l = left.charAt(i);
      char r = right.charAt(i);
      if (l != r) {
        // Surrogates stand for code points above all others.
        boolean leftHigh = Character.isSurrogate(l);
        boolean rightHigh = Character.isSurrogate(r);
        return leftHigh == rightHigh ? l - r : leftHigh ? 1 : -1;
      }
    }
    return left.length() - right.length();
  }

  /// Without the blanks at the end, which bpchar does not count.
  static String stripBlanks(String text) {
    int end = text.length();
    while (end > 0 && text.charAt(end - 1) == ' ') {
      end--;
    }
    return text.substring(0, end);
  }

  /// The number of characters.
  static int length(String text) {
    return text.codePointCount(0, text.length());
  }

  /// The number of UTF-8 bytes.
  static int byteLength(String text) {
    int length = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      // Each half of a surrogate pair counts two of its four bytes.
      length += c < 0x80 ? 1 : c < 0x800 || Character.isSurrogate(c) ? 2 : 3;
    }
    return length;
  }

  /// The characters at positions `[start, end)`, which may lie outside.
  static String slice(String text, long start, long end) {
    int length = length(text);
    int from = Math.clamp(start, 0, length);
    int to = Math.clamp(end, from, length);
    if (length == text.length()) {
      return text.substring(from, to);
    }
    int first = text.offsetByCodePoints(0, from);
    return text.substring(first, text.offsetByCodePoints(first, to - from));
  }
}
