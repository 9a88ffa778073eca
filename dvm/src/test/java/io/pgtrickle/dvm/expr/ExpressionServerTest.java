package io.pgtrickle.dvm.expr;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.expr.RandomExpressions.Both;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TestServer;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Random trees of all constructs against the server, errors included: so three-valued logic,
/// laziness and
/// the order of evaluation are the server's.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class ExpressionServerTest {
  private static final int EXPRESSIONS = 400;

  private final TestServer server;
  private final int version;
  private final Schema schema =
      Schema.of(
          new Column("a", SqlType.BOOL),
          new Column("b", SqlType.BOOL),
          new Column("x", SqlType.INT4),
          new Column("y", SqlType.INT4),
          new Column("s", SqlType.TEXT),
          new Column("t", SqlType.TEXT));
  private final List<Row> rows = new ArrayList<>();

  ExpressionServerTest() throws SQLException {
    server = TestServer.connect();
    version = server.majorVersion();
  }

  @BeforeAll
  void fillTable() throws SQLException {
    SplittableRandom random = new SplittableRandom(5);
    @Nullable Object[] truths = {null, true, false};
    @Nullable Object[] numbers = {null, 0L, 1L, -1L, 3L, 2_147_483_647L, -2_147_483_648L};
    @Nullable Object[] texts = {null, "", "ab", "B", "-1"};
    StringBuilder values = new StringBuilder();
    for (int i = 0; i < 60; i++) {
      @Nullable Object[] row = {
        truths[random.nextInt(3)],
        truths[random.nextInt(3)],
        numbers[random.nextInt(7)],
        numbers[random.nextInt(7)],
        texts[random.nextInt(5)],
        texts[random.nextInt(5)]
      };
      rows.add(schema.pack(row));
      values.append(i == 0 ? "(" : ", (").append(i);
      for (Object value : row) {
        values.append(", ").append(value == null ? "NULL" : TestServer.quote(value.toString()));
      }
      values.append(')');
    }
    try (Statement statement = server.connection().createStatement()) {
      statement.execute(
          "CREATE TEMP TABLE r (n int, a bool, b bool, x int, y int,"
              + " s text COLLATE \"C\", t text COLLATE \"C\")");
      statement.execute("INSERT INTO r VALUES " + values);
      statement.execute("SET plan_cache_mode = force_generic_plan");
    }
  }

  @AfterAll
  void disconnect() throws SQLException {
    server.close();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void randomTreesAnswerAsOnTheServer(long seed) throws SQLException {
    RandomExpressions expressions = new RandomExpressions(seed);
    EvaluationSettings settings = EvaluationSettings.of(version, "UTC", Collation.C);
    for (int i = 0; i < EXPRESSIONS; i++) {
      SqlType type = List.of(SqlType.BOOL, SqlType.INT4, SqlType.TEXT).get(i % 3);
      Both expression = expressions.of(type, 1 + i % 4);
      List<String> theirs = onServer(expression.sql());
      Evaluator evaluator = Compiler.compile(expression.tree(), schema, settings);
      RowPredicate predicate =
          type.equals(SqlType.BOOL)
              ? Compiler.compilePredicate(expression.tree(), schema, settings)
              : null;
      boolean total = Expressions.isTotal(expression.tree());
      for (int n = 0; n < rows.size(); n++) {
        String answer = answer(evaluator, rows.get(n), type);
        String where =
            "seed %d: %s of %s".formatted(seed, expression.sql(), schema.toText(rows.get(n)));
        assertThat(answer).as(where).isEqualTo(theirs.get(n));
        if (answer.startsWith("error")) {
          assertThat(total).as(where).isFalse();
        } else if (predicate != null) {
          assertThat(predicate.test(rows.get(n))).as(where).isEqualTo(answer.equals("value true"));
        }
      }
    }
  }

  /// One answer per row, in order; an expression that fails does so for its row only.
  private List<String> onServer(String sql) throws SQLException {
    try (Statement statement = server.connection().createStatement()) {
      statement.execute(
          """
          CREATE OR REPLACE FUNCTION pg_temp.probe(
            a bool, b bool, x int, y int, s text, t text) RETURNS text LANGUAGE plpgsql AS $$
          DECLARE
            v text;
          BEGIN
            v := (%s)::text;
            RETURN CASE WHEN v IS NULL THEN 'null' ELSE 'value ' || v END;
          EXCEPTION WHEN OTHERS THEN
            RETURN 'error ' || SQLSTATE || ' ' || SQLERRM;
          END
          $$
          """
              .formatted(sql));
    }
    return server.query("SELECT pg_temp.probe(a, b, x, y, s, t) FROM r ORDER BY n").stream()
        .map(row -> String.valueOf(row[0]))
        .toList();
  }

  private static String answer(Evaluator evaluator, Row row, SqlType type) {
    try {
      Object value = evaluator.evaluate(row);
      if (value == null) {
        return "null";
      }
      return "value " + (value instanceof Boolean ? value : TypeCodec.of(type).toText(value));
    } catch (EvaluationFailure failure) {
      return "error " + failure.sqlState() + " " + failure.text();
    }
  }
}
