package io.pgtrickle.dvm.type;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.type.FloatMoments.Measure;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.StringJoiner;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/// Statistics of floats against the server, whose last digits depend on the order of the rows.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class FloatMomentsServerTest {
  private static final TypeCodec FLOAT8 = TypeCodec.of(SqlType.FLOAT8);
  private static final Pattern NUMBER = Pattern.compile("-?[0-9.]+(e[-+][0-9]+)?");
  private static final double TOLERANCE = 1e-10;

  private final TestServer server;

  FloatMomentsServerTest() throws SQLException {
    server = TestServer.connect();
  }

  @AfterAll
  void disconnect() throws SQLException {
    server.close();
  }

  /// Pairs of x and y.
  private record Pair(double x, double y) {}

  private static boolean isOfPairs(Measure measure) {
    return measure.compareTo(Measure.CORR) >= 0;
  }

  private static String sql(Measure measure, List<Pair> pairs) {
    StringJoiner rows = new StringJoiner(", ");
    pairs.forEach(pair -> rows.add("(" + literal(pair.x) + ", " + literal(pair.y) + ")"));
    return "SELECT %s(%s) FROM (VALUES %s) v (x, y)%s"
        .formatted(
            measure.name().toLowerCase(Locale.ROOT),
            isOfPairs(measure) ? "y, x" : "x",
            pairs.isEmpty() ? "(1::float8, 1::float8)" : rows,
            pairs.isEmpty() ? " WHERE false" : "");
  }

  private static String literal(double value) {
    return "'" + FLOAT8.toText(value) + "'::float8";
  }

  private static String ours(Measure measure, List<Pair> pairs) {
    FloatMoments moments = new FloatMoments();
    for (Pair pair : pairs) {
      if (isOfPairs(measure)) {
        moments.add(pair.x, pair.y, 1);
      } else {
        moments.add(pair.x, 1);
      }
    }
    try {
      return moments.result(measure) instanceof Double number
          ? FLOAT8.toText(number)
          : String.valueOf(moments.result(measure));
    } catch (EvaluationFailure failure) {
      return failure.sqlState() + " " + failure.text();
    }
  }

  private static List<Pair> pairs(double... values) {
    List<Pair> pairs = new ArrayList<>();
    for (int i = 0; i < values.length; i += 2) {
      pairs.add(new Pair(values[i], values[i + 1]));
    }
    return pairs;
  }

  @Test
  void cornersAreTheServers() throws SQLException {
    double inf = Double.POSITIVE_INFINITY;
    double max = Double.MAX_VALUE;
    List<List<Pair>> bags =
        List.of(
            pairs(),
            pairs(2, 3),
            pairs(2, Double.NaN),
            pairs(inf, 3),
            pairs(1, 1, 1, 1),
            pairs(1, 2, 1, 3),
            pairs(1, 2, 3, 2),
            pairs(-0.0, 0, -0.0, -0.0),
            pairs(1, 2, 2, 4, 3, 6, 4, 8),
            pairs(1, 4, 2, 1, 3, 3, 4, 0),
            pairs(1, 2, inf, 3),
            pairs(1, 2, -inf, 3, inf, 4),
            pairs(1, 2, 2, Double.NaN, 4, 4),
            pairs(1, inf, 2, 5, 3, 6),
            pairs(max, 1, max, 2),
            pairs(1, max, 2, -max),
            pairs(0.5, 0.25, 1.5, -2.75, 8, 1024, -16, 0));
    List<String> expressions = new ArrayList<>();
    List<String> ours = new ArrayList<>();
    for (List<Pair> bag : bags) {
      for (Measure measure : Measure.values()) {
        expressions.add(sql(measure, bag));
        ours.add(ours(measure, bag));
      }
    }
    compareAll(expressions, ours);
  }

  private void compareAll(List<String> expressions, List<String> ours) throws SQLException {
    List<String> theirs = server.evaluate(expressions);
    for (int i = 0; i < ours.size(); i++) {
      assertThat(isNear(ours.get(i), theirs.get(i)))
          .as("%s: %s, not %s", expressions.get(i), ours.get(i), theirs.get(i))
          .isTrue();
    }
  }

  /// Whether they are alike, or numbers that are nearly so.
  private static boolean isNear(String our, String their) {
    if (our.equals(their)) {
      return true;
    }
    if (!NUMBER.matcher(our).matches() || !NUMBER.matcher(their).matches()) {
      return false;
    }
    double wanted = Double.parseDouble(their);
    return Math.abs(Double.parseDouble(our) - wanted) <= TOLERANCE * Math.abs(wanted);
  }

  @Test
  void resultsAreNearTheServersAndTheSameWhateverTheOrder() throws SQLException {
    SplittableRandom random = new SplittableRandom(20_261_128);
    List<String> expressions = new ArrayList<>();
    List<String> ours = new ArrayList<>();
    for (int round = 0; round < 60; round++) {
      List<Pair> bag = new ArrayList<>();
      double slope = random.nextDouble(-3, 3);
      double size = Math.pow(10, random.nextInt(-20, 20));
      for (int i = random.nextInt(2, 30); i > 0; i--) {
        double x = random.nextDouble(-1, 1);
        bag.add(new Pair(x * size, (slope * x + random.nextDouble(0.1)) / size));
      }
      for (Measure measure : Measure.values()) {
        expressions.add(sql(measure, bag));
        ours.add(ours(measure, bag));
        assertThat(ours(measure, bag.reversed())).isEqualTo(ours.getLast());
      }
    }
    compareAll(expressions, ours);
  }
}
