package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.EvaluationFailure;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A value within the text of a `json` or `jsonb` document, which PostgreSQL has found to be
/// well-formed.
///
/// A value is a part of the text of the document around it, for `jsonb` too: its canonical text is
/// made of those of its parts.
final class JsonValue {
  /// What a value is.
  enum Kind {
    OBJECT,
    ARRAY,
    STRING,
    NUMBER,
    BOOLEAN,
    NULL;

    /// As `json_typeof` calls it.
    String typeName() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /// Sees the members of an object, or the elements of an array with `null` for a key.
  @FunctionalInterface
  interface Visitor {
    /// Looks at one, and says whether to go on.
    boolean visit(@Nullable JsonValue key, JsonValue value);
  }

  /// The first byte of the binary form of `jsonb`, which its text follows.
  private static final byte VERSION = 1;

  private final byte[] text;
  private final int from;
  private final int to;

  private JsonValue(byte[] text, int from, int to) {
    this.text = text;
    this.from = from;
    this.to = to;
  }

  /// The whole of a document.
  static JsonValue of(Bytes document, boolean jsonb) {
    byte[] text = document.toArray();
    int from = skipBlanks(text, jsonb ? 1 : 0);
    return new JsonValue(text, from, end(text, from));
  }

  Kind kind() {
    return switch (text[from]) {
      case '{' -> Kind.OBJECT;
      case '[' -> Kind.ARRAY;
      case '"' -> Kind.STRING;
      case 't', 'f' -> Kind.BOOLEAN;
      case 'n' -> Kind.NULL;
      default -> Kind.NUMBER;
    };
  }

  /// The value as a document of its own.
  Bytes document(boolean jsonb) {
    if (!jsonb) {
      return Bytes.copyOf(text, from, to - from);
    }
    byte[] document = new byte[to - from + 1];
    document[0] = VERSION;
    System.arraycopy(text, from, document, 1, to - from);
    return Bytes.copyOf(document);
  }

  /// A string without quotes and escapes, anything else as it is written.
  String text() {
    return kind() == Kind.STRING
        ? unescaped()
        : new String(text, from, to - from, StandardCharsets.UTF_8);
  }

  /// The last member of that name, which counts where there are several.
  Optional<JsonValue> member(String name) {
    byte[] plain = name.getBytes(StandardCharsets.UTF_8);
    @Nullable JsonValue[] found = new @Nullable JsonValue[1];
    forEach(
        (key, value) -> {
          if (key != null && key.is(plain, name)) {
            found[0] = value;
          }
          return true;
        });
    return Optional.ofNullable(found[0]);
  }

  /// Whether a string is this text.
  boolean is(byte[] plain, String wanted) {
    return hasEscapes()
        ? unescaped().equals(wanted)
        : Arrays.equals(text, from + 1, to - 1, plain, 0, plain.length);
  }

  /// An element of an array by its place from 0, or from −1 backwards.
  Optional<JsonValue> element(long place) {
    long wanted = place < 0 ? size() + place : place;
    if (wanted < 0) {
      return Optional.empty();
    }
    @Nullable JsonValue[] found = new @Nullable JsonValue[1];
    long[] rest = {wanted};
    forEach(
        (_, value) -> {
          if (rest[0]-- > 0) {
            return true;
          }
          found[0] = value;
          return false;
        });
    return Optional.ofNullable(found[0]);
  }

  /// How many members or elements there are.
  int size() {
    int[] size = {0};
    forEach(
        (_, _) -> {
          size[0]++;
          return true;
        });
    return size[0];
  }

  /// Visits the members of an object or the elements of an array, in the order of the text.
  void forEach(Visitor visitor) {
    boolean object = kind() == Kind.OBJECT;
    int at = skipBlanks(text, from + 1);
    while (at < to - 1) {
      JsonValue key = null;
      if (object) {
        key = new JsonValue(text, at, end(text, at));
        // Past the colon.
        at = skipBlanks(text, skipBlanks(text, key.to) + 1);
      }
      JsonValue value = new JsonValue(text, at, end(text, at));
      if (!visitor.visit(key, value)) {
        return;
      }
      at = skipBlanks(text, value.to);
      if (at < to - 1) {
        at = skipBlanks(text, at + 1);
      }
    }
  }

  /// Fails for escapes anywhere in the value that are no characters, as PostgreSQL does when it
  /// reads the strings of a `json` document.
  void requireCharacters() {
    for (int at = from; at < to; at++) {
      if (text[at] == '"') {
        int end = end(text, at);
        new JsonValue(text, at, end).requireCharactersOfString();
        at = end - 1;
      }
    }
  }

  private void requireCharactersOfString() {
    boolean high = false;
    int at = from + 1;
    while (at < to - 1) {
      boolean escape = text[at] == '\\';
      boolean unit = escape && text[at + 1] == 'u';
      int code = unit ? unit(at + 2) : 'x';
      if (high != Character.isLowSurrogate((char) code)) {
        throw new EvaluationFailure("22P02", "invalid input syntax for type json");
      }
      high = Character.isHighSurrogate((char) code);
      if (code == 0) {
        throw new EvaluationFailure("22P05", "unsupported Unicode escape sequence");
      }
      at += unit ? 6 : escape ? 2 : 1;
    }
    if (high) {
      throw new EvaluationFailure("22P02", "invalid input syntax for type json");
    }
  }

  private boolean hasEscapes() {
    for (int i = from; i < to; i++) {
      if (text[i] == '\\') {
        return true;
      }
    }
    return false;
  }

  private String unescaped() {
    String inner = new String(text, from + 1, to - from - 2, StandardCharsets.UTF_8);
    int escape = inner.indexOf('\\');
    if (escape < 0) {
      return inner;
    }
    StringBuilder plain = new StringBuilder();
    int at = 0;
    while (escape >= 0) {
      plain.append(inner, at, escape);
      char c = inner.charAt(escape + 1);
      at = escape + 2;
      switch (c) {
        case 'b' -> plain.append('\b');
        case 'f' -> plain.append('\f');
        case 'n' -> plain.append('\n');
        case 'r' -> plain.append('\r');
        case 't' -> plain.append('\t');
        case 'u' -> {
          plain.append((char) Integer.parseInt(inner, at, at + 4, 16));
          at += 4;
        }
        default -> plain.append(c);
      }
      escape = inner.indexOf('\\', at);
    }
    return plain.append(inner, at, inner.length()).toString();
  }

  private int unit(int at) {
    int code = 0;
    for (int i = 0; i < 4; i++) {
      code = code * 16 + Character.digit(text[at + i], 16);
    }
    return code;
  }

  private static int skipBlanks(byte[] text, int from) {
    int at = from;
    while (at < text.length && isBlank(text[at])) {
      at++;
    }
    return at;
  }

  private static boolean isBlank(byte b) {
    return b == ' ' || b == '\t' || b == '\n' || b == '\r';
  }

  /// Where the value that begins at a place ends.
  private static int end(byte[] text, int from) {
    int depth = 0;
    int at = from;
    do {
      switch (text[at]) {
        case '"' -> at = endOfString(text, at);
        case '{', '[' -> {
          depth++;
          at++;
        }
        case '}', ']' -> {
          depth--;
          at++;
        }
        default -> at = depth == 0 ? endOfWord(text, at) : at + 1;
      }
    } while (depth > 0);
    return at;
  }

  private static int endOfString(byte[] text, int from) {
    int at = from + 1;
    while (text[at] != '"') {
      at += text[at] == '\\' ? 2 : 1;
    }
    return at + 1;
  }

  private static int endOfWord(byte[] text, int from) {
    int at = from;
    while (at < text.length
        && !isBlank(text[at])
        && text[at] != ','
        && text[at] != ']'
        && text[at] != '}') {
      at++;
    }
    return at;
  }
}
