package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.type.EvaluationFailure;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/// A field of a date or timestamp, as `extract` and `date_trunc` name it.
enum DateTimeField {
  MICROSECONDS("us usec usecs usecond useconds microsecon", false),
  MILLISECONDS("ms msec msecs msecond mseconds millisecon", false),
  SECOND("s sec secs second seconds", false),
  MINUTE("m min mins minute minutes", false),
  HOUR("h hr hrs hour hours", false),
  DAY("d day days", false),
  WEEK("w week weeks", false),
  MONTH("mon mons month months", false),
  QUARTER("qtr quarter", false),
  YEAR("y yr yrs year years", true),
  DECADE("dec decs decade decades", true),
  CENTURY("c cent century centuries", true),
  MILLENNIUM("mil mils millennia millennium", true),
  TIMEZONE("timezone", false),
  TIMEZONE_HOUR("timezone_h", false),
  TIMEZONE_MINUTE("timezone_m", false),
  DOW("", false),
  ISODOW("", false),
  DOY("", false),
  ISOYEAR("", true),
  JULIAN("", true),
  EPOCH("", true),
  /// Words of the date syntax that are known but are no field.
  SPECIAL("", false);

  // The server compares that many bytes of a word.
  private static final int SIGNIFICANT_BYTES = 10;
  private static final int MAX_NAME_BYTES = 63;

  private static final Map<String, DateTimeField> UNITS = units();
  private static final Map<String, DateTimeField> FIELDS = fields();

  private final String words;
  private final boolean monotonic;

  DateTimeField(String words, boolean monotonic) {
    this.words = words;
    this.monotonic = monotonic;
  }

  /// Whether it grows with time without bound, so that it is infinite for an infinite timestamp.
  boolean isMonotonic() {
    return monotonic;
  }

  /// The unit of `date_trunc`.
  static DateTimeField unit(String text, String typeName) {
    return find(UNITS, text, typeName);
  }

  /// The field of `extract`.
  static DateTimeField field(String text, String typeName) {
    return find(FIELDS, text, typeName);
  }

  private static DateTimeField find(
      Map<String, DateTimeField> vocabulary, String text, String typeName) {
    DateTimeField field = vocabulary.get(text);
    if (field == null) {
      byte[] bytes = CaseMapping.ASCII.lower(text).getBytes(StandardCharsets.UTF_8);
      String significant =
          new String(bytes, 0, Math.min(bytes.length, SIGNIFICANT_BYTES), StandardCharsets.UTF_8);
      field = vocabulary.get(significant);
    }
    if (field == null) {
      throw notRecognized(text, typeName);
    }
    return field;
  }

  static EvaluationFailure notRecognized(String text, String typeName) {
    return new EvaluationFailure(
        "22023", "unit \"%s\" not recognized for type %s".formatted(displayed(text), typeName));
  }

  static EvaluationFailure notSupported(String text, String typeName) {
    return new EvaluationFailure(
        "0A000", "unit \"%s\" not supported for type %s".formatted(displayed(text), typeName));
  }

  /// Lower-case and cut to the length of a name, at a character boundary.
  private static String displayed(String text) {
    String lower = CaseMapping.ASCII.lower(text);
    while (Strings.byteLength(lower) > MAX_NAME_BYTES) {
      lower = lower.substring(0, lower.offsetByCodePoints(lower.length(), -1));
    }
    return lower;
  }

  private static Map<String, DateTimeField> units() {
    Map<String, DateTimeField> units = new HashMap<>();
    for (DateTimeField field : values()) {
      if (!field.words.isEmpty()) {
        for (String word : field.words.split(" ", -1)) {
          units.put(word, field);
        }
      }
    }
    return Map.copyOf(units);
  }

  // What is no unit of time is looked for among the words of the date syntax.
  private static Map<String, DateTimeField> fields() {
    Map<String, DateTimeField> fields = new HashMap<>(units());
    fields.put("dow", DOW);
    fields.put("isodow", ISODOW);
    fields.put("doy", DOY);
    fields.put("isoyear", ISOYEAR);
    fields.put("j", JULIAN);
    fields.put("jd", JULIAN);
    fields.put("julian", JULIAN);
    fields.put("epoch", EPOCH);
    fields.put("mm", MINUTE);
    for (String word :
        new String[] {
          "infinity", "-infinity", "allballs", "now", "today", "tomorrow", "yesterday"
        }) {
      fields.put(word, SPECIAL);
    }
    return Map.copyOf(fields);
  }
}
