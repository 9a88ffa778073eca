package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Maintains aggregates per group; the key is the group.
///
///     out(s)    = {groups(s) ++ results(s) : 1}, empty when the group has no rows
///     Δγ(A)[k]  = out(s + state(ΔA[k])) − out(s),   s the private value of the group
///
/// The private value is one row: the number of rows, the group's displayed values, and the state of
/// each [Accumulator]. The states are exact, so the old output is a function of the old value and
/// no trace of the output is needed.
///
/// A group whose result has no value (a sum out of range) is an error instead of a row, and heals
/// when the result does. An argument that fails for one row is an error of that row, and the row
/// counts for `count(*)` only. With no group columns there is always exactly one output row: the
/// value of the empty key is made at the first visit, which the host owes us before any input, and
/// never removed.
///
/// Input 0 is the rows; further inputs are the distinct arguments of functions that ask for
/// DISTINCT. Rows of one group may show it differently (1.0 and 1.00): then a multiset has the
/// displayed group values, and the least by bytes of those present is shown.
public final class Aggregate implements KeyedOperator {
  private static final int ROWS = 0;

  private final Schema output;
  private final Schema groups;
  private final Project groupValues;
  private final int representatives;
  private final List<Accumulator> functions;
  private final int inputs;
  private final Schema state;
  private long rows;
  private @Nullable Row sample;

  /// @param groups the group columns
  /// @param groupValues the group columns of an input row
  /// @param representatives the multiset of displayed group values, −1 when equal groups look alike
  /// @param output group columns and results
  public Aggregate(
      Schema groups,
      Project groupValues,
      int representatives,
      List<Accumulator> functions,
      Schema output) {
    this.output = output;
    this.groups = groups;
    this.groupValues = groupValues;
    this.representatives = representatives;
    this.functions = List.copyOf(functions);
    inputs = 1 + functions.stream().mapToInt(Accumulator::input).max().orElse(0);
    List<Column> columns = new ArrayList<>();
    columns.add(new Column("rows", SqlType.INT8));
    columns.addAll(groups.columns());
    for (Accumulator function : functions) {
      columns.add(new Column("state", function.stateType()));
    }
    state = new Schema(columns);
  }

  @Override
  public void step(KeyGroup group, Output out) {
    Optional<Row> old = group.value();
    @Nullable Object[] values =
        old.isEmpty() ? new @Nullable Object[state.size()] : state.values(old.get());
    load(values);
    Outcome before = old.isEmpty() ? Outcome.NONE : outcome(values);

    add(group, out);
    if (rows < 0) {
      throw new StateDamaged(
          "a group has "
              + rows
              + " rows; the changes received do not belong to the contents the state was built"
              + " from",
          null);
    }
    if (rows == 0 && groups.size() > 0) {
      group.replace(Optional.empty());
      before.emit(-1, out);
      return;
    }
    @Nullable Object[] next = new @Nullable Object[state.size()];
    next[ROWS] = rows;
    showGroup(group, values, next);
    for (int i = 0; i < functions.size(); i++) {
      functions.get(i).observe(group);
      next[1 + groups.size() + i] = functions.get(i).state();
    }
    group.replace(Optional.of(state.pack(next)));
    Outcome after = outcome(next);
    if (!before.equals(after)) {
      before.emit(-1, out);
      after.emit(1, out);
    }
  }

  private void load(@Nullable Object[] values) {
    Object count = values[ROWS];
    rows = count == null ? 0 : (Long) count;
    for (int i = 0; i < functions.size(); i++) {
      functions.get(i).load(values[1 + groups.size() + i]);
    }
  }

  private void add(KeyGroup group, Output out) {
    sample = null;
    for (int input = 0; input < inputs; input++) {
      int from = input;
      group.delta(
          input,
          (row, weight) -> {
            if (from == ROWS) {
              rows = Math.addExact(rows, weight);
              sample = row;
            }
            for (Accumulator function : functions) {
              if (function.input() == from) {
                try {
                  function.add(row, weight);
                } catch (EvaluationFailure failure) {
                  out.fail(failure, weight);
                }
              }
            }
          });
    }
  }

  private void showGroup(KeyGroup group, @Nullable Object[] old, @Nullable Object[] next) {
    if (groups.size() == 0) {
      return;
    }
    Row shown = null;
    if (representatives >= 0) {
      shown = group.least(representatives).orElse(null);
    } else if (old[ROWS] == null && sample != null) {
      shown = groupValues.project(sample);
    }
    for (int i = 0; i < groups.size(); i++) {
      next[1 + i] = shown == null ? old[1 + i] : groups.value(shown, i);
    }
  }

  /// The output row of a group's private value; empty when it has none.
  public Optional<Row> output(Row value) {
    @Nullable Object[] values = state.values(value);
    load(values);
    return Optional.ofNullable(outcome(values).row());
  }

  // Reads the functions' present state and the group's values.
  private Outcome outcome(@Nullable Object[] values) {
    @Nullable Object[] result = new @Nullable Object[output.size()];
    System.arraycopy(values, 1, result, 0, groups.size());
    try {
      for (int i = 0; i < functions.size(); i++) {
        result[groups.size() + i] = functions.get(i).result();
      }
    } catch (EvaluationFailure failure) {
      return new Outcome(null, failure.sqlState(), failure.text());
    }
    return new Outcome(output.pack(result), "", "");
  }

  // A group's contribution: a row, an error, or nothing.
  private record Outcome(@Nullable Row row, String sqlState, String message) {
    static final Outcome NONE = new Outcome(null, "", "");

    void emit(long weight, Output out) {
      if (row != null) {
        out.add(row, weight);
      } else if (!sqlState.isEmpty()) {
        out.fail(new EvaluationFailure(sqlState, message), weight);
      }
    }
  }
}
