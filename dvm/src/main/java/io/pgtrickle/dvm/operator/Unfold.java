package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.expr.RowPredicate;
import io.pgtrickle.dvm.kernel.RowAssembler;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Joins each row with the rows that functions return for it.
///
///     Δ(A ⋈ f(a)) = ΔA ⋈ f(a)
///
/// It keeps nothing: functions return the same for a row that goes as they did when it came. Since
/// all partners of a row are at hand at once, so is the answer whether it has any.
public final class Unfold implements Stage {
  /// What the functions return for one row.
  public interface Rows {
    int size();

    /// The value of a column, counted from the first one that the functions add.
    @Nullable Object value(int row, int column);
  }

  /// The functions, where they are evaluated row by row.
  @FunctionalInterface
  public interface Functions {
    /// What they return for a row.
    ///
    /// @throws EvaluationFailure where PostgreSQL would raise an error
    Rows rows(Row row);
  }

  private final Functions functions;
  private final int added;
  private final boolean kept;
  private final @Nullable RowPredicate condition;
  private final RowAssembler assembler;

  /// @param kept whether a row without partners stays, with NULLs
  /// @param condition which rows of the output are partners; null when all are
  public Unfold(
      Functions functions,
      Schema input,
      Schema output,
      boolean kept,
      @Nullable RowPredicate condition) {
    this.functions = functions;
    this.added = output.size() - input.size();
    this.kept = kept;
    this.condition = condition;
    List<RowAssembler.Source> columns = new ArrayList<>();
    for (int i = 0; i < output.size(); i++) {
      columns.add(
          i < input.size()
              ? new RowAssembler.Copied(0, i)
              : new RowAssembler.Computed(i - input.size()));
    }
    assembler = new RowAssembler(output, List.of(input), columns);
  }

  @Override
  public void apply(Row row, long weight, Output out) {
    Rows rows;
    try {
      rows = functions.rows(row);
    } catch (EvaluationFailure failure) {
      out.fail(failure, weight);
      return;
    }
    apply(row, rows, weight, out);
  }

  /// The same, with the functions' rows known already.
  public void apply(Row row, Rows rows, long weight, Output out) {
    boolean alone = true;
    for (int i = 0; i < rows.size(); i++) {
      for (int column = 0; column < added; column++) {
        assembler.set(column, rows.value(i, column));
      }
      Row pair = assembler.assemble(row);
      try {
        if (condition == null || condition.test(pair)) {
          out.add(pair, weight);
          alone = false;
        }
      } catch (EvaluationFailure failure) {
        out.fail(failure, weight);
        return;
      }
    }
    if (kept && alone) {
      for (int column = 0; column < added; column++) {
        assembler.set(column, null);
      }
      out.add(assembler.assemble(row), weight);
    }
  }
}
