package io.pgtrickle.engine.apply;

import org.jspecify.annotations.Nullable;

/// Builds PostgreSQL's text form of a one-dimensional array: `{"a","b\"c",NULL}`.
///
/// Every column of a delta travels as one such text, which the server's input function of the exact
/// type reads back, so that no value is ever re-formatted on the way.
public final class ArrayText {
  private final StringBuilder text = new StringBuilder("{");

  public ArrayText() {}

  /// Appends an element, `null` for NULL.
  public void add(@Nullable String element) {
    if (text.length() > 1) {
      text.append(',');
    }
    if (element == null) {
      text.append("NULL");
      return;
    }
    quote(element, text);
  }

  /// An element as it stands in an array's text.
  public static String quoted(String element) {
    StringBuilder quoted = new StringBuilder(element.length() + 2);
    quote(element, quoted);
    return quoted.toString();
  }

  private static void quote(String element, StringBuilder text) {
    text.append('"');
    for (int i = 0; i < element.length(); i++) {
      char c = element.charAt(i);
      if (c == '"' || c == '\\') {
        text.append('\\');
      }
      text.append(c);
    }
    text.append('"');
  }

  void add(long element) {
    if (text.length() > 1) {
      text.append(',');
    }
    text.append(element);
  }

  @Override
  public String toString() {
    return text.append('}').toString();
  }
}
