package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.NativeFunction.Requirement;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.EvaluationFailure;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Functions of text, varchar and bpchar that do not depend on letters beyond ASCII.
///
/// A position counts characters, that is code points, from 1.
final class TextFunctions {
  /// The largest value the server allocates, less the header of a value.
  private static final long MAX_BYTES = 0x3FFF_FFFFL - 4;

  private TextFunctions() {}

  static void register(Registry registry) {
    lengths(registry);
    parts(registry);
    searches(registry);
    trims(registry);
    builders(registry);
    characters(registry);
    lengthCasts(registry);
  }

  private static void lengths(Registry registry) {
    for (String name : List.of("length", "char_length", "character_length")) {
      registry
          .add(name + "(text) int4", "number of characters", (String a) -> (long) Strings.length(a))
          .neverFails();
      registry
          .add(
              name + "(bpchar) int4",
              "number of characters without trailing blanks",
              (String a) -> (long) Strings.length(Strings.stripBlanks(a)))
          .neverFails();
    }
    registry
        .add("textlen(text) int4", "number of characters", (String a) -> (long) Strings.length(a))
        .neverFails();
    for (String type : List.of("text", "bpchar")) {
      registry
          .add(
              "octet_length(" + type + ") int4",
              "number of bytes",
              (String a) -> (long) Strings.byteLength(a))
          .neverFails();
    }
    registry
        .add("bit_length(text) int4", "number of bits", (String a) -> 8L * Strings.byteLength(a))
        .neverFails();
  }

  private static void parts(Registry registry) {
    for (String name : List.of("substring", "substr")) {
      registry
          .add(
              name + "(text,int4) text",
              "the characters from a position on",
              (String a, Long from) -> Strings.slice(a, from - 1, Long.MAX_VALUE))
          .neverFails();
      registry
          .add(
              name + "(text,int4,int4) text",
              "a number of characters from a position on",
              TextFunctions::substring)
          .neverFailsWith(2, count -> (Long) count >= 0);
    }
    registry
        .add(
            "left(text,int4) text",
            "the first characters, or all but the last",
            (String a, Long n) -> Strings.slice(a, 0, n < 0 ? Strings.length(a) + n : n))
        .neverFails();
    registry
        .add(
            "right(text,int4) text",
            "the last characters, or all but the first",
            TextFunctions::right)
        .neverFails();
    registry
        .add(
            "split_part(text,text,int4) text",
            "one field between separators",
            TextFunctions::splitPart)
        .needs(Requirement.DETERMINISTIC);
    registry.add(
        "overlay(text,text,int4) text",
        "replaces characters from a position on",
        (String a, String with, Long from) -> overlay(a, with, from, Strings.length(with)));
    registry.addVariadic(
        "overlay(text,text,int4,int4) text",
        "replaces a number of characters from a position on",
        _ ->
            arguments ->
                overlay(
                    Values.text(arguments[0]),
                    Values.text(arguments[1]),
                    Values.number(arguments[2]),
                    Values.number(arguments[3])));
  }

  private static void searches(Registry registry) {
    for (String name : List.of("strpos", "position")) {
      registry
          .add(
              name + "(text,text) int4",
              "position of a string within another, 0 when absent",
              TextFunctions::position)
          .needs(Requirement.DETERMINISTIC)
          .neverFails();
    }
    registry
        .add(
            "starts_with(text,text) bool",
            "whether one is a prefix",
            (String a, String prefix) -> a.startsWith(prefix))
        .needs(Requirement.DETERMINISTIC)
        .neverFails();
    registry
        .add(
            "replace(text,text,text) text",
            "replaces every occurrence",
            (String a, String from, String to) -> from.isEmpty() ? a : a.replace(from, to))
        .needs(Requirement.DETERMINISTIC);
    registry.add(
        "translate(text,text,text) text",
        "replaces characters one by one",
        TextFunctions::translate);
  }

  private static void trims(Registry registry) {
    trim(registry, "btrim", "both ends", true, true);
    trim(registry, "ltrim", "the start", true, false);
    trim(registry, "rtrim", "the end", false, true);
  }

  private static void trim(
      Registry registry, String name, String where, boolean start, boolean end) {
    registry
        .add(
            name + "(text) text",
            "removes blanks from " + where,
            (String a) -> trim(a, " ", start, end))
        .neverFails();
    registry
        .add(
            name + "(text,text) text",
            "removes any of some characters from " + where,
            (String a, String characters) -> trim(a, characters, start, end))
        .neverFails();
  }

  private static void builders(Registry registry) {
    registry.add("textcat(text,text) text", "concatenation", (String l, String r) -> l.concat(r));
    registry.add("repeat(text,int4) text", "repetition", TextFunctions::repeat);
    registry
        .add(
            "reverse(text) text",
            "the characters in reverse order",
            (String a) -> new StringBuilder(a).reverse().toString())
        .neverFails();
    registry.add(
        "lpad(text,int4) text",
        "fills up on the left with blanks",
        (String a, Long n) -> pad(a, n, " ", true));
    registry.add(
        "rpad(text,int4) text",
        "fills up on the right with blanks",
        (String a, Long n) -> pad(a, n, " ", false));
    registry.add(
        "lpad(text,int4,text) text",
        "fills up on the left",
        (String a, Long n, String fill) -> pad(a, n, fill, true));
    registry.add(
        "rpad(text,int4,text) text",
        "fills up on the right",
        (String a, Long n, String fill) -> pad(a, n, fill, false));
  }

  private static void characters(Registry registry) {
    registry
        .addBound(
            "lower(text) text",
            "lower case",
            binding -> (Implementation.Unary<String, String>) binding.letterCase()::lower)
        .needs(Requirement.LETTER_CASE)
        .neverFails();
    registry
        .addBound(
            "upper(text) text",
            "upper case",
            binding -> (Implementation.Unary<String, String>) binding.letterCase()::upper)
        .needs(Requirement.LETTER_CASE)
        .neverFails();
    registry
        .add(
            "ascii(text) int4",
            "the first character's code point",
            (String a) -> a.isEmpty() ? 0L : (long) a.codePointAt(0))
        .neverFails();
    registry.addBound(
        "chr(int4) text",
        "the character of a code point",
        binding -> {
          int version = binding.settings().serverVersion();
          return (Implementation.Unary<Long, String>) code -> character(code, version);
        });
    registry
        .add(
            "md5(text) text",
            "MD5 in hexadecimal",
            (String a) -> Digests.md5(Bytes.copyOf(a.getBytes(StandardCharsets.UTF_8))))
        .neverFails();
  }

  private static void lengthCasts(Registry registry) {
    registry
        .add("text(bpchar) text", "cast: without trailing blanks", Strings::stripBlanks)
        .neverFails();
    registry.add(
        "varchar(varchar,int4,bool) varchar", "cast to varchar(n)", TextFunctions::varchar);
    registry.add("bpchar(bpchar,int4,bool) bpchar", "cast to char(n)", TextFunctions::bpchar);
  }

  private static String substring(String text, Long from, Long count) {
    if (count < 0) {
      throw negativeLength();
    }
    return Strings.slice(text, from - 1, from - 1 + count);
  }

  // The server's negation of the least integer overflows to itself, and nothing is cut.
  private static String right(String text, Long count) {
    long start = count < 0 ? -count : Strings.length(text) - count;
    return count == Integer.MIN_VALUE ? text : Strings.slice(text, start, Long.MAX_VALUE);
  }

  private static String overlay(String text, String with, long from, long count) {
    if (from <= 0) {
      throw negativeLength();
    }
    long rest = IntegerFunctions.Width.PLAIN.add(from, count);
    return Strings.slice(text, 0, from - 1) + with + Strings.slice(text, rest - 1, Long.MAX_VALUE);
  }

  private static Long position(String text, String part) {
    int at = text.indexOf(part);
    return at < 0 ? 0L : 1L + text.codePointCount(0, at);
  }

  private static String splitPart(String text, String separator, Long field) {
    if (field == 0) {
      throw new EvaluationFailure("22023", "field position must not be zero");
    }
    if (text.isEmpty() || separator.isEmpty()) {
      return field == 1 || field == -1 ? text : "";
    }
    List<String> fields = fields(text, separator);
    long index = field > 0 ? field - 1 : fields.size() + field;
    return index >= 0 && index < fields.size() ? fields.get((int) index) : "";
  }

  private static List<String> fields(String text, String separator) {
    List<String> fields = new java.util.ArrayList<>();
    int start = 0;
    for (int at = text.indexOf(separator); at >= 0; at = text.indexOf(separator, start)) {
      fields.add(text.substring(start, at));
      start = at + separator.length();
    }
    fields.add(text.substring(start));
    return fields;
  }

  private static String translate(String text, String from, String to) {
    Map<Integer, Integer> mapping = new HashMap<>();
    int[] targets = to.codePoints().toArray();
    int[] sources = from.codePoints().toArray();
    for (int i = 0; i < sources.length; i++) {
      mapping.putIfAbsent(sources[i], i < targets.length ? targets[i] : -1);
    }
    StringBuilder result = new StringBuilder(text.length());
    text.codePoints()
        .forEach(
            c -> {
              int target = mapping.getOrDefault(c, c);
              if (target >= 0) {
                result.appendCodePoint(target);
              }
            });
    return result.toString();
  }

  private static String trim(String text, String characters, boolean start, boolean end) {
    int from = 0;
    int to = text.length();
    while (start && from < to && characters.indexOf(text.codePointAt(from)) >= 0) {
      from += Character.charCount(text.codePointAt(from));
    }
    while (end && to > from && characters.indexOf(text.codePointBefore(to)) >= 0) {
      to -= Character.charCount(text.codePointBefore(to));
    }
    return text.substring(from, to);
  }

  private static String repeat(String text, Long count) {
    long times = Math.max(0, count);
    if (times * Strings.byteLength(text) > MAX_BYTES) {
      throw tooLong();
    }
    return text.repeat((int) times);
  }

  /// Pads or cuts to a number of characters.
  private static String pad(String text, long length, String fill, boolean left) {
    int present = Strings.length(text);
    int wanted = (int) Math.max(0, length);
    if (fill.isEmpty()) {
      wanted = Math.min(wanted, present);
    }
    // The server reserves four bytes for each character before it looks at the fill.
    if (4L * wanted > MAX_BYTES) {
      throw tooLong();
    }
    if (present >= wanted) {
      return Strings.slice(text, 0, wanted);
    }
    int missing = wanted - present;
    int fillLength = Strings.length(fill);
    String padding =
        fill.repeat(missing / fillLength) + Strings.slice(fill, 0, missing % fillLength);
    return left ? padding + text : text + padding;
  }

  private static String character(Long code, int serverVersion) {
    long c = code;
    if (c < 0 && serverVersion >= 15) {
      throw new EvaluationFailure("22023", "character number must be positive");
    }
    if (c == 0) {
      throw new EvaluationFailure("54000", "null character not permitted");
    }
    if (c < 0 || c > Character.MAX_CODE_POINT) {
      throw new EvaluationFailure("54000", "requested character too large for encoding: " + c);
    }
    if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
      throw new EvaluationFailure("54000", "requested character not valid for encoding: " + c);
    }
    return Character.toString((int) c);
  }

  private static String varchar(String text, Long typmod, Boolean explicit) {
    long length = typmod - 4;
    if (typmod < 4 || Strings.length(text) <= length) {
      return text;
    }
    return cut(text, length, explicit, "character varying");
  }

  private static String bpchar(String text, Long typmod, Boolean explicit) {
    long length = typmod - 4;
    if (typmod < 4) {
      return text;
    }
    int present = Strings.length(text);
    return present > length
        ? cut(text, length, explicit, "character")
        : text + " ".repeat((int) (length - present));
  }

  /// Cuts to a length; only an explicit cast may lose more than blanks.
  private static String cut(String text, long length, boolean explicit, String typeName) {
    String kept = Strings.slice(text, 0, length);
    if (!explicit && !Strings.stripBlanks(text.substring(kept.length())).isEmpty()) {
      throw new EvaluationFailure(
          "22001", "value too long for type " + typeName + "(" + length + ")");
    }
    return kept;
  }

  static EvaluationFailure negativeLength() {
    return new EvaluationFailure("22011", "negative substring length not allowed");
  }

  private static EvaluationFailure tooLong() {
    return new EvaluationFailure("54000", "requested length too large");
  }
}
