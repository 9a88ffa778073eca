package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.operator.WindowFunction.FrameTotal;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The totals of a partition for the running totals of a [Window], as its private value.
///
///     front(stretch) = total(partition) − Σ stretch
///
/// for a stretch that goes to the partition's end. A row whose argument fails has no part in a
/// total; while there are such rows, nothing is told from totals.
final class RunningTotals {
  private static final int FAILING = 0;

  private final List<FrameTotal> running;
  private final Schema schema;
  private @Nullable Object[] old;
  private boolean usable;

  RunningTotals(List<WindowFunction> functions) {
    running = new ArrayList<>();
    List<Column> columns = new ArrayList<>(List.of(new Column("failing", SqlType.INT8)));
    for (WindowFunction function : functions) {
      if (function instanceof FrameTotal total && total.isRunning()) {
        running.add(total);
        columns.add(new Column("total", total.function().stateType()));
      }
    }
    schema = new Schema(columns);
    old = new @Nullable Object[schema.size()];
  }

  boolean isEmpty() {
    return running.isEmpty();
  }

  /// Takes up the totals of a partition and adds the epoch's changes to them.
  ///
  /// @param empty whether the partition has no rows any more
  /// @return whether nothing can be told from them
  boolean advance(KeyGroup group, Sequence delta, boolean empty) {
    Optional<Row> value = group.value();
    old = value.isEmpty() ? new @Nullable Object[schema.size()] : schema.values(value.get());
    @Nullable Object[] next = old.clone();
    long failing = failing(old);
    for (int i = 0; i < running.size(); i++) {
      Accumulator function = running.get(i).function();
      function.load(old[i + 1]);
      for (Sequence.Cursor cursor = delta.from(Place.START); cursor.next(); ) {
        try {
          function.add(cursor.row(), cursor.weight());
        } catch (EvaluationFailure failure) {
          failing = Math.addExact(failing, cursor.weight());
        }
      }
      next[i + 1] = function.state();
    }
    next[FAILING] = failing;
    group.replace(empty ? Optional.empty() : Optional.of(schema.pack(next)));
    usable = failing(old) == 0 && failing == 0;
    return !usable;
  }

  private static long failing(@Nullable Object[] values) {
    return values[FAILING] instanceof Long failing ? failing : 0;
  }

  /// Says to the functions what is in front of a stretch of the partition as it was, and is still.
  void startFrom(WindowPartition stretch) {
    for (int i = 0; i < running.size(); i++) {
      if (usable && stretch.before() > 0) {
        Accumulator function = running.get(i).function();
        function.load(old[i + 1]);
        for (int place = 0; place < stretch.size(); place++) {
          function.add(stretch.row(place), -1);
        }
        running.get(i).startFrom(function.state());
      } else {
        running.get(i).startFrom(null);
      }
    }
  }
}
