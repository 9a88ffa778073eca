package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.expr.PlainTexts;
import io.pgtrickle.dvm.kernel.RowAssembler;
import io.pgtrickle.dvm.operator.Output;
import io.pgtrickle.dvm.server.Answer;
import io.pgtrickle.dvm.server.Inquiry;
import io.pgtrickle.dvm.server.Server;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.ArrayList;
import java.util.List;
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
    List<Answer> answers =
        Answers.to(round.inquiry(), round.arguments(), round.plain(), List.of(rows), server);
    for (int i = 0; i < rows.length; i++) {
      rows[i] = widened(rows[i], answers.get(i), round);
    }
  }

  /// A row with the answers, as far as they are known without asking; empty where one is not.
  Optional<Row> recall(Row row) {
    Row widened = row;
    for (Round round : rounds) {
      Optional<Answer> answer =
          Answers.recall(round.inquiry(), round.arguments(), round.plain(), widened, server);
      if (answer.isEmpty()) {
        return Optional.empty();
      }
      widened = widened(widened, answer.get(), round);
    }
    return Optional.of(widened);
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
