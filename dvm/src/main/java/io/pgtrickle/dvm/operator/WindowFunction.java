package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Row;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// One function of a [Window]: its values for all rows of a partition.
public abstract sealed class WindowFunction
    permits WindowFunction.Numbering,
        WindowFunction.Buckets,
        WindowFunction.Shifted,
        WindowFunction.FrameValue,
        WindowFunction.FrameTotal {
  WindowFunction() {}

  /// Puts a value per place into `results`: `null` for SQL NULL, an [EvaluationFailure] where
  /// PostgreSQL would raise an error.
  abstract void evaluate(WindowPartition partition, @Nullable Object[] results);

  /// An argument, or the error that is raised for it.
  static @Nullable Object value(Evaluator argument, Row row) {
    try {
      return argument.evaluate(row);
    } catch (EvaluationFailure failure) {
      return failure;
    }
  }

  /// Which number of a row is asked for.
  public enum Counted {
    ROW_NUMBER,
    RANK,
    DENSE_RANK,
    PERCENT_RANK,
    CUME_DIST
  }

  /// A number that follows from the row's place, its peers and the size of the partition.
  public static final class Numbering extends WindowFunction {
    private final Counted number;

    public Numbering(Counted number) {
      this.number = number;
    }

    @Override
    void evaluate(WindowPartition partition, @Nullable Object[] results) {
      int size = partition.size();
      for (int place = 0; place < size; place++) {
        int group = partition.group(place);
        int start = partition.groupStart(group);
        // Not one conditional expression: that would make all of them doubles.
        switch (number) {
          case ROW_NUMBER -> results[place] = place + 1L;
          case RANK -> results[place] = start + 1L;
          case DENSE_RANK -> results[place] = group + 1L;
          case PERCENT_RANK -> results[place] = size <= 1 ? 0.0 : (double) start / (size - 1);
          case CUME_DIST -> results[place] = (double) partition.groupEnd(group) / size;
        }
      }
    }
  }

  /// `ntile`: the partition in as equal parts as possible, the larger ones first.
  ///
  /// The number of parts is asked of the first row for which it is not NULL, as PostgreSQL does.
  public static final class Buckets extends WindowFunction {
    private final Evaluator count;

    public Buckets(Evaluator count) {
      this.count = count;
    }

    @Override
    void evaluate(WindowPartition partition, @Nullable Object[] results) {
      int size = partition.size();
      int first = 0;
      while (first < size) {
        Object buckets = value(count, partition.row(first));
        if (buckets instanceof Long number && number > 0) {
          number(partition, first, number, results);
          return;
        }
        results[first++] =
            buckets instanceof Long
                ? new EvaluationFailure("22014", "argument of ntile must be greater than zero")
                : buckets;
      }
    }

    private static void number(
        WindowPartition partition, int first, long buckets, @Nullable Object[] results) {
      int size = partition.size();
      long small = size / buckets;
      long larger = size % buckets;
      long bucket = 1;
      long boundary = small == 0 ? 1 : small + (larger == 0 ? 0 : 1);
      long remaining = small == 0 ? 0 : larger;
      long inBucket = 0;
      for (int place = first; place < size; place++) {
        if (++inBucket > boundary) {
          if (remaining != 0 && bucket == remaining) {
            remaining = 0;
            boundary--;
          }
          bucket++;
          inBucket = 1;
        }
        results[place] = bucket;
      }
    }
  }

  /// `lag` and `lead`: the value of the row some places away.
  public static final class Shifted extends WindowFunction {
    private final Evaluator value;
    private final @Nullable Evaluator distance;
    private final @Nullable Evaluator otherwise;
    private final boolean forward;

    /// @param distance one place when `null`
    /// @param otherwise the value where there is no such row
    public Shifted(
        Evaluator value,
        @Nullable Evaluator distance,
        @Nullable Evaluator otherwise,
        boolean forward) {
      this.value = value;
      this.distance = distance;
      this.otherwise = otherwise;
      this.forward = forward;
    }

    @Override
    void evaluate(WindowPartition partition, @Nullable Object[] results) {
      for (int place = 0; place < partition.size(); place++) {
        Row row = partition.row(place);
        Object by = distance == null ? (Object) 1L : value(distance, row);
        if (by instanceof Long places) {
          long target = forward ? place + places : place - places;
          if (target >= 0 && target < partition.size()) {
            results[place] = value(value, partition.row((int) target));
          } else {
            results[place] = otherwise == null ? null : value(otherwise, row);
          }
        } else {
          results[place] = by;
        }
      }
    }
  }

  /// Which row of a frame has the value.
  public enum Which {
    FIRST,
    LAST,
    NTH
  }

  /// `first_value`, `last_value` and `nth_value`.
  public static final class FrameValue extends WindowFunction {
    private final Which which;
    private final Evaluator value;
    private final @Nullable Evaluator n;
    private final WindowFrame frame;

    public FrameValue(Which which, Evaluator value, @Nullable Evaluator n, WindowFrame frame) {
      this.which = which;
      this.value = value;
      this.n = n;
      this.frame = frame;
    }

    @Override
    void evaluate(WindowPartition partition, @Nullable Object[] results) {
      WindowFrame.Walk walk = frame.walk(partition);
      for (int place = 0; place < partition.size(); place++) {
        walk.move(place);
        switch (which) {
          case FIRST -> results[place] = at(walk.fromStart(0), partition);
          case LAST -> results[place] = at(walk.last(), partition);
          case NTH -> results[place] = nth(walk, partition, place);
        }
      }
    }

    private @Nullable Object at(int place, WindowPartition partition) {
      return place < 0 ? null : value(value, partition.row(place));
    }

    private @Nullable Object nth(WindowFrame.Walk walk, WindowPartition partition, int place) {
      Object wanted = n == null ? null : value(n, partition.row(place));
      if (!(wanted instanceof Long number)) {
        return wanted;
      }
      return number <= 0
          ? new EvaluationFailure("22016", "argument of nth_value must be greater than zero")
          : at(walk.fromStart(number - 1), partition);
    }
  }

  /// An aggregate of the rows of a frame.
  ///
  /// Rows that come into the frame are added, rows that leave it are taken away; what is left out
  /// of it is taken away for the time of the one result, or of those of all peers where it is the
  /// same. An argument that fails is an error of every row that has it in its frame.
  public static final class FrameTotal extends WindowFunction {
    private final Accumulator function;
    private final WindowFrame frame;
    private final TreeSet<Integer> failing = new TreeSet<>();
    private int first;
    private int end;

    public FrameTotal(Accumulator function, WindowFrame frame) {
      this.function = function;
      this.frame = frame;
    }

    @Override
    void evaluate(WindowPartition partition, @Nullable Object[] results) {
      function.load(null);
      failing.clear();
      first = 0;
      end = 0;
      WindowFrame.Walk walk = frame.walk(partition);
      boolean current = false;
      Object result = null;
      for (int place = 0; place < partition.size(); place++) {
        walk.move(place);
        boolean same = current && !frame.excludes() && first == walk.first() && end == walk.end();
        if (!same) {
          slide(partition, walk);
          result = result(partition, walk);
          current = true;
        }
        results[place] = result;
      }
    }

    // Rows that come and go without having been looked at are never added.
    private void slide(WindowPartition partition, WindowFrame.Walk walk) {
      if (walk.first() >= end) {
        function.load(null);
        failing.clear();
        first = walk.first();
        end = first;
      }
      while (end < walk.end()) {
        add(partition, end++, 1);
      }
      while (first < walk.first()) {
        add(partition, first++, -1);
      }
    }

    private void add(WindowPartition partition, int place, int weight) {
      if (weight < 0 && failing.remove(place)) {
        return;
      }
      try {
        function.add(partition.row(place), weight);
      } catch (EvaluationFailure failure) {
        failing.add(place);
      }
    }

    private @Nullable Object result(WindowPartition partition, WindowFrame.Walk walk) {
      int from = walk.excludedFirst();
      int to = walk.excludedEnd();
      for (int place = from; place < to; place++) {
        if (place != walk.kept()) {
          add(partition, place, -1);
        }
      }
      Object result = result(partition);
      for (int place = from; place < to; place++) {
        if (place != walk.kept()) {
          add(partition, place, 1);
        }
      }
      return result;
    }

    private @Nullable Object result(WindowPartition partition) {
      try {
        if (!failing.isEmpty()) {
          function.add(partition.row(failing.first()), 1);
          throw new IllegalStateException("an argument failed once and not again");
        }
        return function.result();
      } catch (EvaluationFailure failure) {
        return failure;
      }
    }
  }
}
