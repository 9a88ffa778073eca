package io.pgtrickle.dvm.type;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.postgresql.PGConnection;

/// Every codec against the server: text, wire form, order and equality of generated values.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class CodecServerTest {
  private static final int VALUES = 4_000;
  private static final int PAIRS = 6_000;

  private final TestServer server;

  CodecServerTest() throws SQLException {
    server = TestServer.connect();
  }

  @BeforeAll
  void nameTheVersion() throws SQLException {
    assertThat(server.majorVersion()).isBetween(14, 18);
  }

  @AfterAll
  void disconnect() throws SQLException {
    server.close();
  }

  static List<SqlType> types() {
    return Samples.types();
  }

  @ParameterizedTest
  @MethodSource("types")
  void serverReadsOurTextAndPrintsAndSendsTheSame(SqlType type) throws SQLException {
    TypeCodec codec = TypeCodec.of(type);
    List<Object> values = values(type, 1);
    List<String> texts = values.stream().map(codec::toText).toList();
    List<@Nullable String[]> rows =
        server.query(
            "SELECT e::%1$s, encode(%2$s(e::%1$s), 'hex')".formatted(name(type), send(type))
                + " FROM unnest(?::text[]) WITH ORDINALITY u(e, n) ORDER BY n",
            texts);

    assertThat(rows).hasSameSizeAs(values);
    for (int i = 0; i < values.size(); i++) {
      @Nullable String[] row = rows.get(i);
      String shown = String.valueOf(row[0]);
      assertThat(shown).as("text of %s", type.kind()).isEqualTo(texts.get(i));
      assertThat(codec.fromText(shown)).isEqualTo(values.get(i));
      ByteSink ours = new ByteSink();
      codec.toBinary(values.get(i), ours);
      assertThat(HexFormat.of().formatHex(ours.toArray()))
          .as("wire form of %s %s", type.kind(), shown)
          .isEqualTo(row[1]);
      byte[] sent = HexFormat.of().parseHex(String.valueOf(row[1]));
      assertThat(codec.fromBinary(sent, 0, sent.length)).isEqualTo(values.get(i));
    }
  }

  @ParameterizedTest
  @MethodSource("types")
  void serverReceivesOurWireForm(SqlType type) throws SQLException, IOException {
    TypeCodec codec = TypeCodec.of(type);
    List<Object> values = values(type, 2);
    try (Statement statement = server.connection().createStatement()) {
      statement.execute("DROP TABLE IF EXISTS pg_temp.received");
      statement.execute("CREATE TEMPORARY TABLE received(n int4, v " + name(type) + ")");
    }
    server
        .connection()
        .unwrap(PGConnection.class)
        .getCopyAPI()
        .copyIn(
            "COPY pg_temp.received FROM STDIN (FORMAT binary)",
            new ByteArrayInputStream(copyBinary(codec, values)));

    List<@Nullable String[]> rows = server.query("SELECT v FROM pg_temp.received ORDER BY n");

    assertThat(rows.stream().map(row -> String.valueOf(row[0])).toList())
        .isEqualTo(values.stream().map(codec::toText).toList());
  }

  private List<Object> values(SqlType type, long seed) throws SQLException {
    List<Object> values = server.known(type, Samples.of(type, seed, VALUES));
    if (type.kind() == TypeKind.NUMERIC) {
      values.addAll(Samples.numericLimits());
    }
    return values;
  }

  private static byte[] copyBinary(TypeCodec codec, List<Object> values) {
    ByteSink out = new ByteSink();
    out.putBytes("PGCOPY\n\u00ff\r\n\0".getBytes(StandardCharsets.ISO_8859_1));
    out.putInt(0);
    out.putInt(0);
    ByteSink one = new ByteSink();
    for (int i = 0; i < values.size(); i++) {
      one.clear();
      codec.toBinary(values.get(i), one);
      out.putShort(2);
      out.putInt(4);
      out.putInt(i);
      out.putInt(one.size());
      out.putBytes(one.array(), 0, one.size());
    }
    out.putShort(-1);
    return out.toArray();
  }

  @ParameterizedTest
  @MethodSource("types")
  void orderAndEqualityAreTheServers(SqlType type) throws SQLException {
    TypeCodec codec = TypeCodec.of(type);
    SplittableRandom random = new SplittableRandom(3);
    List<Object> values = server.known(type, Samples.of(type, 3, VALUES));
    List<Object> left = new ArrayList<>();
    List<Object> right = new ArrayList<>();
    for (int i = 0; i < PAIRS; i++) {
      Object value = values.get(random.nextInt(i % 2 == 0 ? values.size() : 50) % values.size());
      left.add(value);
      right.add(
          random.nextInt(3) == 0
              ? relative(type.kind(), value, random)
              : values.get(random.nextInt(i % 2 == 0 ? values.size() : 50) % values.size()));
    }
    String collate = type.kind().isText() ? " COLLATE \"C\"" : "";
    List<@Nullable String[]> rows =
        server.query(
            "SELECT CASE WHEN l < r THEN '<' WHEN l = r THEN '=' WHEN l > r THEN '>' END FROM"
                + " (SELECT l::%1$s%2$s AS l, r::%1$s%2$s AS r, n".formatted(name(type), collate)
                + " FROM unnest(?::text[], ?::text[]) WITH ORDINALITY u(l, r, n)) p ORDER BY n",
            left.stream().map(codec::toText).toList(),
            right.stream().map(codec::toText).toList());

    for (int i = 0; i < PAIRS; i++) {
      Object l = left.get(i);
      Object r = right.get(i);
      String expected = String.valueOf(rows.get(i)[0]);
      assertThat(sign(TypeOrder.compare(type, l, r)))
          .as("%s against %s", codec.toText(l), codec.toText(r))
          .isEqualTo(expected);
      assertThat(sign(Arrays.compareUnsigned(key(codec, l), key(codec, r))))
          .as("keys of %s and %s", codec.toText(l), codec.toText(r))
          .isEqualTo(expected);
    }
  }

  /// A value near another one, or the same one in another display.
  private static Object relative(TypeKind kind, Object value, SplittableRandom random) {
    return switch (kind) {
      case NUMERIC -> {
        PgNumeric numeric = (PgNumeric) value;
        if (!numeric.isFinite() || numeric.displayScale() > 10_000) {
          yield numeric;
        }
        int scale = numeric.displayScale() + random.nextInt(6);
        PgNumeric shown = numeric.round(scale);
        yield random.nextBoolean()
            ? shown
            : shown.add(PgNumeric.of(new BigDecimal(BigInteger.ONE, scale)));
      }
      case FLOAT4 -> random.nextBoolean() ? Math.nextUp((Float) value) : 0f - (Float) value;
      case FLOAT8 -> random.nextBoolean() ? Math.nextUp((Double) value) : 0d - (Double) value;
      case TEXT, VARCHAR, BPCHAR ->
          value + List.of("", " ", "  ", "\n", "a").get(random.nextInt(5));
      case BYTEA -> {
        byte[] longer = Arrays.copyOf(((Bytes) value).toArray(), ((Bytes) value).size() + 1);
        longer[longer.length - 1] = (byte) (random.nextInt(3) - 1);
        yield Bytes.copyOf(longer);
      }
      case BOOL, INT2, INT4, INT8, DATE, TIMESTAMP, TIMESTAMPTZ, INTERVAL, UUID, OPAQUE -> value;
    };
  }

  private static String sign(int comparison) {
    return comparison < 0 ? "<" : comparison == 0 ? "=" : ">";
  }

  static byte[] key(TypeCodec codec, Object value) {
    ByteSink sink = new ByteSink();
    codec.appendKey(value, sink);
    return sink.toArray();
  }

  private static String name(SqlType type) {
    return switch (type.kind()) {
      case BPCHAR -> "pg_catalog.bpchar";
      case OPAQUE -> throw new IllegalArgumentException("no name");
      default -> type.kind().name().toLowerCase(Locale.ROOT);
    };
  }

  private static String send(SqlType type) {
    return switch (type.kind()) {
      case NUMERIC, DATE, TIMESTAMP, TIMESTAMPTZ, INTERVAL, UUID ->
          type.kind().name().toLowerCase(Locale.ROOT) + "_send";
      default -> type.kind().name().toLowerCase(Locale.ROOT) + "send";
    };
  }
}
