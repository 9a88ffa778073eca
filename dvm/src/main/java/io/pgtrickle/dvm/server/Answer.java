package io.pgtrickle.dvm.server;

import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Row;
import java.util.List;

/// What the server says to one argument tuple.
public sealed interface Answer {
  /// Rows of the inquiry's answer schema, in the server's order.
  record Rows(List<Row> rows) implements Answer {
    public Rows {
      rows = List.copyOf(rows);
    }
  }

  /// The error that PostgreSQL raised; data to who asked.
  record Failed(String sqlState, String message) implements Answer {
    private static final int STATE_LENGTH = 5;

    public Failed {
      if (sqlState.length() != STATE_LENGTH) {
        throw new IllegalArgumentException("not an SQLSTATE: " + sqlState);
      }
    }

    /// As a value in a row.
    public static String write(EvaluationFailure failure) {
      return failure.sqlState() + failure.text();
    }

    /// What [#write] wrote.
    public static EvaluationFailure read(String failure) {
      return new EvaluationFailure(
          failure.substring(0, STATE_LENGTH), failure.substring(STATE_LENGTH));
    }

    /// The same as the engine throws it.
    public EvaluationFailure failure() {
      return new EvaluationFailure(sqlState, message);
    }
  }
}
