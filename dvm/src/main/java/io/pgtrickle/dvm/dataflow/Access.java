package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.operator.Aggregate;
import io.pgtrickle.dvm.operator.InnerJoin;
import io.pgtrickle.dvm.operator.Output;
import io.pgtrickle.dvm.operator.RowKey;
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
sealed interface Access {
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

    Search(int limit) {
      this.limit = limit;
    }

    /// Counts a row that was looked at; false once there were too many.
    boolean visit() {
      return ++visited <= limit;
    }

    boolean exhausted() {
      return visited > limit;
    }
  }

  /// An arrangement whose key is some plain columns.
  record Path(ArrangeNode arrangement, List<Integer> columns, boolean unique) {
    boolean reaches(Bindings bound) {
      if (!bound.allBound(columns)) {
        return false;
      }
      // Rows with a NULL in the key may be missing there.
      for (int column : columns) {
        if (bound.isNull(column)) {
          return false;
        }
      }
      return true;
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

  /// A join: through the key when it is bound, else one side and from there the other.
  record OfJoin(Side left, Side right, InnerJoin join) implements Access {
    /// One side.
    ///
    /// @param keys per key expression the column it is, −1 when it is computed
    record Side(Access access, ArrangeNode arrangement, Schema schema, List<Integer> keys) {
      private boolean keyBound(Bindings bound) {
        for (int key : keys) {
          if (key < 0 || !bound.bound(key)) {
            return false;
          }
        }
        return true;
      }
    }

    private record Split(Bindings left, Bindings right, boolean contradicts) {}

    // What is bound on one side of a key is bound on the other.
    private Split split(Bindings bound) {
      int n = left.schema.size();
      Bindings l = bound.slice(0, n);
      Bindings r = bound.slice(n, n + right.schema.size());
      boolean agree = true;
      for (int i = 0; i < left.keys.size(); i++) {
        int a = left.keys.get(i);
        int b = right.keys.get(i);
        if (a >= 0 && b >= 0) {
          agree &= l.bind(a, r, b) && r.bind(b, l, a);
        }
        agree &= (a < 0 || !l.isNull(a)) && (b < 0 || !r.isNull(b));
      }
      return new Split(l, r, !agree);
    }

    @Override
    public boolean reaches(Bindings bound) {
      Split split = split(bound);
      return left.keyBound(split.left)
          || right.keyBound(split.right)
          || left.access.reaches(split.left)
          || right.access.reaches(split.right);
    }

    @Override
    public void find(Bindings bound, Search search, ObjLongConsumer<Row> found) {
      Split split = split(bound);
      if (split.contradicts) {
        return;
      }
      if (left.access.unique(split.left)) {
        throughLeft(split, search, found);
      } else if (right.access.unique(split.right)) {
        throughRight(split, search, found);
      } else if (left.keyBound(split.left)) {
        throughKey(split.left, left.keys, split, search, found);
      } else if (right.keyBound(split.right)) {
        throughKey(split.right, right.keys, split, search, found);
      } else if (left.access.reaches(split.left)) {
        throughLeft(split, search, found);
      } else {
        throughRight(split, search, found);
      }
    }

    private void throughLeft(Split split, Search search, ObjLongConsumer<Row> found) {
      left.access.find(
          split.left,
          search,
          (l, lw) ->
              probe(
                  left,
                  l,
                  right,
                  split.right,
                  search,
                  (r, rw) -> emit(l, r, Math.multiplyExact(lw, rw), found)));
    }

    private void throughRight(Split split, Search search, ObjLongConsumer<Row> found) {
      right.access.find(
          split.right,
          search,
          (r, rw) ->
              probe(
                  right,
                  r,
                  left,
                  split.left,
                  search,
                  (l, lw) -> emit(l, r, Math.multiplyExact(lw, rw), found)));
    }

    // The rows of the other side under the key of a row of this one.
    private static void probe(
        Side from, Row row, Side to, Bindings bound, Search search, ObjLongConsumer<Row> found) {
      ByteSink key = new ByteSink();
      try {
        if (!from.arrangement.rowKey().encode(row, key)) {
          return;
        }
      } catch (EvaluationFailure _) {
        return;
      }
      ByteSink scratch = new ByteSink();
      lookup(
          to.arrangement.before(),
          key,
          search,
          (other, weight) -> {
            if (bound.matches(to.schema, other, scratch)) {
              found.accept(other, weight);
            }
          });
    }

    private void throughKey(
        Bindings side,
        List<Integer> columns,
        Split split,
        Search search,
        ObjLongConsumer<Row> found) {
      ByteSink key = new ByteSink();
      side.appendKey(columns, key);
      Map<Row, Long> lefts = matching(left, key, split.left, search);
      if (lefts.isEmpty()) {
        return;
      }
      Map<Row, Long> rights = matching(right, key, split.right, search);
      lefts.forEach(
          (l, lw) ->
              rights.forEach(
                  (r, rw) -> {
                    if (search.visit()) {
                      emit(l, r, Math.multiplyExact(lw, rw), found);
                    }
                  }));
    }

    private static Map<Row, Long> matching(Side side, ByteSink key, Bindings bound, Search search) {
      Map<Row, Long> rows = new HashMap<>();
      ByteSink scratch = new ByteSink();
      lookup(
          side.arrangement.before(),
          key,
          search,
          (row, weight) -> {
            if (bound.matches(side.schema, row, scratch)) {
              rows.put(row, weight);
            }
          });
      return rows;
    }

    private void emit(Row l, Row r, long weight, ObjLongConsumer<Row> found) {
      Row pair;
      try {
        pair = join.pair(l, r);
      } catch (EvaluationFailure _) {
        return;
      }
      if (pair != null) {
        found.accept(pair, weight);
      }
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

  /// Classes of equal rows: bound values select whole classes, because they bind by equality.
  record OfDistinct(Access input, RowKey key) implements Access {
    @Override
    public boolean reaches(Bindings bound) {
      return input.reaches(bound);
    }

    @Override
    public void find(Bindings bound, Search search, ObjLongConsumer<Row> found) {
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
      for (TreeMap<Row, Long> rows : classes.values()) {
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
