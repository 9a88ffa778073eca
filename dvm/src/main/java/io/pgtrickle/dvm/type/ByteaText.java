package io.pgtrickle.dvm.type;

/// The input syntax of `bytea`: hexadecimal after `\x`, or the escape format.
final class ByteaText {
  private ByteaText() {}

  static Bytes parse(String text) {
    return text.startsWith("\\x") ? hex(text) : escaped(text);
  }

  private static Bytes hex(String text) {
    ByteSink out = new ByteSink(text.length() / 2 + 1);
    for (int at = 2; at < text.length(); at += 2) {
      char c = text.charAt(at);
      // White space may stand between pairs, not inside one.
      if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
        at--;
        continue;
      }
      int high = digit(text, at);
      if (at + 1 == text.length()) {
        throw new EvaluationFailure("22023", "invalid hexadecimal data: odd number of digits");
      }
      out.putByte(high << 4 | digit(text, at + 1));
    }
    return Bytes.copyOf(out.array(), 0, out.size());
  }

  private static int digit(String text, int at) {
    int digit = text.charAt(at) < 128 ? Character.digit(text.charAt(at), 16) : -1;
    if (digit < 0) {
      String shown = new String(Character.toChars(text.codePointAt(at)));
      throw new EvaluationFailure("22023", "invalid hexadecimal digit: \"" + shown + "\"");
    }
    return digit;
  }

  private static Bytes escaped(String text) {
    ByteSink out = new ByteSink(text.length() + 1);
    int plain = 0;
    for (int at = 0; at < text.length(); ) {
      if (text.charAt(at) != '\\') {
        at++;
        continue;
      }
      out.putUtf8(text.substring(plain, at));
      if (at + 1 < text.length() && text.charAt(at + 1) == '\\') {
        out.putByte('\\');
        at += 2;
      } else if (at + 3 < text.length()
          && isOctal(text.charAt(at + 1), '3')
          && isOctal(text.charAt(at + 2), '7')
          && isOctal(text.charAt(at + 3), '7')) {
        out.putByte(Integer.parseInt(text.substring(at + 1, at + 4), 8));
        at += 4;
      } else {
        throw new EvaluationFailure("22P02", "invalid input syntax for type bytea");
      }
      plain = at;
    }
    out.putUtf8(text.substring(plain));
    return Bytes.copyOf(out.array(), 0, out.size());
  }

  private static boolean isOctal(char c, char highest) {
    return c >= '0' && c <= highest;
  }
}
