package io.pgtrickle.dvm.expr;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.expr.NativeFunction.Requirement;
import io.pgtrickle.dvm.type.ArrayTypes;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.Samples;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TestServer;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every function of the library against the server: the same value, NULL or error for every
/// argument list.
///
/// The library itself is the list of tests, so that no function is in it untested.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class FunctionLibraryServerTest {
  /// Where the SQLSTATE of an answer ends: `error 22012`.
  private static final int STATE_END = 11;

  private static final Set<String> INFINITIES_SINCE_17 =
      Set.of(
          "value 178956970 years 7 mons 2147483647 days 2562047788:00:54.775807",
          "value -178956970 years -8 mons -2147483648 days -2562047788:00:54.775808");

  private static final int JSON = 114;
  private static final int JSONB = 3802;
  private static final int TEXTS = 1009;

  private static final Set<Integer> POLYMORPHIC_ARRAYS =
      Set.of(TypeNames.ANY_ARRAY, TypeNames.ANY_COMPATIBLE_ARRAY);
  private static final Set<Integer> POLYMORPHIC_ELEMENTS =
      Set.of(TypeNames.ANY_ELEMENT, TypeNames.ANY_COMPATIBLE);

  private static final String LEAST_TIME = "value -2562047788:00:54.775808";

  private static final List<String> ZONES = List.of("UTC", "Europe/Berlin", "America/St_Johns");

  /// Functions that older servers do not have.
  private static final Set<String> SINCE_17 =
      Set.of(
          "pg_catalog.timezone(timestamp with time zone)",
          "pg_catalog.timezone(timestamp without time zone)");

  private final TestServer server;
  private final int version;

  /// The texts of arrays.
  private final Map<Bytes, String> arrays = new HashMap<>();

  FunctionLibraryServerTest() throws SQLException {
    server = TestServer.connect();
    version = server.majorVersion();
    try (Statement statement = server.connection().createStatement()) {
      // A plan for known arguments would be folded, and a strict call with a NULL never be made.
      statement.execute("SET plan_cache_mode = force_generic_plan");
      statement.execute("CREATE TYPE pg_temp.mood AS ENUM ('sad', 'ok', 'very happy', 'é')");
    }
  }

  @AfterAll
  void disconnect() throws SQLException {
    server.close();
  }

  static List<NativeFunction> functions() {
    return List.copyOf(FunctionLibrary.signatures());
  }

  @ParameterizedTest
  @MethodSource("functions")
  void functionAnswersAsTheServerDoes(NativeFunction function) throws SQLException {
    boolean since17 =
        SINCE_17.contains(function.toString())
            || function.requirements().contains(Requirement.POSTGRESQL_17);
    if (version < 17 && since17) {
      return;
    }
    Signature signature = serverSignature(function);
    assertThat(FunctionLibrary.find(signature)).containsSame(function);
    assertThat(signature.volatility()).isNotEqualTo('v');
    boolean zoned =
        function.requirements().contains(Requirement.TIME_ZONE)
            || function.requirements().contains(Requirement.PRINTED_ELEMENTS)
            || isPolymorphic(function);
    List<String> differences = new ArrayList<>();
    List<String> failures = new ArrayList<>();
    for (List<SqlType> types : argumentTypes(function)) {
      List<@Nullable Object[]> tuples = known(types, ArgumentSamples.of(function, types));
      define(function, types);
      for (String zone : zoned ? ZONES : ZONES.subList(0, 1)) {
        List<String> theirs = onServer(zone, types, tuples);
        List<String> ours = natively(signature, function, zone, types, tuples);
        for (int i = 0; i < tuples.size(); i++) {
          if (theirs.get(i).startsWith("error")
              && function.isTotal(constants(types, tuples.get(i)), 0)) {
            failures.add(shown(types, tuples.get(i)));
          }
          if (!alike(theirs.get(i), ours.get(i))) {
            differences.add(
                "%s under %s: server %s, native %s"
                    .formatted(
                        shown(types, tuples.get(i)), zone, cut(theirs.get(i)), cut(ours.get(i))));
          }
        }
      }
    }
    assertThat(differences.stream().limit(20)).as("%d differences", differences.size()).isEmpty();
    assertThat(failures).as("errors where it says that it never fails").isEmpty();
  }

  private static List<Expr> constants(List<SqlType> types, @Nullable Object[] values) {
    List<Expr> constants = new ArrayList<>();
    for (int i = 0; i < values.length; i++) {
      constants.add(new Expr.Literal(values[i], types.get(i)));
    }
    return constants;
  }

  /// The server's own description of the function.
  private Signature serverSignature(NativeFunction function) throws SQLException {
    String sql =
        """
        SELECT oid, prorettype, proisstrict, provolatile
        FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace
          AND (proname || ' ' || proargtypes::text)
            = ANY (?::text[])
        """;
    String types =
        function.arguments().stream().map(String::valueOf).collect(Collectors.joining(" "));
    List<@Nullable String[]> rows = server.query(sql, List.of(function.name() + " " + types));
    assertThat(rows).as("%s on the server", function).hasSize(1);
    @Nullable String[] row = rows.getFirst();
    return new Signature(
        Integer.parseInt(String.valueOf(row[0])),
        "pg_catalog",
        function.name(),
        function.arguments(),
        Integer.parseInt(String.valueOf(row[1])),
        "t".equals(row[2]),
        String.valueOf(row[3]).charAt(0));
  }

  private static boolean isPolymorphic(NativeFunction function) {
    return function.arguments().stream()
        .anyMatch(oid -> oid == TypeNames.ANY || oid == TypeNames.ANY_NON_ARRAY);
  }

  private static boolean isOfArrays(NativeFunction function) {
    return function.arguments().stream().anyMatch(POLYMORPHIC_ARRAYS::contains);
  }

  /// The type that a polymorphic one stands for, for one of the elements.
  private static SqlType actual(int declared, SqlType element) {
    if (POLYMORPHIC_ARRAYS.contains(declared)) {
      boolean text = element.kind().isText();
      return SqlType.of(
          ArrayTypes.arrayOf(element.oid()).orElseThrow(), -1, text ? element.collation() : 0);
    }
    return POLYMORPHIC_ELEMENTS.contains(declared) ? element : SqlType.of(declared);
  }

  private static SqlType resultType(NativeFunction function, List<SqlType> types) {
    return types.stream()
        .flatMap(type -> ArrayOperations.elementOf(type).stream())
        .findFirst()
        .filter(_ -> isOfArrays(function))
        .map(element -> actual(function.result(), element))
        .orElseGet(() -> SqlType.of(function.result()));
  }

  /// The actual argument types to call with: each type in place of a polymorphic one.
  private static List<List<SqlType>> argumentTypes(NativeFunction function) {
    if (isOfArrays(function)) {
      return Samples.types().stream()
          .map(
              element ->
                  function.arguments().stream().map(declared -> actual(declared, element)).toList())
          .toList();
    }
    if (!isPolymorphic(function)) {
      return List.of(function.arguments().stream().map(SqlType::of).toList());
    }
    List<List<SqlType>> choices = new ArrayList<>();
    for (SqlType type : Samples.types()) {
      List<SqlType> types = new ArrayList<>();
      for (int oid : function.arguments()) {
        if (oid == TypeNames.ANY) {
          types.add(type);
        }
        types.add(oid == TypeNames.ANY || oid == TypeNames.ANY_NON_ARRAY ? type : SqlType.of(oid));
      }
      choices.add(types);
    }
    return choices;
  }

  /// Those whose values the server has.
  private List<@Nullable Object[]> known(List<SqlType> types, List<@Nullable Object[]> tuples)
      throws SQLException {
    List<@Nullable Object[]> known = tuples;
    for (int i = 0; i < types.size(); i++) {
      int argument = i;
      if (types.get(i).kind() == TypeKind.OPAQUE) {
        known = canonical(known, i, types.get(i));
        continue;
      }
      List<Object> values = new ArrayList<>();
      for (@Nullable Object[] tuple : tuples) {
        if (tuple[i] != null) {
          values.add(tuple[i]);
        }
      }
      Set<Object> server = Set.copyOf(this.server.known(types.get(i), values));
      known =
          known.stream()
              .filter(tuple -> tuple[argument] == null || server.contains(tuple[argument]))
              .toList();
    }
    return known;
  }

  /// Values in their binary form, for texts; without those that are no value of the type.
  private List<@Nullable Object[]> canonical(
      List<@Nullable Object[]> tuples, int argument, SqlType type) throws SQLException {
    List<String> texts =
        tuples.stream()
            .map(tuple -> tuple[argument])
            .filter(Objects::nonNull)
            .map(value -> new String(((Bytes) value).toArray(), StandardCharsets.UTF_8))
            .distinct()
            .toList();
    String send =
        switch (type.oid()) {
          case JSON -> "json_send";
          case JSONB -> "jsonb_send";
          case TotalFunctions.ANY_ENUM -> "enum_send";
          default -> "array_send";
        };
    List<String> shown =
        server.evaluate(
            texts.stream()
                .map(
                    text ->
                        "encode(%s(%s::%s), 'hex')"
                            .formatted(send, TestServer.quote(text), name(type)))
                .toList());
    Map<Object, Bytes> values = new HashMap<>();
    for (int i = 0; i < texts.size(); i++) {
      if (!shown.get(i).matches("[0-9A-Z]{5} .*")) {
        Bytes binary = Bytes.copyOf(HexFormat.of().parseHex(shown.get(i)));
        values.put(bytes(texts.get(i)), binary);
        arrays.put(binary, texts.get(i));
      }
    }
    List<@Nullable Object[]> canonical = new ArrayList<>();
    for (@Nullable Object[] tuple : tuples) {
      Object value = tuple[argument];
      if (value == null || values.containsKey(value)) {
        @Nullable Object[] changed = tuple.clone();
        changed[argument] = value == null ? null : values.get(value);
        canonical.add(changed);
      }
    }
    return canonical;
  }

  private static Bytes bytes(String text) {
    return Bytes.copyOf(text.getBytes(StandardCharsets.UTF_8));
  }

  /// The text of a value that is not NULL.
  private String written(Object value, SqlType type) {
    if (type.kind() != TypeKind.OPAQUE) {
      return TypeCodec.of(type).toText(value);
    }
    if (ArrayOperations.elementOf(type).isPresent()) {
      return String.valueOf(arrays.get(value));
    }
    String text = new String(((Bytes) value).toArray(), StandardCharsets.UTF_8);
    return type.oid() == JSONB ? text.substring(1) : text;
  }

  /// Creates a function on the server that answers with the value's text or the error.
  private void define(NativeFunction function, List<SqlType> types) throws SQLException {
    StringBuilder parameters = new StringBuilder();
    StringBuilder arguments = new StringBuilder();
    for (int i = 0; i < types.size(); i++) {
      String separator = i == 0 ? "" : ", ";
      parameters.append(separator).append('a').append(i).append(' ').append(name(types.get(i)));
      boolean path = i < function.arguments().size() && function.arguments().get(i) == TEXTS;
      arguments.append(separator).append(path ? "VARIADIC a" : "a").append(i);
    }
    SqlType resultType = resultType(function, types);
    String result = name(resultType);
    // A timestamptz is printed in the session's zone, which is not what is tested here.
    String shown =
        function.result() == SqlType.TIMESTAMPTZ.oid()
            ? "encode(timestamptz_send(v), 'hex')"
            : ArrayOperations.elementOf(resultType).isPresent()
                ? "encode(array_send(v), 'hex')"
                : "format('%s', v)";
    String sql =
        """
        DROP FUNCTION IF EXISTS pg_temp.probe;
        CREATE FUNCTION pg_temp.probe(%s) RETURNS text LANGUAGE plpgsql AS $$
        DECLARE
          v %s;
        BEGIN
          v := pg_catalog."%s"(%s);
          RETURN CASE WHEN v IS NULL THEN 'null' ELSE 'value ' || %s END;
        EXCEPTION WHEN OTHERS THEN
          RETURN 'error ' || SQLSTATE || ' ' || SQLERRM;
        END
        $$
        """
            .formatted(parameters, result, function.name(), arguments, shown);
    try (Statement statement = server.connection().createStatement()) {
      statement.execute(sql);
    }
  }

  private List<String> onServer(String zone, List<SqlType> types, List<@Nullable Object[]> tuples)
      throws SQLException {
    try (Statement statement = server.connection().createStatement()) {
      statement.execute("SET TIME ZONE " + TestServer.quote(zone));
    }
    StringBuilder arguments = new StringBuilder();
    StringBuilder arrays = new StringBuilder();
    StringBuilder names = new StringBuilder();
    List<List<String>> parameters = new ArrayList<>();
    for (int i = 0; i < types.size(); i++) {
      String separator = i == 0 ? "" : ", ";
      arguments
          .append(separator)
          .append("x%d::%s".formatted(i, name(types.get(i))))
          .append(isText(types.get(i)) ? " COLLATE \"C\"" : "");
      arrays.append(separator).append("?::text[]");
      names.append('x').append(i).append(", ");
      SqlType type = types.get(i);
      List<String> column = new ArrayList<>();
      for (@Nullable Object[] tuple : tuples) {
        Object value = tuple[i];
        column.add(text(value, type));
      }
      parameters.add(column);
    }
    @SuppressWarnings({"unchecked", "rawtypes"})
    List<String>[] columns = parameters.toArray(new List[0]);
    return server
        .query(
            "SELECT pg_temp.probe(%s) FROM unnest(%s) WITH ORDINALITY u(%sn) ORDER BY n"
                .formatted(arguments, arrays, names),
            columns)
        .stream()
        .map(row -> String.valueOf(row[0]))
        .toList();
  }

  // The driver takes a NULL element of an array, the parameter's type does not say so.
  @SuppressWarnings("NullAway")
  private String text(@Nullable Object value, SqlType type) {
    return value == null ? null : written(value, type);
  }

  private List<String> natively(
      Signature signature,
      NativeFunction function,
      String zone,
      List<SqlType> types,
      List<@Nullable Object[]> tuples) {
    EvaluationSettings settings = EvaluationSettings.of(version, zone, Collation.C);
    Schema schema = new Schema(types.stream().map(type -> new Column("a", type)).toList());
    Evaluator overColumns = null;
    List<String> answers = new ArrayList<>();
    for (@Nullable Object[] tuple : tuples) {
      Evaluator evaluator = overColumns;
      if (evaluator == null) {
        List<Expr> arguments = new ArrayList<>();
        for (int i = 0; i < types.size(); i++) {
          arguments.add(
              i == function.constantArgument()
                  ? new Expr.Literal(tuple[i], types.get(i))
                  : new Expr.Column(i, types.get(i)));
        }
        Expr call = new Expr.Call(signature, arguments, resultType(function, types), 950);
        evaluator = Compiler.compile(call, schema, settings);
        if (function.constantArgument() < 0) {
          overColumns = evaluator;
        }
      }
      answers.add(answer(evaluator, schema, tuple, resultType(function, types)));
    }
    return answers;
  }

  private String answer(
      Evaluator evaluator, Schema schema, @Nullable Object[] tuple, SqlType type) {
    try {
      Object value = evaluator.evaluate(schema.pack(tuple));
      if (value == null) {
        return "null";
      }
      if (ArrayOperations.elementOf(type).isPresent()) {
        return "value " + HexFormat.of().formatHex(((Bytes) value).toArray());
      }
      return "value "
          + (type.kind() == TypeKind.TIMESTAMPTZ
              ? "%016x".formatted((Long) value)
              : written(value, type));
    } catch (EvaluationFailure failure) {
      return "error " + failure.sqlState() + " " + failure.text();
    }
  }

  /// Messages are those of version 18; older servers word some of them differently.
  private boolean alike(String theirs, String ours) {
    if (version < 17 && INFINITIES_SINCE_17.contains(theirs)) {
      // An interval like any other there, and none that we have.
      return ours.startsWith("error 22008");
    }
    if (version < 15 && ours.equals(LEAST_TIME)) {
      // The server has this value, but cannot print it.
      return theirs.startsWith("error 22008");
    }
    if (version < 18 && theirs.startsWith("error") && ours.startsWith("error")) {
      return theirs.substring(0, STATE_END).equals(ours.substring(0, STATE_END));
    }
    return theirs.equals(ours);
  }

  private String shown(List<SqlType> types, @Nullable Object[] tuple) {
    List<String> values = new ArrayList<>();
    for (int i = 0; i < tuple.length; i++) {
      Object value = tuple[i];
      values.add(value == null ? "NULL" : "'" + cut(written(value, types.get(i))) + "'");
    }
    return values.toString();
  }

  private static String cut(String text) {
    return text.length() > 200 ? text.substring(0, 200) + "…" : text;
  }

  private static boolean isText(SqlType type) {
    return type.kind().isText()
        || ArrayOperations.elementOf(type).filter(each -> each.kind().isText()).isPresent();
  }

  private static String name(SqlType type) {
    Optional<SqlType> element = ArrayOperations.elementOf(type);
    if (element.isPresent()) {
      return "pg_catalog." + name(element.get()) + "[]";
    }
    return switch (type.oid()) {
      case JSON -> "json";
      case JSONB -> "jsonb";
      case TotalFunctions.ANY_ENUM -> "pg_temp.mood";
      default -> type.kind().name().toLowerCase(Locale.ROOT);
    };
  }
}
