package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.expr.Evaluator;
import org.jspecify.annotations.Nullable;

/// The rows around a row that a window function looks at: from a first place to behind a last one,
/// some left out.
///
/// Both ends move forward with the row, or stay, whatever the bounds are. So finding them for all
/// rows of a partition in turn takes one pass, and what a frame has in it is kept by adding the
/// rows that come in and taking away those that go.
public final class WindowFrame {
  private final Bound start;
  private final Bound end;
  private final Exclusion exclusion;

  /// Which rows are left out.
  public enum Exclusion {
    NONE,
    CURRENT_ROW,
    GROUP,
    TIES
  }

  /// One end of a frame.
  public sealed interface Bound {
    /// The partition's first or last row.
    record Unbounded() implements Bound {}

    /// The row itself, `by` places later.
    record Rows(long by) implements Bound {}

    /// The group of the row's peers, `by` groups later; 0 is CURRENT ROW where peers are alike.
    record Groups(long by) implements Bound {}

    /// The first or last row whose value is no further away than an offset.
    ///
    /// @param own what the row itself is asked for, for the offset to compare with
    record Range(Evaluator value, Evaluator own, RangeOffset offset) implements Bound {}
  }

  public WindowFrame(Bound start, Bound end, Exclusion exclusion) {
    this.start = start;
    this.end = end;
    this.exclusion = exclusion;
  }

  /// How far the frame of a row reaches, and so how far a change makes itself felt.
  WindowReach reach() {
    WindowReach reach = reach(start).and(reach(end));
    return exclusion == Exclusion.GROUP || exclusion == Exclusion.TIES
        ? reach.and(WindowReach.PEERS)
        : reach;
  }

  private static WindowReach reach(Bound bound) {
    return switch (bound) {
      case Bound.Rows(long by) when by <= 0 -> WindowReach.back(-by);
      case Bound.Rows(long by) -> WindowReach.ahead(by);
      case Bound.Groups(long by) when by == 0 -> WindowReach.PEERS;
      case Bound.Groups _, Bound.Range _, Bound.Unbounded _ -> WindowReach.WHOLE;
    };
  }

  /// Whether it begins with the partition and ends near the row.
  boolean isRunning() {
    return start instanceof Bound.Unbounded && !reach(end).whole();
  }

  /// As [#reach], where what is in front of a stretch is known.
  WindowReach reachOfEnd() {
    return exclusion == Exclusion.GROUP || exclusion == Exclusion.TIES
        ? reach(end).and(WindowReach.PEERS)
        : reach(end);
  }

  /// Whether rows of the frame may be left out of it.
  boolean excludes() {
    return exclusion != Exclusion.NONE;
  }

  /// The frames of a partition's rows, in turn.
  Walk walk(WindowPartition partition) {
    return new Walk(partition);
  }

  /// The frame of the row at hand: the places from `first` to before `end`, without those from
  /// `excludedFirst` to before `excludedEnd`, but `kept` among these.
  final class Walk {
    private final WindowPartition partition;
    private int first;
    private int end;
    private int excludedFirst;
    private int excludedEnd;
    private int kept = -1;

    private Walk(WindowPartition partition) {
      this.partition = partition;
    }

    /// Moves to a place that is not before the one at hand.
    void move(int place) {
      first = first(place);
      end = Math.max(first, end(place));
      int group = partition.group(place);
      switch (exclusion) {
        case NONE -> {}
        case CURRENT_ROW -> exclude(place, place + 1, -1);
        case GROUP -> exclude(partition.groupStart(group), partition.groupEnd(group), -1);
        case TIES -> exclude(partition.groupStart(group), partition.groupEnd(group), place);
      }
    }

    private void exclude(int from, int to, int butNot) {
      excludedFirst = Math.clamp(from, first, end);
      excludedEnd = Math.clamp(to, first, end);
      kept = butNot >= excludedFirst && butNot < excludedEnd ? butNot : -1;
    }

    private int first(int place) {
      return switch (start) {
        case Bound.Unbounded() -> 0;
        case Bound.Rows(long by) -> clamp(place, by);
        case Bound.Groups(long by) -> {
          int group = clampGroup(place, by);
          yield group == partition.groups() ? partition.size() : partition.groupStart(group);
        }
        case Bound.Range(Evaluator value, Evaluator ofRow, RangeOffset offset) -> {
          Object own = ofRow.evaluate(partition.row(place));
          int at = first;
          while (at < partition.size() && offset.isBefore(value.evaluate(partition.row(at)), own)) {
            at++;
          }
          yield at;
        }
      };
    }

    private int end(int place) {
      return switch (WindowFrame.this.end) {
        case Bound.Unbounded() -> partition.size();
        case Bound.Rows(long by) -> clamp(place + 1, by);
        case Bound.Groups(long by) -> {
          long group = saturated(partition.group(place), by);
          yield group < 0 ? 0 : partition.groupEnd((int) Math.min(group, partition.groups() - 1L));
        }
        case Bound.Range(Evaluator value, Evaluator ofRow, RangeOffset offset) -> {
          Object own = ofRow.evaluate(partition.row(place));
          int at = end;
          while (at < partition.size() && !offset.isAfter(value.evaluate(partition.row(at)), own)) {
            at++;
          }
          yield at;
        }
      };
    }

    private int clamp(int place, long by) {
      return (int) Math.clamp(saturated(place, by), 0L, partition.size());
    }

    private int clampGroup(int place, long by) {
      return (int) Math.clamp(saturated(partition.group(place), by), 0L, partition.groups());
    }

    int first() {
      return first;
    }

    int end() {
      return end;
    }

    int excludedFirst() {
      return excludes() ? excludedFirst : end;
    }

    int excludedEnd() {
      return excludes() ? excludedEnd : end;
    }

    /// A place within those left out that is not; −1 when there is none.
    int kept() {
      return kept;
    }

    /// The place of the n-th row of the frame from its beginning, counted from 0; −1 when there is
    /// none.
    int fromStart(long n) {
      int inFront = excludedFirst() - first;
      if (n < inFront) {
        return first + (int) n;
      }
      long rest = n - inFront;
      if (kept >= 0) {
        if (rest == 0) {
          return kept;
        }
        rest--;
      }
      return rest < end - excludedEnd() ? excludedEnd() + (int) rest : -1;
    }

    /// The place of the frame's last row; −1 when it has none.
    int last() {
      if (excludedEnd() < end) {
        return end - 1;
      }
      return kept >= 0 ? kept : excludedFirst() > first ? excludedFirst() - 1 : -1;
    }
  }

  private static long saturated(long place, long by) {
    long sum = place + by;
    return ((place ^ sum) & (by ^ sum)) < 0 ? (by < 0 ? Long.MIN_VALUE : Long.MAX_VALUE) : sum;
  }

  /// How far a value is from another one, in the order of the partition.
  public interface RangeOffset {
    /// Whether a row with a value comes before the frame of a row with another one.
    boolean isBefore(@Nullable Object value, @Nullable Object own);

    /// Whether a row with a value comes after the frame of a row with another one.
    boolean isAfter(@Nullable Object value, @Nullable Object own);
  }
}
