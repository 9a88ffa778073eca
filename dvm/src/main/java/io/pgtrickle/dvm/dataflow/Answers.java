package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.expr.PlainTexts;
import io.pgtrickle.dvm.server.Answer;
import io.pgtrickle.dvm.server.Inquiry;
import io.pgtrickle.dvm.server.Server;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Asks the server about rows: once for each distinct tuple of arguments, and not at all about a
/// text
/// that is plain.
final class Answers {
  private Answers() {}

  /// The answers about some rows, in their order. A failure of an argument is the failure of the
  /// answer.
  ///
  /// @param plain answers for plain texts; `null` where every tuple is asked about
  static List<Answer> to(
      Inquiry inquiry,
      List<Evaluator> arguments,
      @Nullable PlainTexts plain,
      List<Row> rows,
      Server server) {
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
    List<Answer> answers = answers(inquiry, plain, tuples, server);
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

  /// The answer about a row, if it is known without asking.
  static Optional<Answer> recall(
      Inquiry inquiry,
      List<Evaluator> arguments,
      @Nullable PlainTexts plain,
      Row row,
      Server server) {
    try {
      Row tuple = tuple(row, arguments, inquiry.arguments());
      Optional<Answer> known = plain == null ? Optional.empty() : known(tuple, plain, inquiry);
      return known.isPresent() ? known : server.recall(inquiry, tuple);
    } catch (EvaluationFailure failure) {
      return Optional.of(new Answer.Failed(failure.sqlState(), failure.text()));
    }
  }

  private static List<Answer> answers(
      Inquiry inquiry, @Nullable PlainTexts plain, List<Row> tuples, Server server) {
    if (plain == null) {
      return ask(inquiry, tuples, server);
    }
    List<Optional<Answer>> known =
        tuples.stream().map(tuple -> known(tuple, plain, inquiry)).toList();
    List<Row> others = new ArrayList<>();
    for (int i = 0; i < known.size(); i++) {
      if (known.get(i).isEmpty()) {
        others.add(tuples.get(i));
      }
    }
    Iterator<Answer> asked = ask(inquiry, others, server).iterator();
    return known.stream().map(answer -> answer.orElseGet(asked::next)).toList();
  }

  private static Optional<Answer> known(Row tuple, PlainTexts plain, Inquiry inquiry) {
    Object text = inquiry.arguments().value(tuple, 0);
    if (text == null) {
      return Optional.of(value(null, inquiry));
    }
    try {
      return plain.read(text).map(value -> value(value, inquiry));
    } catch (EvaluationFailure failure) {
      return Optional.of(new Answer.Failed(failure.sqlState(), failure.text()));
    }
  }

  private static Answer value(@Nullable Object value, Inquiry inquiry) {
    return new Answer.Rows(List.of(inquiry.answer().pack(value)));
  }

  private static List<Answer> ask(Inquiry inquiry, List<Row> tuples, Server server) {
    List<Answer> answers = tuples.isEmpty() ? List.of() : server.ask(inquiry, tuples);
    if (answers.size() != tuples.size()) {
      throw new IllegalStateException(
          answers.size() + " answers to " + tuples.size() + " tuples: " + inquiry.sql());
    }
    return answers;
  }

  private static Row tuple(Row row, List<Evaluator> arguments, Schema parameters) {
    @Nullable Object[] values = new @Nullable Object[arguments.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = arguments.get(i).evaluate(row);
    }
    return parameters.pack(values);
  }
}
