package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.type.ArrayValue;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.PgNumeric;
import io.pgtrickle.dvm.type.Samples;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.StringJoiner;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/// Argument lists for a function of the library: NULLs, extremes and equal pairs in all
/// combinations, then
/// random ones.
final class ArgumentSamples {
  private static final int UNARY = 600;
  private static final int MORE = 900;

  private static final List<String> UNITS =
      List.of(
          "us",
          "microseconds",
          "MilliSeconds",
          "ms",
          "second",
          "minute",
          "m",
          "mm",
          "hour",
          "day",
          "week",
          "month",
          "quarter",
          "year",
          "y",
          "decade",
          "century",
          "millennium",
          "millenniumx",
          "timezone",
          "timezone_hour",
          "timezone_minute",
          "timezone_mx",
          "dow",
          "isodow",
          "doy",
          "isoyear",
          "julian",
          "j",
          "epoch",
          "infinity",
          "-infinity",
          "now",
          "allballs",
          "",
          "é",
          "fortnight",
          "DAY ",
          "january",
          "x".repeat(70),
          "microsecondxyz");

  private static final List<String> ZONES =
      List.of("UTC", "GMT", "Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Etc/GMT+5");

  private static final List<String> FORMATS =
      List.of(
          "YYYY-MM-DD",
          "YYYY-MM-DD HH24:MI:SS.US",
          "IYYY-IW, \"week\"IW",
          "FMDD.FMMM.YY",
          "DD Mon YYYY",
          "Day, DD Month YYYY HH12:MI:SS.MS am",
          "FMDAY|DAY|day|FMMonth|MONTH|month|MON|mon|DY|Dy|dy|PM",
          "Q/YYYY W WW DDD D ID FMDDD FMWW FMHH24 FMHH FMMI FMSS FMMS FMUS",
          "yyyy\"T\"hh24miss",
          "fmYYYY",
          "HH:MIAM",
          " - ",
          "YYYYMMDDHH24MISSMSUS");

  private static final List<String> PATTERNS =
      List.of(
          "a",
          "^a",
          "c$",
          "^abc$",
          "^$",
          "^",
          "$",
          "a.c",
          "a|b|^x",
          "^(ab|a)c",
          "^[a-m]",
          "[^a-z]",
          "^[^a]*$",
          "(a|b)+c?",
          "x{2}",
          "(xy){2,}",
          "(?:x|y){1,3}$",
          "\\.",
          "^\\d+$",
          "[%_-]",
          "[0-9]{3}",
          "a+b*c",
          "\\n$",
          "(((a)))",
          "a$|^b",
          "[a-c]x|y.*x");

  private static final List<String> TEXTS =
      List.of(
          "",
          " ",
          "a",
          "A",
          "b",
          "%",
          "_",
          "\\",
          "a%",
          "%a",
          "%\\",
          "a\\",
          "\\%",
          "%_%",
          "__",
          "a_c",
          "abc",
          "ABC",
          "aBcÉé",
          "%b%",
          "a%c",
          "a\\%c",
          "%%a%%",
          "ab,cd,,ef",
          ",",
          ",,",
          "  x  ",
          "xyxyx",
          "yx",
          "xy",
          "xyz",
          "\ud83d\ude00",
          "a\ud83d\ude00b",
          "%\ud83d\ude00_",
          "äöü",
          "ö",
          "trim me ",
          "0123456789",
          "\uffff",
          "a\n",
          "ab  ");

  /// Documents of both types; where a text is no `jsonb`, the test leaves it out.
  static final List<String> DOCUMENTS =
      List.of(
          "{}",
          "[]",
          "null",
          "true",
          "false",
          "0",
          "-0",
          "-0.00",
          "1e400",
          "1.00",
          "12345678901234567890.123e-5",
          "\"\"",
          "\"a\"",
          "\"\\u0061\"",
          "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\u007f\"",
          "\"\\ud83d\\ude00\"",
          "\"\ud83d\ude00\"",
          "\"\\u0000\"",
          "\"\\ud800\"",
          "\"\\ude00\"",
          "\"\\ud800\\ud800\\u0000\"",
          "\"\\ud83dx\"",
          "{\"a\": 1, \"b\": {\"c\": [1, 2, {\"d\": null}]}, \"A\": null}",
          "{\"a\" : 1 , \"a\" :{\"b\": \"x, }]\"}}",
          "{ \"a\":null,\"b\":\"\\\"}\" ,\"\\\\\":[]}",
          "{\"\\u0061\": [true, false]}",
          "{\"\": 0, \" \": 1, \"%\": \"\", \"\ud83d\ude00\": \"\u00e9\"}",
          "{\"\\ud83d\\ude00\": 2, \"äöü\": {}, \"a\\n\": 3}",
          "{\"\\u0000\": 1, \"a\": 2}",
          "{\"a\": 1, \"b\": \"\\udfff\"}",
          "[1, \"a\", null, [2, [3]], {\"a\": \"b\"}, \"\\u0041\", true, 1.50]",
          "[ [ ] , { } , \"]\" , \"\\\"[\" , -1e-7 ]",
          "[\"\\u0000\", 1]",
          "  \n\t [0]  ",
          "\r\n7 ",
          " \"b\" ",
          "[[[[[[[[1]]]]]]]]",
          "{\"a\":{\"a\":{\"a\":{\"a\":[{\"a\":[]}]}}}}");

  private static final List<String> LABELS = List.of("sad", "ok", "very happy", "é");

  private ArgumentSamples() {}

  private static final List<String> PATHS =
      List.of(
          "{}",
          "{a}",
          "{NULL}",
          "{b,c}",
          "{b,c,2,d}",
          "{a,b}",
          "{0}",
          "{-1}",
          "{4,a}",
          "{\" +3\"}",
          "{\"0 \"}",
          "{3,1,0}",
          "{\"\"}",
          "{99999999999}",
          "{-2147483648}",
          "{1x}",
          "{-}",
          "{{a,a},{a,a}}",
          "{a,NULL}",
          "[4:5]={b,c}",
          "{0,0,0,0,0,0,0,0}",
          "{a,a,a,a,0,a}",
          "{\"\\n1\"}");

  private static List<Object> opaque(int type, SplittableRandom random) {
    List<String> texts =
        new ArrayList<>(
            switch (type) {
              case TotalFunctions.ANY_ENUM -> LABELS;
              case 1009 -> PATHS;
              default -> DOCUMENTS;
            });
    for (int i = 0; texts.contains("true") && i < 150; i++) {
      texts.add(document(random, 3));
    }
    return texts.stream().<Object>map(ArgumentSamples::bytes).toList();
  }

  /// Those that are known, random ones among them.
  private static List<String> patterns(NativeFunction function, SplittableRandom random) {
    boolean ignoreCase = function.name().startsWith("texticregex");
    List<String> patterns = new ArrayList<>(PATTERNS);
    List<String> pieces =
        List.of(
            "a", "b", "c", "x", "y", ".", "[a-y]", "[^b]", "(", ")", "|", "*", "+", "?", "{2}",
            "{0,2}", "{1,}", "^", "$", "\\.", "\\d", ",", " ", "%", "ö", "[B-]", "(?:");
    while (patterns.size() < 400) {
      StringBuilder pattern = new StringBuilder();
      for (int i = random.nextInt(1, 9); i > 0; i--) {
        pattern.append(pieces.get(random.nextInt(pieces.size())));
      }
      patterns.add(pattern.toString());
    }
    patterns.removeIf(each -> RegularExpression.read(each, ignoreCase, true).isEmpty());
    return patterns;
  }

  /// Few, so that arrays have some in common.
  private static List<Object> elements(SqlType type) {
    List<Object> all = Samples.of(type, 7, 40);
    List<Object> some = new ArrayList<>(all.subList(0, Math.min(12, all.size())));
    some.addAll(all.subList(all.size() - 3, all.size()));
    return some;
  }

  /// The texts of arrays of all shapes, with NULLs, and of bounds other than 1.
  private static List<Object> arrays(SqlType element, SplittableRandom random) {
    List<@Nullable Object> pool = new ArrayList<>(elements(element));
    pool.add(null);
    pool.add(null);
    List<ArrayValue> arrays = new ArrayList<>(List.of(ArrayValue.EMPTY));
    int[][][] shapes = {
      {{1, 1}},
      {{2, 1}},
      {{2, 0}},
      {{1, -3}},
      {{1, Integer.MAX_VALUE - 1}},
      {{1, Integer.MIN_VALUE}},
      {{2, 1}, {2, 1}},
      {{1, 1}, {2, 1}},
      {{2, 3}, {2, -1}},
      {{2, 1}, {1, 1}},
      {{2, 1}, {1, 1}, {2, 1}},
      {{1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
      {{4, 1}},
      {{3, 5}}
    };
    for (int i = 0; i < 5 * shapes.length; i++) {
      List<Integer> lengths = new ArrayList<>();
      List<Integer> lowerBounds = new ArrayList<>();
      int size = 1;
      for (int[] dimension : shapes[i % shapes.length]) {
        lengths.add(dimension[0]);
        lowerBounds.add(dimension[1]);
        size *= dimension[0];
      }
      List<@Nullable Object> values = new ArrayList<>();
      int variety = i < shapes.length ? 2 : pool.size();
      for (int j = 0; j < size; j++) {
        values.add(pool.get(random.nextInt(variety)));
      }
      arrays.add(new ArrayValue(lengths, lowerBounds, values));
    }
    TypeCodec codec = TypeCodec.of(element);
    return arrays.stream().<Object>map(array -> bytes(array.toText(codec))).toList();
  }

  private static Bytes bytes(String text) {
    return Bytes.copyOf(text.getBytes(StandardCharsets.UTF_8));
  }

  private static String document(SplittableRandom random, int depth) {
    int kind = random.nextInt(depth == 0 ? 4 : 8);
    return switch (kind) {
      case 0 -> DOCUMENTS.get(2 + random.nextInt(9));
      case 1 -> string(random);
      case 2 -> String.valueOf(random.nextInt(-100, 100));
      case 3 -> random.nextDouble() + "E" + random.nextInt(-30, 30);
      case 4, 5 -> items(random, depth, "", "[", "]");
      default -> items(random, depth, ":", "{", "}");
    };
  }

  private static String items(
      SplittableRandom random, int depth, String colon, String open, String close) {
    StringJoiner items = new StringJoiner(random.nextBoolean() ? "," : " , ", open, close);
    for (int i = random.nextInt(5); i > 0; i--) {
      String key = colon.isEmpty() ? "" : string(random) + colon;
      items.add(key + document(random, depth - 1));
    }
    return items.toString();
  }

  private static String string(SplittableRandom random) {
    StringBuilder text = new StringBuilder("\"");
    for (int i = random.nextInt(3); i > 0; i--) {
      text.append(
          List.of("a", "b", "A", "{", "]", ",", ":", "\\\"", "\\\\", "\\n", "\\u00e9", "ö", " ")
              .get(random.nextInt(13)));
    }
    return text.append('"').toString();
  }

  /// Argument lists for one use of a function.
  static List<@Nullable Object[]> of(NativeFunction function, List<SqlType> types) {
    SplittableRandom random = new SplittableRandom(function.toString().hashCode());
    List<List<@Nullable Object>> pools = new ArrayList<>();
    for (int i = 0; i < types.size(); i++) {
      pools.add(pool(function, types, i, random));
    }
    List<@Nullable Object[]> tuples = new ArrayList<>();
    int core = types.size() == 1 ? UNARY : types.size() == 2 ? 30 : types.size() == 3 ? 8 : 5;
    combine(pools, core, new @Nullable Object[types.size()], 0, tuples);
    for (int i = types.size() == 1 ? MORE : 0; i < MORE; i++) {
      @Nullable Object[] tuple = new @Nullable Object[types.size()];
      for (int j = 0; j < tuple.length; j++) {
        tuple[j] = pools.get(j).get(random.nextInt(pools.get(j).size()));
      }
      tuples.add(tuple);
    }
    return tuples;
  }

  private static void combine(
      List<List<@Nullable Object>> pools,
      int core,
      @Nullable Object[] tuple,
      int at,
      List<@Nullable Object[]> tuples) {
    if (at == tuple.length) {
      tuples.add(tuple.clone());
      return;
    }
    List<@Nullable Object> pool = pools.get(at);
    for (int i = 0; i < Math.min(core, pool.size()); i++) {
      tuple[at] = pool.get(i);
      combine(pools, core, tuple, at + 1, tuples);
    }
  }

  /// The values of one argument, NULL first.
  private static List<@Nullable Object> pool(
      NativeFunction function, List<SqlType> types, int argument, SplittableRandom random) {
    List<@Nullable Object> pool = new ArrayList<>();
    if (argument != function.constantArgument()) {
      pool.add(null);
    }
    pool.addAll(values(function, types, argument, random));
    return pool;
  }

  private static List<? extends Object> values(
      NativeFunction function, List<SqlType> types, int argument, SplittableRandom random) {
    SqlType type = types.get(argument);
    String name = function.name();
    if (argument == function.constantArgument()) {
      return name.equals("to_char")
          ? FORMATS
          : name.contains("regex") ? patterns(function, random) : ZONES;
    }
    int declared =
        argument < function.arguments().size() ? function.arguments().get(argument) : type.oid();
    if (declared == TypeNames.ANY_COMPATIBLE) {
      return elements(type);
    }
    if (declared == TypeNames.ANY_ARRAY || declared == TypeNames.ANY_COMPATIBLE_ARRAY) {
      return arrays(ArrayOperations.elementOf(type).orElseThrow(), random);
    }
    if (argument == 0
        && (name.startsWith("date_") || name.equals("extract"))
        && type.equals(SqlType.TEXT)) {
      return shuffled(UNITS, random);
    }
    if (type.equals(SqlType.INT4) && argument > 0) {
      switch (name) {
        case "numeric" -> {
          return numericModifiers();
        }
        // Mostly of everyday size: a result of 16383 digits takes its time.
        case "round", "trunc" -> {
          return longs(
              0,
              1,
              2,
              3,
              5,
              20,
              40,
              1000,
              -1,
              -2,
              -3,
              -10,
              -131_072,
              -131_073,
              16_383,
              16_384,
              Integer.MIN_VALUE,
              Integer.MAX_VALUE);
        }
        case "varchar", "bpchar" -> {
          return longs(-1, 5, 6, 7, 8, 10, 14, 0, 3);
        }
        case "timestamp", "timestamptz" -> {
          return longs(-1, 0, 1, 2, 3, 4, 5, 6, 7, -2, 100);
        }
        // Nothing in between: results of hundreds of megabytes prove no more than these.
        case "repeat" -> {
          return longs(-2147483648, -1, 0, 1, 2, 3, 7, 50, 1000);
        }
        case "lpad", "rpad" -> {
          return longs(-2147483648, -1, 0, 1, 2, 3, 7, 50, 1000, 1_100_000_000, Integer.MAX_VALUE);
        }
        default -> {}
      }
    }
    if (name.equals("make_date")) {
      return longs(
          1,
          2,
          0,
          -1,
          4,
          12,
          13,
          28,
          29,
          30,
          31,
          32,
          1900,
          2000,
          2023,
          2024,
          -44,
          9999,
          10000,
          -4713,
          -4714,
          -4715,
          5874897,
          5874898,
          10_000_001,
          1_000_000_000,
          Integer.MAX_VALUE,
          Integer.MIN_VALUE);
    }
    List<Object> values = new ArrayList<>();
    switch (type.kind()) {
      case TEXT, VARCHAR, BPCHAR -> values.addAll(shuffled(TEXTS, random));
      case BYTEA ->
          shuffled(TEXTS, random)
              .forEach(text -> values.add(Bytes.copyOf(text.getBytes(StandardCharsets.UTF_8))));
      case INT2, INT4, INT8 ->
          values.addAll(longs(-3, -2, -1, 0, 1, 2, 3, 4, 5, 7, 31, 32, 33, 64));
      case FLOAT4 -> values.addAll(List.of(0.5f, 1.5f, -2.5f, 32767.5f, -32768.5f, 0x1p31f));
      case FLOAT8 ->
          values.addAll(
              List.of(
                  0.5,
                  1.5,
                  -2.5,
                  32767.5,
                  -32768.5,
                  2147483647.5,
                  -2147483648.5,
                  1e200,
                  1e-200,
                  0x1p63,
                  3.4028236e38,
                  1e-46));
      case NUMERIC ->
          List.of(
                  "0",
                  "0.5",
                  "-0.5",
                  "1.50",
                  "-2.5",
                  "7",
                  "3",
                  "0.0001",
                  "32767.5",
                  "2147483647.5",
                  "-9223372036854775808.5",
                  "99999.995",
                  "12345678901234567890.123456789")
              .forEach(text -> values.add(PgNumeric.parse(text)));
      case DATE -> values.addAll(longs(106751982, 106751983, -730122, 9496, 9582, 9587));
      // Around changes of the clock in Berlin and St. John's.
      case TIMESTAMP, TIMESTAMPTZ ->
          values.addAll(
              longs(
                  733_114_800_000_000L,
                  733_111_200_000_000L,
                  733_112_999_999_999L,
                  751_258_800_000_000L,
                  751_255_200_000_000L,
                  751_251_600_000_000L,
                  751_253_400_500_000L,
                  731_905_860_000_000L,
                  750_043_860_000_000L,
                  -3_000_000_000_000_000L,
                  -63_113_904_000_000_000L,
                  1,
                  -1,
                  500_000,
                  -500_000));
      case OPAQUE -> {
        return opaque(type.oid(), random);
      }
      case BOOL, INTERVAL, UUID, LABELED -> {}
    }
    List<Object> more =
        new ArrayList<>(Samples.of(type, random.nextLong(), types.size() == 1 ? 600 : 80));
    values.addAll(more);
    // Extremes of both lists in the core.
    List<Object> mixed = new ArrayList<>();
    int half = values.size() - more.size();
    for (int i = 0; i < values.size(); i++) {
      if (i < half) {
        mixed.add(values.get(i));
      }
      if (i < more.size()) {
        mixed.add(more.get(i));
      }
    }
    return mixed;
  }

  private static List<Long> numericModifiers() {
    List<Long> modifiers = new ArrayList<>(longs(-1));
    for (int[] p :
        new int[][] {{10, 2}, {3, 0}, {5, 5}, {1000, 1000}, {38, 10}, {18, 18}, {1, 0}}) {
      modifiers.add((long) ((p[0] << 16) | p[1]) + 4);
    }
    return modifiers;
  }

  private static List<Long> longs(long... values) {
    return LongStream.of(values).boxed().toList();
  }

  private static <T> List<T> shuffled(List<T> values, SplittableRandom random) {
    List<T> shuffled = new ArrayList<>(values);
    java.util.Collections.shuffle(shuffled, new java.util.Random(random.nextLong()));
    return shuffled;
  }
}
