package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.kernel.RowAssembler;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;

/// Computes one output row per input row.
///
///     Δ(π_f A) = f(ΔA), weights of rows that become equal add up
///
/// A column that is only passed on is copied as bytes. The first expression that fails, in column
/// order, is the row's error.
public final class Project implements Stage {
  /// Where an output column comes from.
  public sealed interface Source {}

  /// Column `index` of the input, of the same kind of type.
  public record Passed(int index) implements Source {}

  /// The value of an expression.
  public record Computed(Evaluator evaluator) implements Source {}

  private final Evaluator[] evaluators;
  private final RowAssembler assembler;

  public Project(Schema input, Schema output, List<Source> sources) {
    List<Evaluator> computed = new ArrayList<>();
    List<RowAssembler.Source> columns = new ArrayList<>();
    for (Source source : sources) {
      columns.add(
          switch (source) {
            case Passed(int index) -> new RowAssembler.Copied(0, index);
            case Computed(Evaluator evaluator) -> {
              computed.add(evaluator);
              yield new RowAssembler.Computed(computed.size() - 1);
            }
          });
    }
    evaluators = computed.toArray(new Evaluator[0]);
    assembler = new RowAssembler(output, List.of(input), columns);
  }

  @Override
  public void apply(Row row, long weight, Output out) {
    Row result;
    try {
      result = project(row);
    } catch (EvaluationFailure failure) {
      out.fail(failure, weight);
      return;
    }
    out.add(result, weight);
  }

  /// The output row of one input row.
  ///
  /// @throws EvaluationFailure where PostgreSQL would raise an error
  public Row project(Row row) {
    for (int i = 0; i < evaluators.length; i++) {
      assembler.set(i, evaluators[i].evaluate(row));
    }
    return assembler.assemble(row);
  }
}
