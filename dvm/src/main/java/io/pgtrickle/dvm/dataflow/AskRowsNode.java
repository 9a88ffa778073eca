package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.operator.Output;
import io.pgtrickle.dvm.operator.Unfold;
import io.pgtrickle.dvm.server.Answer;
import io.pgtrickle.dvm.server.Inquiry;
import io.pgtrickle.dvm.server.Server;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Rows with those that functions return for them, which the server evaluates: asked once per step
/// for the distinct arguments.
///
///     Δ(A ⋈ ask(a)) = ΔA ⋈ ask(a)
///
/// It keeps nothing. A retracted row is asked about like an inserted one, and had the same
/// partners.
final class AskRowsNode extends Node {
  private final Server server;
  private final Inquiry inquiry;
  private final List<Evaluator> arguments;
  private final Unfold unfold;

  AskRowsNode(
      Object key,
      Schema schema,
      Node input,
      Server server,
      Inquiry inquiry,
      List<Evaluator> arguments,
      Unfold unfold) {
    super(key, schema, List.of(input));
    this.server = server;
    this.inquiry = inquiry;
    this.arguments = List.copyOf(arguments);
    this.unfold = unfold;
  }

  @Override
  String label() {
    return "Ask server for rows";
  }

  @Override
  void run(Output out) {
    ZSet delta = input(0).output();
    List<Row> rows = new ArrayList<>(delta.size());
    for (int i = 0; i < delta.size(); i++) {
      rows.add(delta.row(i));
    }
    List<Answer> answers = Answers.to(inquiry, arguments, null, rows, server);
    for (int i = 0; i < delta.size(); i++) {
      long weight = delta.weight(i);
      switch (answers.get(i)) {
        case Answer.Rows(List<Row> partners) ->
            unfold.apply(rows.get(i), new Partners(partners, inquiry.answer()), weight, out);
        case Answer.Failed failed -> out.fail(failed.failure(), weight);
      }
    }
  }

  private record Partners(List<Row> rows, Schema schema) implements Unfold.Rows {
    @Override
    public int size() {
      return rows.size();
    }

    @Override
    public @Nullable Object value(int row, int column) {
      return schema.value(rows.get(row), column);
    }
  }
}
