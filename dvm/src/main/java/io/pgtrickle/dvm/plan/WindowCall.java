package io.pgtrickle.dvm.plan;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.type.SqlType;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// One window function of a [Plan.Window].
public sealed interface WindowCall {
  /// The result type as the server resolved it.
  SqlType type();

  /// The rows around a row that are looked at; functions of the place in the partition look at no
  /// frame, and keep it only because the query says it.
  Frame frame();

  /// A function of the row's place among the others, or of the value that another row has.
  ///
  /// @param arguments over the input row
  record Placed(Kind kind, Signature function, List<Expr> arguments, SqlType type, Frame frame)
      implements WindowCall {
    public Placed {
      arguments = List.copyOf(arguments);
    }
  }

  /// An aggregate of the frame's rows.
  record Aggregated(AggregateCall call, Frame frame) implements WindowCall {
    @Override
    public SqlType type() {
      return call.type();
    }
  }

  /// What a function that is no aggregate computes.
  enum Kind {
    ROW_NUMBER,
    RANK,
    DENSE_RANK,
    PERCENT_RANK,
    CUME_DIST,
    NTILE,
    LAG,
    LEAD,
    FIRST_VALUE,
    LAST_VALUE,
    NTH_VALUE
  }

  /// The expressions over the input row.
  default List<Expr> expressions() {
    return switch (this) {
      case Placed placed -> placed.arguments();
      case Aggregated(AggregateCall call, Frame _) ->
          Stream.concat(call.arguments().stream(), Stream.ofNullable(call.filter())).toList();
    };
  }

  /// The same call over changed expressions.
  default WindowCall map(UnaryOperator<Expr> change) {
    return switch (this) {
      case Placed(Kind kind, Signature function, var arguments, SqlType type, Frame frame) ->
          new Placed(kind, function, arguments.stream().map(change).toList(), type, frame);
      case Aggregated(AggregateCall call, Frame frame) -> {
        @Nullable Expr filter = call.filter();
        yield new Aggregated(
            new AggregateCall(
                call.kind(),
                call.function(),
                call.arguments().stream().map(change).toList(),
                call.distinct(),
                filter == null ? null : change.apply(filter),
                call.type()),
            frame);
      }
    };
  }

  /// Which rows of its partition a row looks at.
  record Frame(Mode mode, Bound start, Bound end, Exclusion exclusion) {
    /// From the partition's first row to the last peer of the row.
    public static final Frame DEFAULT =
        new Frame(
            Mode.RANGE, new Bound.UnboundedPreceding(), new Bound.CurrentRow(), Exclusion.NONE);

    /// The constants that bounds are told by.
    public List<Expr> offsets() {
      List<Expr> offsets = new ArrayList<>();
      for (Bound bound : List.of(start, end)) {
        switch (bound) {
          case Bound.Preceding(Expr offset) -> offsets.add(offset);
          case Bound.Following(Expr offset) -> offsets.add(offset);
          case Bound.UnboundedPreceding _, Bound.UnboundedFollowing _, Bound.CurrentRow _ -> {}
        }
      }
      return offsets;
    }

    /// The bounds that are told by the arithmetic of dates, times or intervals.
    public List<RangeEdge> edges(List<Plan.SortKey> order) {
      List<RangeEdge> edges = new ArrayList<>();
      if (mode == Mode.RANGE) {
        for (Bound bound : List.of(start, end)) {
          switch (bound) {
            case Bound.Preceding(Expr offset) ->
                RangeEdge.of(order.getFirst(), offset, true).ifPresent(edges::add);
            case Bound.Following(Expr offset) ->
                RangeEdge.of(order.getFirst(), offset, false).ifPresent(edges::add);
            case Bound.UnboundedPreceding _, Bound.UnboundedFollowing _, Bound.CurrentRow _ -> {}
          }
        }
      }
      return edges;
    }

    /// Whether it ends where the row, or its last peer, is.
    public boolean endsAtCurrentRow() {
      return Objects.equals(end, new Bound.CurrentRow());
    }
  }

  /// What the offsets of a frame count.
  enum Mode {
    ROWS,
    /// The distance of values.
    RANGE,
    /// Rows that are peers count as one.
    GROUPS
  }

  /// Where a frame begins or ends.
  sealed interface Bound {
    record UnboundedPreceding() implements Bound {}

    record Preceding(Expr offset) implements Bound {}

    /// In other modes than ROWS, the first or last peer of the row.
    record CurrentRow() implements Bound {}

    record Following(Expr offset) implements Bound {}

    record UnboundedFollowing() implements Bound {}
  }

  /// Which rows are left out of a frame.
  enum Exclusion {
    NONE,
    CURRENT_ROW,
    /// The row and its peers.
    GROUP,
    /// The peers, but not the row itself.
    TIES
  }
}
