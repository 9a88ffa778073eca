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
        JoinAccess {
  /// Whether the rows with these columns bound can be had without scanning.
  boolean reaches(Bindings bound);

  /// Whether they are at most one row of a relation, so that it is cheaper than any other way.
  default boolean unique(Bindings bound) {
    return false;
  }

  /// Passes on the rows; only where [#reaches] holds.
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
  record Path(ArrangeNode arrangement, List<Integer> columns, boolean unique) {
    boolean reaches(Bindings bound) {
      if (!bound.allBound(columns)) {
        return false;
      }
      return !arrangement.dropsNulls() || columns.stream().noneMatch(bound::isNull);
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
      for (Path path : paths) {
        if (path.reaches(bound)
            && (best == null
                || (path.unique && !best.unique)
                || (path.unique == best.unique && path.columns.size() > best.columns.size()))) {
          best = path;
        }
      }
      return best;
    }

    @Override
    public boolean reaches(Bindings bound) {
      return path(bound) != null;
    }

    @Override
    public boolean unique(Bindings bound) {
      Path path = path(bound);
      return path != null && path.unique;
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
    public boolean reaches(Bindings bound) {
      return input.reaches(below(bound));
    }

    @Override
    public boolean unique(Bindings bound) {
      return input.unique(below(bound));
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
    public boolean reaches(Bindings bound) {
      return inputs.stream().allMatch(input -> input.reaches(bound));
    }

    @Override
    public void find(Bindings bound, Search search, ObjLongConsumer<Row> found) {
      inputs.forEach(input -> input.find(bound, search, found));
    }
  }

  /// Rows of any plan that are arranged by some of their columns, or else as the plan allows.
  record OfArranged(OfScan arranged, Access otherwise) implements Access {
    @Override
    public boolean reaches(Bindings bound) {
      return arranged.reaches(bound) || otherwise.reaches(bound);
    }

    @Override
    public boolean unique(Bindings bound) {
      return otherwise.unique(bound);
    }

    @Override
    public void find(Bindings bound, Search search, ObjLongConsumer<Row> found) {
      if (arranged.reaches(bound) && !otherwise.unique(bound)) {
        arranged.find(bound, search, found);
      } else {
        otherwise.find(bound, search, found);
      }
    }
  }

  /// Rows with what the server has answered about them, where that is still known.
  record OfAsk(Access input, Schema schema, AskNode node) implements Access {
    @Override
    public boolean reaches(Bindings bound) {
      return input.reaches(bound.slice(0, schema.size()));
    }

    @Override
    public boolean unique(Bindings bound) {
      return input.unique(bound.slice(0, schema.size()));
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
    public boolean reaches(Bindings bound) {
      return false;
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
    public boolean reaches(Bindings bound) {
      return left.reaches(bound) && right.reaches(bound);
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
    public boolean reaches(Bindings bound) {
      return input.reaches(bound);
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
    public boolean reaches(Bindings bound) {
      return bound.allBound(groups);
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
    public boolean reaches(Bindings bound) {
      return true;
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
