package io.pgtrickle.dvm.expr;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.type.ArrayTypes;
import io.pgtrickle.dvm.type.ArrayValue;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.Samples;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TestServer;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.zset.Schema;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/// What SQL has a syntax for and does with arrays, against the server: values, NULLs and errors.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class ArrayOperationsServerTest {
  private static final int CASES = 700;
  private static final Schema NO_COLUMNS = Schema.of();

  private final TestServer server;
  private final EvaluationSettings settings;
  private final SplittableRandom random = new SplittableRandom(11);
  private final Map<SqlType, List<Object>> samples = new HashMap<>();

  ArrayOperationsServerTest() throws SQLException {
    server = TestServer.connect();
    settings = EvaluationSettings.of(server.majorVersion(), "UTC", Collation.C);
  }

  @AfterAll
  void disconnect() throws SQLException {
    server.close();
  }

  @Test
  void elementsAreComparedWithAValue() throws SQLException {
    List<Expr.Verbatim> cases = new ArrayList<>();
    for (SqlType type : List.of(SqlType.INT4, SqlType.NUMERIC, SqlType.FLOAT8, SqlType.TEXT)) {
      for (boolean all : new boolean[] {false, true}) {
        for (String operator : List.of("=", "<>", "<", ">=")) {
          for (int i = 0; i < CASES / 10; i++) {
            cases.add(
                new Expr.Verbatim(
                    List.of(
                        "(",
                        " OPERATOR(\"pg_catalog\".%s) %s ("
                            .formatted(operator, all ? "ALL" : "ANY"),
                        "))"),
                    List.of(element(type), array(type)),
                    SqlType.BOOL,
                    new ArrayOperation.Compared(comparison(operator, type), 950, all)));
          }
        }
      }
    }
    assertAnswered(cases);
  }

  private static Signature comparison(String operator, SqlType type) {
    int place = List.of("=", "<>", "<", ">=").indexOf(operator);
    String name =
        switch (type.kind()) {
          case INT4 -> List.of("int4eq", "int4ne", "int4lt", "int4ge").get(place);
          case NUMERIC ->
              List.of("numeric_eq", "numeric_ne", "numeric_lt", "numeric_ge").get(place);
          case FLOAT8 -> List.of("float8eq", "float8ne", "float8lt", "float8ge").get(place);
          default -> List.of("texteq", "textne", "text_lt", "text_ge").get(place);
        };
    return new Signature(
        0, "pg_catalog", name, List.of(type.oid(), type.oid()), SqlType.BOOL.oid(), true, 'i');
  }

  @Test
  void subscriptsFindElements() throws SQLException {
    List<Expr.Verbatim> cases = new ArrayList<>();
    for (SqlType type : Samples.types()) {
      for (int i = 0; i < CASES / 5; i++) {
        List<Expr> operands = new ArrayList<>(List.of(array(type)));
        List<String> pieces = new ArrayList<>(List.of("("));
        for (int j = 1 + random.nextInt(3); j > 0; j--) {
          pieces.add(operands.size() == 1 ? ")[" : "][");
          operands.add(
              new Expr.Literal(
                  random.nextInt(12) == 0 ? null : (Object) (long) random.nextInt(-1, 4),
                  SqlType.INT4));
        }
        pieces.add("]");
        cases.add(new Expr.Verbatim(pieces, operands, type, new ArrayOperation.Subscripted()));
      }
    }
    assertAnswered(cases);
  }

  @Test
  void arraysAreMadeOfElements() throws SQLException {
    List<Expr.Verbatim> cases = new ArrayList<>();
    for (SqlType type : Samples.types()) {
      for (int i = 0; i < CASES / 10; i++) {
        List<Expr> elements = new ArrayList<>();
        for (int j = random.nextInt(4); j > 0; j--) {
          elements.add(element(type));
        }
        cases.add(constructed(type, elements, false));
      }
    }
    assertAnswered(cases);
  }

  @Test
  void arraysAreMadeOfArrays() throws SQLException {
    List<Expr.Verbatim> cases = new ArrayList<>();
    for (SqlType type : List.of(SqlType.INT4, SqlType.TEXT)) {
      for (int i = 0; i < CASES; i++) {
        Expr.Literal one = array(type);
        List<Expr> parts = new ArrayList<>(List.of(one));
        for (int j = random.nextInt(3); j > 0; j--) {
          parts.add(random.nextInt(4) > 0 ? one : array(type));
        }
        cases.add(constructed(type, parts, true));
      }
    }
    assertAnswered(cases);
  }

  private static Expr.Verbatim constructed(SqlType type, List<Expr> operands, boolean nested) {
    SqlType array = arrayOf(type);
    List<String> pieces = new ArrayList<>(List.of("ARRAY["));
    for (int i = 1; i < operands.size(); i++) {
      pieces.add(", ");
    }
    String last = "]::" + name(array);
    if (operands.isEmpty()) {
      pieces.set(0, "ARRAY[" + last);
    } else {
      pieces.add(last);
    }
    return new Expr.Verbatim(pieces, operands, array, new ArrayOperation.Constructed(type, nested));
  }

  @Test
  void arraysAreCastElementByElement() throws SQLException {
    Signature narrowed = new Signature(480, "pg_catalog", "int4", List.of(20), 23, true, 'i');
    Expr.Column element = new Expr.Column(0, SqlType.INT8);
    List<Expr> conversions =
        List.of(
            new Expr.Call(narrowed, List.of(element), SqlType.INT4, 0),
            new Expr.TextCast(element, SqlType.TEXT));
    List<Expr.Verbatim> cases = new ArrayList<>();
    for (Expr conversion : conversions) {
      SqlType result = arrayOf(conversion.type());
      for (int i = 0; i < CASES; i++) {
        cases.add(
            new Expr.Verbatim(
                List.of("((", ")::" + name(result) + ")"),
                List.of(array(SqlType.INT8)),
                result,
                new ArrayOperation.Converted(SqlType.INT8, conversion)));
      }
    }
    assertAnswered(cases);
  }

  private Expr.Literal element(SqlType type) throws SQLException {
    List<Object> values = values(type);
    Object value = random.nextInt(6) == 0 ? null : values.get(random.nextInt(values.size()));
    return new Expr.Literal(value, type);
  }

  private List<Object> values(SqlType type) throws SQLException {
    List<Object> values = samples.get(type);
    if (values == null) {
      values = server.known(type, Samples.of(type, 3, 30));
      samples.put(type, values);
    }
    return values.subList(0, Math.min(7, values.size()));
  }

  private Expr.Literal array(SqlType type) throws SQLException {
    SqlType array = arrayOf(type);
    if (random.nextInt(12) == 0) {
      return new Expr.Literal(null, array);
    }
    List<Integer> lengths = new ArrayList<>();
    List<Integer> lowerBounds = new ArrayList<>();
    int size = 1;
    for (int i = random.nextInt(10) == 0 ? 6 : random.nextInt(4); i > 0; i--) {
      lengths.add(1 + random.nextInt(2));
      lowerBounds.add(random.nextInt(3) > 0 ? 1 : random.nextInt(-2, 3));
      size *= lengths.getLast();
    }
    List<@Nullable Object> elements = new ArrayList<>();
    for (int i = lengths.isEmpty() ? 0 : size; i > 0; i--) {
      elements.add(element(type).value());
    }
    return new Expr.Literal(new ArrayValue(lengths, lowerBounds, elements).toBytes(type), array);
  }

  private static SqlType arrayOf(SqlType type) {
    return SqlType.of(ArrayTypes.arrayOf(type.oid()).orElseThrow());
  }

  private void assertAnswered(List<Expr.Verbatim> cases) throws SQLException {
    List<Expr.Verbatim> known = new ArrayList<>();
    List<String> statements = new ArrayList<>();
    for (Expr.Verbatim each : cases) {
      boolean array = ArrayOperations.elementOf(each.type()).isPresent();
      statements.add(array ? "encode(array_send(" + sql(each) + "), 'hex')" : sql(each));
      known.add(each);
    }
    List<String> theirs = server.evaluate(statements);
    List<String> differences = new ArrayList<>();
    for (int i = 0; i < known.size(); i++) {
      String ours = answer(known.get(i));
      // The cast to text takes the blanks of char(n) away.
      boolean padded = known.get(i).type().equals(SqlType.BPCHAR);
      if (!theirs.get(i).equals(padded ? ours.stripTrailing() : ours)) {
        differences.add(statements.get(i) + ": server " + theirs.get(i) + ", native " + ours);
      }
    }
    assertThat(differences.stream().limit(20)).as("%d differences", differences.size()).isEmpty();
  }

  private String answer(Expr.Verbatim expression) {
    try {
      Object value = Compiler.compile(expression, NO_COLUMNS, settings).evaluate(NO_COLUMNS.pack());
      return value == null
          ? "null"
          : switch (value) {
            case Boolean truth -> truth.toString();
            case Bytes array when ArrayOperations.elementOf(expression.type()).isPresent() ->
                HexFormat.of().formatHex(array.toArray());
            default -> TypeCodec.of(expression.type()).toText(value);
          };
    } catch (EvaluationFailure failure) {
      return failure.sqlState() + " " + failure.text();
    }
  }

  private static String sql(Expr.Verbatim verbatim) {
    StringBuilder text = new StringBuilder(verbatim.pieces().getFirst());
    for (int i = 0; i < verbatim.operands().size(); i++) {
      text.append(literal((Expr.Literal) verbatim.operands().get(i)))
          .append(verbatim.pieces().get(i + 1));
    }
    return text.toString();
  }

  private static String literal(Expr.Literal literal) {
    Object value = literal.value();
    String text =
        value == null
            ? "NULL"
            : TestServer.quote(
                ArrayOperations.elementOf(literal.type())
                    .map(TypeCodec::of)
                    .map(codec -> ArrayValue.read((Bytes) value, codec).toText(codec))
                    .orElseGet(() -> TypeCodec.of(literal.type()).toText(value)));
    return "(" + text + ")::" + name(literal.type());
  }

  private static String name(SqlType type) {
    return ArrayOperations.elementOf(type)
        .map(element -> element.kind().name().toLowerCase(java.util.Locale.ROOT) + "[]")
        .orElseGet(() -> type.kind().name().toLowerCase(java.util.Locale.ROOT));
  }
}
