package io.pgtrickle.dvm.type;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;

/// Values of every kind, from a seed: extremes first, then random ones of very different magnitude.
public final class Samples {
  // 4714-11-24 BC and 294276-12-31 23:59:59.999999, the ends of the timestamp range.
  static final long FIRST_TIMESTAMP = -211_813_488_000_000_000L;
  static final long LAST_TIMESTAMP = 9_223_371_331_199_999_999L;
  // 4714-11-24 BC and 5874897-12-31, the ends of the date range.
  static final long FIRST_DATE = -2_451_545;
  static final long LAST_DATE = 2_145_031_948;

  private static final String ALPHABET =
      " abzAZ019_\t\n\\'\"%{},éß\u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff";

  private Samples() {}

  /// The server's types that have codecs of their own.
  public static List<SqlType> types() {
    List<SqlType> types = new ArrayList<>();
    for (TypeKind kind : TypeKind.values()) {
      if (kind != TypeKind.OPAQUE && kind != TypeKind.LABELED) {
        types.add(SqlType.of(kind.oid()));
      }
    }
    return types;
  }

  /// At least `count` values of a type.
  public static List<Object> of(SqlType type, long seed, int count) {
    SplittableRandom random = new SplittableRandom(seed);
    List<Object> values = new ArrayList<>(extremes(type.kind()));
    while (values.size() < count) {
      values.add(random(type.kind(), random));
    }
    return values;
  }

  /// Numerics at the limits of the format; apart, because they are long.
  static List<Object> numericLimits() {
    return List.of(
        PgNumeric.of(BigDecimal.TEN.pow(131_072).subtract(BigDecimal.ONE)),
        PgNumeric.of(BigDecimal.TEN.pow(147_455).subtract(BigDecimal.ONE).movePointLeft(16_383)),
        PgNumeric.of(BigDecimal.TEN.pow(131_071).negate()),
        PgNumeric.of(new BigDecimal(BigInteger.ONE, 16_383)),
        PgNumeric.of(new BigDecimal(BigInteger.ONE.negate(), 16_383)));
  }

  /// One random value.
  static Object random(TypeKind kind, SplittableRandom random) {
    return switch (kind) {
      case BOOL -> random.nextBoolean();
      case INT2 -> (long) (short) someLong(random, 16);
      case INT4 -> (long) (int) someLong(random, 32);
      case INT8 -> someLong(random, 64);
      case NUMERIC -> numeric(random);
      case FLOAT4 -> float4(random);
      case FLOAT8 -> float8(random);
      case TEXT, VARCHAR -> text(random);
      case BPCHAR -> text(random) + " ".repeat(random.nextInt(4));
      case DATE ->
          random.nextBoolean()
              ? random.nextLong(FIRST_DATE, LAST_DATE + 1)
              : random.nextLong(-200_000, 200_000);
      case TIMESTAMP, TIMESTAMPTZ -> timestamp(random);
      case INTERVAL -> interval(random);
      case UUID -> new UUID(random.nextLong(), random.nextLong());
      case BYTEA, OPAQUE, LABELED -> bytes(random);
    };
  }

  private static List<Object> extremes(TypeKind kind) {
    return switch (kind) {
      case BOOL -> List.of(true, false);
      case INT2 -> List.of(0L, 1L, -1L, (long) Short.MIN_VALUE, (long) Short.MAX_VALUE);
      case INT4 -> List.of(0L, 1L, -1L, (long) Integer.MIN_VALUE, (long) Integer.MAX_VALUE);
      case INT8 -> List.of(0L, 1L, -1L, Long.MIN_VALUE, Long.MAX_VALUE);
      case NUMERIC -> numericExtremes();
      case FLOAT4 -> float4Extremes();
      case FLOAT8 -> float8Extremes();
      case TEXT, VARCHAR, BPCHAR ->
          List.of("", " ", "  ", "a", "a ", "a\n", "a\u0001", "ab", "\ud83d\ude00", "\uffff", "é");
      case DATE ->
          List.of(
              0L,
              -1L,
              FIRST_DATE,
              LAST_DATE,
              -730_119L, // 0001-01-01
              -730_120L, // 0001-12-31 BC
              2_921_939L, // 9999-12-31
              2_921_940L,
              (long) Integer.MIN_VALUE,
              (long) Integer.MAX_VALUE);
      case TIMESTAMP, TIMESTAMPTZ ->
          List.of(
              0L,
              -1L,
              1L,
              FIRST_TIMESTAMP,
              LAST_TIMESTAMP,
              -730_119L * DisplayText.MICROS_PER_DAY,
              -730_119L * DisplayText.MICROS_PER_DAY - 1,
              2_921_940L * DisplayText.MICROS_PER_DAY,
              Long.MIN_VALUE,
              Long.MAX_VALUE);
      case INTERVAL ->
          List.of(
              new PgInterval(0, 0, 0),
              PgInterval.INFINITY,
              PgInterval.MINUS_INFINITY,
              new PgInterval(Integer.MIN_VALUE, Integer.MIN_VALUE, Long.MIN_VALUE + 1),
              new PgInterval(Integer.MAX_VALUE, Integer.MAX_VALUE, Long.MAX_VALUE - 1),
              new PgInterval(0, 0, Long.MIN_VALUE + 1),
              new PgInterval(Integer.MIN_VALUE, 0, 0),
              new PgInterval(1, 0, 0),
              new PgInterval(0, 30, 0),
              new PgInterval(1, -1, 1),
              new PgInterval(-13, 1, -1),
              new PgInterval(0, 1, 0),
              new PgInterval(0, 0, DisplayText.MICROS_PER_DAY),
              new PgInterval(0, 0, -1),
              new PgInterval(12, 31, 59_999_999));
      case UUID ->
          List.of(
              new UUID(0, 0),
              new UUID(-1, -1),
              new UUID(Long.MIN_VALUE, 0),
              new UUID(0, Long.MIN_VALUE));
      case BYTEA, OPAQUE, LABELED ->
          List.of(
              Bytes.copyOf(new byte[0]),
              Bytes.copyOf(new byte[] {0}),
              Bytes.copyOf(new byte[] {0, 0}),
              Bytes.copyOf(new byte[] {0, -1}),
              Bytes.copyOf(new byte[] {0, 1}),
              Bytes.copyOf(new byte[] {-1}));
    };
  }

  private static List<Object> numericExtremes() {
    List<Object> values = new ArrayList<>();
    for (String text :
        List.of(
            "NaN",
            "Infinity",
            "-Infinity",
            "0",
            "0.0",
            "0.000",
            "1",
            "1.0",
            "1.000",
            "-1",
            "-1.00",
            "9999",
            "10000",
            "9999.9999",
            "10000.0001",
            "0.0001",
            "0.00010",
            "0.99999",
            "99999999",
            "100000000",
            "1e100",
            "1e-100",
            "-1e-1000",
            "123456789012345678",
            "1234567890123456789",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "-9223372036854775809",
            "18446744073709551616",
            "99999999999999999.9",
            "1e60",
            "1e61",
            "1e-60",
            "1e-61",
            "-1e60",
            "-1e61",
            "1e-127",
            "1e-128",
            "1e-129",
            "128e-128")) {
      values.add(PgNumeric.parse(text));
    }
    return values;
  }

  private static List<Object> float8Extremes() {
    List<Object> values = new ArrayList<>();
    for (double value :
        new double[] {
          0,
          1,
          1.5,
          Double.MIN_VALUE,
          2 * Double.MIN_VALUE,
          3 * Double.MIN_VALUE,
          Double.MIN_NORMAL,
          Math.nextDown(Double.MIN_NORMAL),
          Double.MAX_VALUE,
          Double.POSITIVE_INFINITY,
          1e-4,
          1e-5,
          0.00012345,
          1e14,
          1e15,
          123456789012345.0,
          1e16,
          1e17,
          1e22,
          1e23,
          2e23,
          9e15,
          1e100,
          1e308,
          0x1p52,
          0x1p53,
          0x1p54,
          0x1p63,
          0x1p64,
          0x1p53 + 2,
          0.1,
          1.0 / 3,
          4 * Double.MIN_VALUE
        }) {
      values.add(value);
      values.add(-value);
    }
    values.add(Double.NaN);
    // Powers of two have unequal gaps to their neighbours; multiples of a power of ten meet
    // midpoints.
    for (int exponent = -1074; exponent <= 1023; exponent++) {
      values.add(Math.scalb(1.0, exponent));
    }
    for (int exponent = 50; exponent < 90; exponent++) {
      for (long digit = 1; digit < 30; digit++) {
        double power = Math.scalb(1.0, exponent);
        long tens = (long) Math.pow(10, (double) (digit % 16));
        double near = Math.floor(power / tens) * tens + digit * tens;
        values.add(near);
        values.add(Math.nextUp(near));
        values.add(Math.nextDown(near));
      }
    }
    return values;
  }

  private static List<Object> float4Extremes() {
    List<Object> values = new ArrayList<>();
    for (float value :
        new float[] {
          0,
          1,
          1.5f,
          Float.MIN_VALUE,
          2 * Float.MIN_VALUE,
          3 * Float.MIN_VALUE,
          Float.MIN_NORMAL,
          Math.nextDown(Float.MIN_NORMAL),
          Float.MAX_VALUE,
          Float.POSITIVE_INFINITY,
          1e-4f,
          1e-5f,
          1e5f,
          1e6f,
          123456f,
          1234567f,
          16777216f,
          16777218f,
          0x2000010p0f,
          1e10f,
          1e38f,
          0.1f,
          1f / 3
        }) {
      values.add(value);
      values.add(-value);
    }
    values.add(Float.NaN);
    for (int exponent = -149; exponent <= 127; exponent++) {
      values.add(Math.scalb(1.0f, exponent));
    }
    // Where a decimal of few digits can lie exactly between two floats.
    for (int start = 20; start < 40; start++) {
      float at = Math.scalb(1.0f, start);
      for (int i = 0; i < 100; i++) {
        values.add(at);
        at = Math.nextUp(at);
      }
    }
    return values;
  }

  private static long someLong(SplittableRandom random, int bits) {
    return random.nextLong() >> (64 - bits + random.nextInt(bits));
  }

  static PgNumeric numeric(SplittableRandom random) {
    int kind = random.nextInt(100);
    if (kind < 2) {
      return List.of(PgNumeric.NAN, PgNumeric.POSITIVE_INFINITY, PgNumeric.NEGATIVE_INFINITY)
          .get(random.nextInt(3));
    }
    int bits = kind < 60 ? random.nextInt(1, 40) : random.nextInt(1, 400);
    BigInteger unscaled =
        new BigInteger(1, randomBytes(random, bits / 8 + 1)).shiftRight(8 - bits % 8);
    if (random.nextInt(3) == 0) {
      // Trailing and inner zeros: the base-10000 digits and their weights get interesting.
      unscaled = unscaled.multiply(BigInteger.TEN.pow(random.nextInt(12)));
    }
    int scale = kind < 60 ? random.nextInt(6) : random.nextInt(-40, 200);
    BigDecimal value = new BigDecimal(unscaled, scale);
    return PgNumeric.of(random.nextBoolean() ? value.negate() : value);
  }

  static double float8(SplittableRandom random) {
    return switch (random.nextInt(4)) {
      case 0 -> Double.longBitsToDouble(random.nextLong());
      case 1 -> random.nextInt(-1_000_000, 1_000_000) / 100.0;
      case 2 -> (double) someLong(random, 64);
      default -> Math.scalb(random.nextDouble(), random.nextInt(-60, 60));
    };
  }

  static float float4(SplittableRandom random) {
    return switch (random.nextInt(4)) {
      case 0 -> Float.intBitsToFloat(random.nextInt());
      case 1 -> random.nextInt(-1_000_000, 1_000_000) / 100.0f;
      case 2 -> (float) someLong(random, 64);
      default -> (float) Math.scalb(random.nextDouble(), random.nextInt(-30, 30));
    };
  }

  private static long timestamp(SplittableRandom random) {
    long micros =
        random.nextInt(4) == 0
            ? random.nextLong(FIRST_TIMESTAMP, LAST_TIMESTAMP)
            : random.nextLong(-4_000_000_000_000_000L, 4_000_000_000_000_000L);
    return switch (random.nextInt(4)) {
      case 0 -> micros;
      case 1 -> micros / 1_000 * 1_000;
      case 2 -> micros / 1_000_000 * 1_000_000;
      default -> micros / DisplayText.MICROS_PER_DAY * DisplayText.MICROS_PER_DAY;
    };
  }

  private static PgInterval interval(SplittableRandom random) {
    boolean small = random.nextInt(4) > 0;
    int months = random.nextBoolean() ? 0 : small ? random.nextInt(-30, 30) : random.nextInt();
    int days = random.nextBoolean() ? 0 : small ? random.nextInt(-70, 70) : random.nextInt();
    long micros = random.nextBoolean() ? 0 : someLong(random, small ? 40 : 64);
    return new PgInterval(months, days, micros);
  }

  private static String text(SplittableRandom random) {
    StringBuilder text = new StringBuilder();
    for (int n = random.nextInt(random.nextBoolean() ? 4 : 20); n > 0; n--) {
      if (random.nextInt(20) == 0) {
        text.appendCodePoint(random.nextInt(0x10000, 0x110000));
      } else {
        text.append(ALPHABET.charAt(random.nextInt(ALPHABET.length())));
      }
    }
    return text.toString();
  }

  private static Bytes bytes(SplittableRandom random) {
    byte[] bytes = randomBytes(random, random.nextInt(12));
    for (int i = 0; i < bytes.length; i++) {
      if (random.nextInt(3) == 0) {
        bytes[i] = (byte) (random.nextInt(3) - 1);
      }
    }
    return Bytes.copyOf(bytes);
  }

  private static byte[] randomBytes(SplittableRandom random, int size) {
    byte[] bytes = new byte[size];
    random.nextBytes(bytes);
    return bytes;
  }
}
