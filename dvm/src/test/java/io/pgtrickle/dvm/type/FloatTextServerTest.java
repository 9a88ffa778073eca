package io.pgtrickle.dvm.type;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class FloatTextServerTest {
  @Test
  void messagesShowNumbersAsTheServersDo() throws SQLException {
    double[] values = {
      2,
      1.5,
      -0.1234567891,
      123456,
      1234567,
      999999.5,
      999998.5,
      1e20,
      1e100,
      -1e-5,
      -0.0001234,
      -9.9999995e-5,
      -1e-320,
      Double.NaN,
      Double.POSITIVE_INFINITY,
      Double.NEGATIVE_INFINITY,
      Double.MAX_VALUE
    };
    List<String> expressions = new ArrayList<>();
    List<String> ours = new ArrayList<>();
    for (double value : values) {
      expressions.add(
          "SELECT percentile_disc('%s'::float8) WITHIN GROUP (ORDER BY x) FROM (VALUES (1)) AS v (x)"
              .formatted(FloatText.print(value)));
      ours.add(
          "22003 percentile value %s is not between 0 and 1"
              .formatted(FloatText.printShort(value)));
    }
    try (TestServer server = TestServer.connect()) {
      assertThat(ours).isEqualTo(server.evaluate(expressions));
    }
  }
}
