package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.operator.Aggregate;
import io.pgtrickle.dvm.operator.Output;
import io.pgtrickle.dvm.operator.RowKey;
import io.pgtrickle.dvm.operator.SetOperation;
import io.pgtrickle.dvm.operator.Stage;
import io.pgtrickle.dvm.state.Lookup;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ObjLongConsumer;
import org.jspecify.annotations.Nullable;

/// A way to the rows of one subplan that have given values, by look-ups in arrangements.
///
/// The rows found have at least all those that match; what else they have, the asker filters out.
sealed interface Access
    permits Access.OfScan,
        Access.OfStage,
        Access.OfUnion,
        Access.None,
        Access.OfSetOperation,
        Access.OfDistinct,
        Access.OfAggregate,
        Access.OfValues,
        Access.OfArranged,
        Access.OfAsk,
        PlaceAccess,
        TreeAccess,
        JoinAccess {
  /// How the rows with these columns bound can be had, the worst first.
  enum Reach {
    /// Not without looking at everything.
    NONE,
    /// By looking at everything, which is little.
    SCAN,
    /// By look-ups under keys.
    KEYS,
    /// By one look-up that finds at most one row of a relation, or because there can be none.
    ONE;

    boolean atLeast(Reach other) {
      return compareTo(other) >= 0;
    }

    Reach or(Reach other) {
      return atLeast(other) ? this : other;
    }

    Reach and(Reach other) {
      return atLeast(other) ? other : this;
    }
  }

  /// The best way to the rows with these columns bound.
  Reach reach(Bindings bound);

  /// Passes on the rows; only where there is a way.
  void find(Bindings bound, Search search, ObjLongConsumer<Row> found);

  /// One search, with a bound on its work.
  final class Search {
    private final int limit;
    private int visited;
    private boolean gaveUp;

    Search(int limit) {
      this.limit = limit;
    }

    /// Counts a row that was looked at; false once there were too many.
    boolean visit() {
      return ++visited <= limit;
    }

    /// Counts work at once that is as much as looking at so many rows; false when it would be too
    /// much, so that none of it is to be done.
    boolean visit(long rows) {
      if (rows > limit - visited) {
        giveUp();
        return false;
      }
      visited += (int) rows;
      return true;
    }

    /// Says that the rest cannot be told.
    void giveUp() {
      gaveUp = true;
    }

    int visited() {
      return visited;
    }

    boolean exhausted() {
      return gaveUp || visited > limit;
    }
  }

  /// An arrangement whose key is some plain columns.
  ///
  /// @param primary the columns of a relation's own key, which no row has as NULL; none when it is
  ///     not among the columns
  record Path(ArrangeNode arrangement, List<Integer> columns, List<Integer> primary) {
    Reach reach(Bindings bound) {
      if (!bound.allBound(columns)) {
        return Reach.NONE;
      }
      boolean missing =
          arrangement.dropsNulls()
              && columns.stream()
                  .anyMatch(column -> bound.mayBeNull(column) && !primary.contains(column));
      if (missing) {
        return Reach.NONE;
      }
      return primary.isEmpty() ? Reach.KEYS : Reach.ONE;
    }
  }

  /// The rows under a key of an arrangement, until the search is exhausted.
  static void lookup(Snapshot contents, ByteSink key, Search search, ObjLongConsumer<Row> found) {
    Lookup rows = contents.lookup().seek(key);
    while (rows.next() && search.visit()) {
      found.accept(rows.row(), rows.weight());
    }
  }

  /// A relation, through any of its arrangements, the unique one first.
  record OfScan(List<Path> paths) implements Access {
    private @Nullable Path path(Bindings bound) {
      Path best = null;
      Reach reach = Reach.NONE;
      for (Path path : paths) {
        Reach each = path.reach(bound);
        boolean better = best != null && each == reach && path.columns.size() > best.columns.size();
        if (better || each.compareTo(reach) > 0) {
          best = path;
          reach = each;
        }
      }
      return best;
    }

    @Override
    public Reach reach(Bindings bound) {
      Path path = path(bound);
      return path == null ? Reach.NONE : path.reach(bound);
    }

    @Override
    public void find(Bindings bound, Search search, ObjLongConsumer<Row> found) {
      Path path = path(bound);
      if (path == null) {
        throw new IllegalStateException("no arrangement of the relation has a bound key");
      }
      ByteSink key = new ByteSink();
      bound.appendKey(path.columns, key);
      lookup(path.arrangement.before(), key, search, found);
    }
  }

  /// A filter or projection: every row found below is computed again.
  ///
  /// @param passed per output column the input column it is, −1 when it is computed
  record OfStage(Access input, int inputColumns, List<Integer> passed, Stage stage)
      implements Access {
    private Bindings below(Bindings bound) {
      Bindings below = Bindings.none(inputColumns);
      for (int i = 0; i < passed.size(); i++) {
        int from = passed.get(i);
        // Two outputs of one column may contradict each other; the comparison at the top sees it.
        if (from >= 0 && !below.bound(from)) {
          below.bind(from, bound, i);
        }
      }
      return below;
    }

    @Override
    public Reach reach(Bindings bound) {
      return input.reach(below(bound));
    }

    @Override
    public void find(Bindings bound, Search search, ObjLongConsumer<Row> found) {
      Output rows =
          new Output() {
            @Override
            public void add(Row row, long weight) {
              found.accept(row, weight);
            }

            @Override
            public void fail(EvaluationFailure failure, long weight) {
              // The row is an error, not a row.
            }
          };
      input.find(below(bound), search, (row, weight) -> stage.apply(row, weight, rows));
    }
  }

  /// The sum of the inputs.
  record OfUnion(List<Access> inputs) implements Access {
    @Override
    public Reach reach(Bindings bound) {
      return inputs.stream().map(input -> input.reach(bound)).reduce(Reach.KEYS, Reach::and);
    }

    @Override
    public void find(Bindings bound, Search search, ObjLongConsumer<Row> found) {
      inputs.forEach(input -> input.find(bound, search, found));
    }
  }

  /// Rows of any plan that are arranged by some of their columns, or else as the plan allows.
  record OfArranged(OfScan arranged, Access otherwise) implements Access {
    @Override
    public Reach reach(Bindings bound) {
      return arranged.reach(bound).or(otherwise.reach(bound));
    }

    @Override
    public void find(Bindings bound, Search search, ObjLongConsumer<Row> found) {
      if (arranged.reach(bound).atLeast(otherwise.reach(bound))) {
        arranged.find(bound, search, found);
      } else {
        otherwise.find(bound, search, found);
      }
    }
  }

  /// Rows with what the server has answered about them, where that is still known.
  record OfAsk(Access input, Schema schema, AskNode node) implements Access {
    @Override
    public Reach reach(Bindings bound) {
      return input.reach(bound.slice(0, schema.size()));
    }

    @Override
    public void find(Bindings bound, Search search, ObjLongConsumer<Row> found) {
      Bindings below = bound.slice(0, schema.size());
      ByteSink scratch = new ByteSink();
      input.find(
          below,
          search,
          (row, weight) -> {
            if (below.matches(schema, row, scratch)) {
              node.recall(row)
                  .ifPresentOrElse(answered -> found.accept(answered, weight), search::giveUp);
            }
          });
    }
  }

  /// Rows that no look-up leads to: those of a recursion, and what the server returns for a row.
  record None() implements Access {
    @Override
    public Reach reach(Bindings bound) {
      return Reach.NONE;
    }

    @Override
    public void find(Bindings bound, Search search, ObjLongConsumer<Row> found) {
      throw new IllegalStateException("there is no way to these rows");
    }
  }

  /// Classes of equal rows on two sides, and how many rows come of them.
  record OfSetOperation(Access left, Access right, RowKey key, SetOperation.Count count)
      implements Access {
    @Override
    public Reach reach(Bindings bound) {
      return left.reach(bound).and(right.reach(bound)).and(Reach.KEYS);
    }

    @Override
    public void find(Bindings bound, Search search, ObjLongConsumer<Row> found) {
      Map<Bytes, TreeMap<Row, Long>> lefts = classes(left, bound, search);
      Map<Bytes, TreeMap<Row, Long>> rights = classes(right, bound, search);
      lefts.forEach(
          (key, rows) -> {
            long l = sum(rows);
            long n = count.of(l, sum(rights.getOrDefault(key, new TreeMap<>())));
            if (l > 0 && n > 0) {
              rows.values().removeIf(weight -> weight <= 0);
              found.accept(rows.firstKey(), n);
            }
          });
    }

    private Map<Bytes, TreeMap<Row, Long>> classes(Access side, Bindings bound, Search search) {
      return OfDistinct.classes(side, key, bound, search);
    }

    private static long sum(Map<Row, Long> rows) {
      return rows.values().stream().mapToLong(Long::longValue).sum();
    }
  }

  /// Classes of equal rows: bound values select whole classes, because they bind by equality.
  record OfDistinct(Access input, RowKey key) implements Access {
    static Map<Bytes, TreeMap<Row, Long>> classes(
        Access input, RowKey key, Bindings bound, Search search) {
      Map<Bytes, TreeMap<Row, Long>> classes = new HashMap<>();
      ByteSink scratch = new ByteSink();
      input.find(
          bound,
          search,
          (row, weight) -> {
            key.encode(row, scratch);
            classes
                .computeIfAbsent(
                    Bytes.copyOf(scratch.array(), 0, scratch.size()), _ -> new TreeMap<>())
                .merge(row, weight, Math::addExact);
          });
      return classes;
    }

    @Override
    public Reach reach(Bindings bound) {
      return input.reach(bound).and(Reach.KEYS);
    }

    @Override
    public void find(Bindings bound, Search search, ObjLongConsumer<Row> found) {
      for (TreeMap<Row, Long> rows : classes(input, key, bound, search).values()) {
        for (Map.Entry<Row, Long> entry : rows.entrySet()) {
          if (entry.getValue() > 0) {
            found.accept(entry.getKey(), 1);
            break;
          }
        }
      }
    }
  }

  /// The state of a group, when the group is bound.
  record OfAggregate(KeyedNode node, Aggregate aggregate, List<Integer> groups) implements Access {
    @Override
    public Reach reach(Bindings bound) {
      return bound.allBound(groups) ? Reach.KEYS : Reach.NONE;
    }

    @Override
    public void find(Bindings bound, Search search, ObjLongConsumer<Row> found) {
      ByteSink key = new ByteSink();
      bound.appendKey(groups, key);
      if (search.visit()) {
        node.value(key).flatMap(aggregate::output).ifPresent(row -> found.accept(row, 1));
      }
    }
  }

  /// Constant rows.
  record OfValues(ValuesNode node) implements Access {
    @Override
    public Reach reach(Bindings bound) {
      return Reach.KEYS;
    }

    @Override
    public void find(Bindings bound, Search search, ObjLongConsumer<Row> found) {
      List<Row> rows = new ArrayList<>();
      node.rows(rows::add);
      for (Row row : rows) {
        if (search.visit()) {
          found.accept(row, 1);
        }
      }
    }
  }
}
