package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.kernel.RowAssembler;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Maintains window functions over one partitioning and order; the key of a row is its partition.
///
///     Δ W(A)[k] = W(A[k] + ΔA[k]) − W(A[k])
///
/// A multiset has the rows of a partition in order, rows that tie in an order of their own, so that
/// the results depend on the rows that are there and not on their history. A row of weight n takes
/// n places, each with results of its own.
///
/// Of a partition that changes a stretch is computed as it was and as it is, and what differs goes
/// out. It begins with the first row that changes and ends with the last one; both with their peers
/// where these count, and further by as many places as the functions look ahead and back. It goes
/// on
///
/// - to the end of the partition if the functions count rows and the number of them has changed, or
///   if there are running totals: what is in front of the stretch is then the total of the
///   partition, which is the private value, without the rows of the stretch;
/// - over the whole partition if a function depends on all of it: `dense_rank`, `percent_rank`,
///   `cume_dist`, `ntile`; running `min` and `max`; frames that are unbounded at the far side, or
///   whose offsets count groups or values; and while an argument of a running total fails.
///
/// So the work is that of the stretch, whose places are found in logarithmic time.
public final class Window implements KeyedOperator {
  private static final int SORTED = 0;

  private final RowKey peers;
  private final List<WindowFunction> functions;
  private final RowAssembler assembler;
  private final WindowReach reach;
  private final RunningTotals totals;
  private final ByteSink scratch = new ByteSink();

  /// @param peers the start of the multiset's keys in which rows that are peers agree
  /// @param output the columns of a row, then the results of the functions
  public Window(RowKey peers, List<WindowFunction> functions, Schema input, Schema output) {
    this.peers = peers;
    this.functions = List.copyOf(functions);
    List<RowAssembler.Source> sources = new ArrayList<>();
    for (int i = 0; i < input.size(); i++) {
      sources.add(new RowAssembler.Copied(0, i));
    }
    for (int i = 0; i < functions.size(); i++) {
      sources.add(new RowAssembler.Computed(i));
    }
    assembler = new RowAssembler(output, List.of(input), sources);
    reach =
        functions.stream().map(WindowFunction::reach).reduce(WindowReach.NONE, WindowReach::and);
    totals = new RunningTotals(reach.whole() ? List.of() : functions);
  }

  /// Whether it keeps a private value.
  public boolean hasTotals() {
    return !totals.isEmpty();
  }

  @Override
  public void step(KeyGroup group, Output out) {
    Sequence before = group.oldSequence(SORTED);
    Sequence after = group.newSequence(SORTED);
    Sequence delta = group.deltaSequence(SORTED);
    Sequence.Cursor first = delta.from(Place.START);
    Sequence.Cursor last = delta.downFrom(Place.END);
    if (!first.next() || !last.next()) {
      return;
    }
    boolean whole = reach.whole();
    if (hasTotals()) {
      whole = totals.advance(group, delta, after.size() == 0);
    }
    boolean toEnd = whole || reach.running() || (reach.counted() && before.size() != after.size());
    Place low = whole ? Place.START : edge(first, false);
    Place high = toEnd ? Place.END : edge(last, true);
    Stretch old = new Stretch(before, low, high);
    Stretch next = new Stretch(after, low, high);
    totals.startFrom(old.rows);
    Map<Row, Long> change = new HashMap<>();
    old.collect(-1, change, out);
    next.collect(1, change, out);
    change.forEach(
        (row, weight) -> {
          if (weight != 0) {
            out.add(row, weight);
          }
        });
  }

  /// All rows of a partition with their results, place by place; those that fail are left out.
  public void results(Sequence sequence, BiConsumer<Row, Row> found) {
    WindowPartition whole = new WindowPartition(peers, sequence, 0, sequence.size());
    totals.startFrom(whole);
    evaluate(whole, 0, whole.size(), found, _ -> {});
  }

  // A row any of whose results fails is an error instead: the first one, in the order of functions.
  private void evaluate(
      WindowPartition rows,
      int from,
      int to,
      BiConsumer<Row, Row> found,
      Consumer<EvaluationFailure> failures) {
    @Nullable Object[][] results = new @Nullable Object[functions.size()][rows.size()];
    for (int i = 0; i < results.length; i++) {
      functions.get(i).evaluate(rows, results[i]);
    }
    for (int place = from; place < to; place++) {
      EvaluationFailure failed = null;
      for (int i = results.length - 1; i >= 0; i--) {
        if (results[i][place] instanceof EvaluationFailure failure) {
          failed = failure;
        } else {
          assembler.set(i, results[i][place]);
        }
      }
      if (failed == null) {
        found.accept(rows.row(place), assembler.assemble(rows.row(place)));
      } else {
        failures.accept(failed);
      }
    }
  }

  private Place edge(Sequence.Cursor changed, boolean past) {
    Row row = changed.row();
    if (reach.peers()) {
      return peersOf(row, past);
    }
    changed.key(scratch);
    return past ? Place.behind(scratch, row) : Place.before(scratch, row);
  }

  private Place peersOf(Row row, boolean past) {
    peers.encode(row, scratch);
    return past ? Place.behindAll(scratch) : Place.beforeAll(scratch);
  }

  /// The rows from `from` to before `to` may have other results; around them are those that they
  /// look at.
  private final class Stretch {
    private final WindowPartition rows;
    private final int from;
    private final int to;

    Stretch(Sequence sequence, Place low, Place high) {
      long size = sequence.size();
      long start = Math.max(0, sequence.rank(low) - reach.ahead());
      long end = Math.min(size, sequence.rank(high) + reach.back());
      long first = Math.max(0, start - reach.back());
      long behind = Math.min(size, end + reach.ahead());
      if (reach.peers()) {
        first = aligned(sequence, first, false);
        behind = behind == 0 ? 0 : aligned(sequence, behind - 1, true);
      }
      rows = new WindowPartition(peers, sequence, first, behind);
      from = (int) (start - first);
      to = (int) (end - first);
    }

    private long aligned(Sequence sequence, long place, boolean past) {
      Sequence.Cursor cursor = sequence.at(place);
      return cursor.next() ? sequence.rank(peersOf(cursor.row(), past)) : place;
    }

    void collect(int weight, Map<Row, Long> change, Output out) {
      evaluate(
          rows,
          from,
          to,
          (_, result) -> change.merge(result, (long) weight, Math::addExact),
          failure -> out.fail(failure, weight));
    }
  }
}
