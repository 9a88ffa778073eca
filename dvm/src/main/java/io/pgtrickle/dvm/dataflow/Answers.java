package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.server.Answer;
import io.pgtrickle.dvm.server.Inquiry;
import io.pgtrickle.dvm.server.Server;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Asks the server about rows: once for each distinct tuple of arguments.
final class Answers {
  private Answers() {}

  /// The answers about some rows, in their order. A failure of an argument is the failure of the
  /// answer.
  static List<Answer> to(
      Inquiry inquiry, List<Evaluator> arguments, List<Row> rows, Server server) {
    Schema parameters = inquiry.arguments();
    Map<Row, Integer> places = new LinkedHashMap<>();
    int[] place = new int[rows.size()];
    @Nullable EvaluationFailure[] failures = new @Nullable EvaluationFailure[rows.size()];
    for (int i = 0; i < place.length; i++) {
      try {
        Row tuple = tuple(rows.get(i), arguments, parameters);
        place[i] = places.computeIfAbsent(tuple, _ -> places.size());
      } catch (EvaluationFailure failure) {
        failures[i] = failure;
      }
    }
    List<Row> tuples = List.copyOf(places.keySet());
    List<Answer> answers = tuples.isEmpty() ? List.of() : server.ask(inquiry, tuples);
    if (answers.size() != tuples.size()) {
      throw new IllegalStateException(
          answers.size() + " answers to " + tuples.size() + " tuples: " + inquiry.sql());
    }
    List<Answer> all = new ArrayList<>(place.length);
    for (int i = 0; i < place.length; i++) {
      EvaluationFailure failure = failures[i];
      all.add(
          failure == null
              ? answers.get(place[i])
              : new Answer.Failed(failure.sqlState(), failure.text()));
    }
    return all;
  }

  private static Row tuple(Row row, List<Evaluator> arguments, Schema parameters) {
    @Nullable Object[] values = new @Nullable Object[arguments.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = arguments.get(i).evaluate(row);
    }
    return parameters.pack(values);
  }
}
