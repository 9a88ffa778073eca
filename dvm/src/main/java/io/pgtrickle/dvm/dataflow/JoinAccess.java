package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.operator.MarkJoin;
import io.pgtrickle.dvm.state.Entries;
import io.pgtrickle.dvm.state.Lookup;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ObjLongConsumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/// Ways to the rows of joins.
sealed interface JoinAccess extends Access {
  /// One side.
  ///
  /// @param keys per key expression the column it is, −1 when it is computed
  /// @param scanned the number of rows up to which all are looked at where nothing leads to them
  record Side(
      Access access, ArrangeNode arrangement, Schema schema, List<Integer> keys, long scanned) {
    Reach reach(Bindings bound) {
      Reach scan = arrangement.before().rows() <= scanned ? Reach.SCAN : Reach.NONE;
      return access.reach(bound).or(keyBound(bound) ? Reach.KEYS : scan);
    }

    /// The rows with their weights, by the best way.
    void find(Bindings bound, Search search, ObjLongConsumer<Row> found) {
      Reach direct = access.reach(bound);
      if (direct.atLeast(reach(bound))) {
        access.find(bound, search, found);
      } else if (keyBound(bound)) {
        ByteSink key = new ByteSink();
        bound.appendKey(keys, key);
        Access.lookup(arrangement.before(), key, search, found);
      } else {
        Entries all = arrangement.before().prefix(new ByteSink());
        while (all.next() && search.visit()) {
          found.accept(all.row(), all.weight());
        }
      }
    }

    private boolean keyBound(Bindings bound) {
      for (int key : keys) {
        if (key < 0 || !bound.bound(key)) {
          return false;
        }
      }
      return true;
    }
  }

  /// The pair of two rows of equal keys, `null` when a residual condition is not true of it.
  interface Pairing {
    @Nullable Row pair(Row l, Row r);
  }

  /// Pairs: through the key when it is bound, else one side and from there the other.
  record OfJoin(Side left, Side right, Pairing pairing) implements JoinAccess {
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
        agree &= (a < 0 || l.requireValue(a)) && (b < 0 || r.requireValue(b));
      }
      return new Split(l, r, !agree);
    }

    @Override
    public Reach reach(Bindings bound) {
      Split split = split(bound);
      return split.contradicts
          ? Reach.ONE
          : left.reach(split.left).or(right.reach(split.right)).and(Reach.KEYS);
    }

    @Override
    public void find(Bindings bound, Search search, ObjLongConsumer<Row> found) {
      Split split = split(bound);
      if (split.contradicts) {
        return;
      }
      Reach l = left.access.reach(split.left);
      Reach r = right.access.reach(split.right);
      if (l == Reach.ONE) {
        throughLeft(split, search, found);
      } else if (r == Reach.ONE) {
        throughRight(split, search, found);
      } else if (left.keyBound(split.left)) {
        throughKey(split.left, left.keys, split, search, found);
      } else if (right.keyBound(split.right)) {
        throughKey(split.right, right.keys, split, search, found);
      } else if (left.reach(split.left).atLeast(right.reach(split.right))) {
        throughLeft(split, search, found);
      } else {
        throughRight(split, search, found);
      }
    }

    private void throughLeft(Split split, Search search, ObjLongConsumer<Row> found) {
      left.find(
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
      right.find(
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
      Access.lookup(
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
      Access.lookup(
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
        pair = pairing.pair(l, r);
      } catch (EvaluationFailure _) {
        return;
      }
      if (pair != null) {
        found.accept(pair, weight);
      }
    }
  }

  /// The rows of one side that have no match, with NULLs for the other side.
  ///
  /// @param from where the side's columns begin in the row
  /// @param otherFrom where those of the other side do
  record OfLone(Side side, Side other, int from, int otherFrom, UnaryOperator<Row> padded)
      implements JoinAccess {
    private Bindings own(Bindings bound) {
      return bound.slice(from, from + side.schema.size());
    }

    private boolean contradicts(Bindings bound) {
      for (int i = otherFrom; i < otherFrom + other.schema.size(); i++) {
        if (bound.bound(i) && !bound.mayBeNull(i)) {
          return true;
        }
      }
      return false;
    }

    @Override
    public Reach reach(Bindings bound) {
      return contradicts(bound) ? Reach.ONE : side.reach(own(bound)).and(Reach.KEYS);
    }

    @Override
    public void find(Bindings bound, Search search, ObjLongConsumer<Row> found) {
      if (contradicts(bound)) {
        return;
      }
      side.find(
          own(bound),
          search,
          (row, weight) -> {
            if (!isMatched(row)) {
              found.accept(padded.apply(row), weight);
            }
          });
    }

    private boolean isMatched(Row row) {
      return hasEqual(side.arrangement, row, other.arrangement);
    }
  }

  /// Rows with a mark: looked up on the left, and marked anew.
  record OfMark(Side left, ArrangeNode right, MarkJoin join) implements JoinAccess {
    private Bindings own(Bindings bound) {
      return bound.slice(0, left.schema.size());
    }

    @Override
    public Reach reach(Bindings bound) {
      return left.reach(own(bound));
    }

    @Override
    public void find(Bindings bound, Search search, ObjLongConsumer<Row> found) {
      left.find(
          own(bound),
          search,
          (row, weight) ->
              found.accept(join.marked(row, hasEqual(left.arrangement, row, right)), weight));
    }
  }

  /// Whether an arrangement has rows under the key that a row has in another one; a NULL has none,
  /// nor has a key that cannot be computed.
  private static boolean hasEqual(ArrangeNode own, Row row, ArrangeNode other) {
    ByteSink key = new ByteSink();
    try {
      if (!own.rowKey().encode(row, key)) {
        return false;
      }
    } catch (EvaluationFailure _) {
      return false;
    }
    Lookup rows = other.before().lookup().seek(key);
    return rows.next();
  }
}
