package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.expr.PlainTexts;
import io.pgtrickle.dvm.kernel.RowAssembler;
import io.pgtrickle.dvm.operator.Output;
import io.pgtrickle.dvm.server.Answer;
import io.pgtrickle.dvm.server.Inquiry;
import io.pgtrickle.dvm.server.Server;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Rows with what the server answers about them, asked once per inquiry and step for the distinct
/// arguments:
///
///     Δ(ask(A)) = ask(ΔA)
///
/// Of texts that are read as dates and times only those are asked about that are not plain. It
/// keeps nothing. A retracted row is asked about like an inserted one, and answers last.
final class AskNode extends Node {
  private final Server server;
  private final List<Round> rounds;

  /// One inquiry, over the rows that the rounds before have widened.
  ///
  /// @param plain answers for plain texts; `null` where every tuple is asked about
  /// @param widened copies a row and takes the value and the failure as computed columns 0 and 1
  record Round(
      Inquiry inquiry,
      List<Evaluator> arguments,
      @Nullable PlainTexts plain,
      RowAssembler widened) {
    static Round of(
        Inquiry inquiry,
        List<Evaluator> arguments,
        @Nullable PlainTexts plain,
        Schema before,
        Schema after) {
      List<RowAssembler.Source> columns = new ArrayList<>();
      for (int i = 0; i < before.size(); i++) {
        columns.add(new RowAssembler.Copied(0, i));
      }
      columns.add(new RowAssembler.Computed(0));
      columns.add(new RowAssembler.Computed(1));
      return new Round(
          inquiry, arguments, plain, new RowAssembler(after, List.of(before), columns));
    }
  }

  AskNode(Object key, Schema schema, Node input, Server server, List<Round> rounds) {
    super(key, schema, List.of(input));
    this.server = server;
    this.rounds = List.copyOf(rounds);
  }

  @Override
  String label() {
    return isMixed() ? "Ask server about texts that are not plain" : "Ask server";
  }

  @Override
  String tier() {
    return isMixed() ? "mixed" : "server";
  }

  private boolean isMixed() {
    return rounds.stream().allMatch(round -> round.plain() != null);
  }

  @Override
  void run(Output out) {
    ZSet delta = input(0).output();
    Row[] rows = new Row[delta.size()];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = delta.row(i);
    }
    for (Round round : rounds) {
      widen(rows, round);
    }
    for (int i = 0; i < rows.length; i++) {
      out.add(rows[i], delta.weight(i));
    }
  }

  private void widen(Row[] rows, Round round) {
    Schema parameters = round.inquiry().arguments();
    Map<Row, Integer> places = new LinkedHashMap<>();
    int[] place = new int[rows.length];
    @Nullable EvaluationFailure[] failures = new @Nullable EvaluationFailure[rows.length];
    for (int i = 0; i < rows.length; i++) {
      try {
        Row tuple = tuple(rows[i], round.arguments(), parameters);
        place[i] = places.computeIfAbsent(tuple, _ -> places.size());
      } catch (EvaluationFailure failure) {
        failures[i] = failure;
      }
    }
    List<Row> tuples = List.copyOf(places.keySet());
    List<Answer> answers = answers(tuples, round);
    for (int i = 0; i < rows.length; i++) {
      EvaluationFailure failure = failures[i];
      Answer answer =
          failure == null
              ? answers.get(place[i])
              : new Answer.Failed(failure.sqlState(), failure.text());
      rows[i] = widened(rows[i], answer, round);
    }
  }

  /// A row with the answers, as far as they are known without asking; empty where one is not.
  Optional<Row> recall(Row row) {
    Row widened = row;
    for (Round round : rounds) {
      Optional<Answer> answer = recall(widened, round);
      if (answer.isEmpty()) {
        return Optional.empty();
      }
      widened = widened(widened, answer.get(), round);
    }
    return Optional.of(widened);
  }

  private Optional<Answer> recall(Row row, Round round) {
    Inquiry inquiry = round.inquiry();
    try {
      Row tuple = tuple(row, round.arguments(), inquiry.arguments());
      PlainTexts plain = round.plain();
      Optional<Answer> known = plain == null ? Optional.empty() : known(tuple, plain, inquiry);
      return known.isPresent() ? known : server.recall(inquiry, tuple);
    } catch (EvaluationFailure failure) {
      return Optional.of(new Answer.Failed(failure.sqlState(), failure.text()));
    }
  }

  private List<Answer> answers(List<Row> tuples, Round round) {
    PlainTexts plain = round.plain();
    if (plain == null) {
      return ask(tuples, round.inquiry());
    }
    List<Optional<Answer>> known =
        tuples.stream().map(tuple -> known(tuple, plain, round.inquiry())).toList();
    List<Row> others = new ArrayList<>();
    for (int i = 0; i < known.size(); i++) {
      if (known.get(i).isEmpty()) {
        others.add(tuples.get(i));
      }
    }
    Iterator<Answer> asked = ask(others, round.inquiry()).iterator();
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

  private List<Answer> ask(List<Row> tuples, Inquiry inquiry) {
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

  private static Row widened(Row row, Answer answer, Round round) {
    RowAssembler assembler = round.widened();
    switch (answer) {
      case Answer.Rows(List<Row> values) -> {
        if (values.size() != 1) {
          throw new IllegalStateException(values.size() + " values: " + round.inquiry().sql());
        }
        assembler.set(0, round.inquiry().answer().value(values.getFirst(), 0));
        assembler.set(1, null);
      }
      case Answer.Failed failed -> {
        assembler.set(0, null);
        assembler.set(1, Answer.Failed.write(failed.failure()));
      }
    }
    return assembler.assemble(row);
  }
}
