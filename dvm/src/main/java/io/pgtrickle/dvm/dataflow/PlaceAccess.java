package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.operator.RowKey;
import io.pgtrickle.dvm.operator.Sequence;
import io.pgtrickle.dvm.operator.TopK;
import io.pgtrickle.dvm.operator.Window;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ObjLongConsumer;

/// Ways to rows that depend on their place among others.
///
/// The place is told by the operator's own arrangement of its input; where the input itself can be
/// looked up, a row counts at most as often as it is found there.
sealed interface PlaceAccess extends Access {
  /// The input of an operator, and the order in which it keeps it.
  ///
  /// @param key the partition of a row
  /// @param columns what the partition is, −1 for what is computed
  record Ordered(Access input, Schema schema, KeyedNode node, RowKey key, List<Integer> columns) {
    private boolean partitionBound(Bindings bound) {
      return columns.stream().allMatch(column -> column >= 0 && bound.bound(column));
    }

    private Reach reach(Bindings bound) {
      Reach whole = partitionBound(bound) ? Reach.KEYS : Reach.NONE;
      return input.reach(bound).and(Reach.KEYS).or(whole);
    }

    /// Whether the rows are better taken from the input than from their whole partition.
    private boolean throughInput(Bindings bound) {
      return input.reach(bound).atLeast(Reach.KEYS) || !partitionBound(bound);
    }

    private Sequence partition(Bindings bound) {
      ByteSink partition = new ByteSink();
      bound.appendKey(columns, partition);
      return node.sequence(0, partition);
    }

    /// The key of a row's partition; empty where it cannot be computed, so that the row is an
    /// error.
    private Optional<ByteSink> partition(Row row) {
      return encoded(key, row);
    }

    private Optional<ByteSink> sorted(Row row) {
      return encoded(node.multiset(0).rowKey(), row);
    }

    private static Optional<ByteSink> encoded(RowKey key, Row row) {
      ByteSink bytes = new ByteSink();
      try {
        key.encode(row, bytes);
        return Optional.of(bytes);
      } catch (EvaluationFailure _) {
        return Optional.empty();
      }
    }

    /// The bound rows of the input with their weights.
    private Map<Row, Long> rows(Bindings bound, Search search) {
      Map<Row, Long> rows = new HashMap<>();
      ByteSink scratch = new ByteSink();
      input.find(
          bound,
          search,
          (row, weight) -> {
            if (bound.matches(schema, row, scratch)) {
              rows.merge(row, weight, Math::addExact);
            }
          });
      rows.values().removeIf(weight -> weight <= 0);
      return rows;
    }
  }

  /// The first rows of a partition.
  record OfTop(Ordered rows, TopK top) implements PlaceAccess {
    @Override
    public Reach reach(Bindings bound) {
      return rows.reach(bound);
    }

    @Override
    public void find(Bindings bound, Search search, ObjLongConsumer<Row> found) {
      if (rows.throughInput(bound)) {
        rows.rows(bound, search)
            .forEach(
                (row, weight) -> {
                  Optional<ByteSink> key = rows.partition(row);
                  Optional<ByteSink> sorted = rows.sorted(row);
                  if (key.isPresent() && sorted.isPresent()) {
                    Sequence partition = rows.node.sequence(0, key.get());
                    accept(row, top.chosen(partition, sorted.get(), row, weight), found);
                  }
                });
      } else {
        Sequence partition = rows.partition(bound);
        ByteSink sorted = new ByteSink();
        Sequence.Cursor cursor = partition.at(0);
        for (long place = 0; cursor.next() && !top.isBehind(place); place += cursor.weight()) {
          if (!search.visit()) {
            return;
          }
          cursor.key(sorted);
          Row row = cursor.row();
          accept(row, top.chosen(partition, sorted, row, cursor.weight()), found);
        }
      }
    }

    private static void accept(Row row, long chosen, ObjLongConsumer<Row> found) {
      if (chosen > 0) {
        found.accept(row, chosen);
      }
    }
  }

  /// The rows of a partition with the results of window functions, all of which are computed anew.
  record OfWindow(Ordered rows, Window window) implements PlaceAccess {
    // Computing the functions of a row costs several times as much as looking at one.
    private static final int COST = 4;

    private Bindings below(Bindings bound) {
      return bound.slice(0, rows.schema.size());
    }

    @Override
    public Reach reach(Bindings bound) {
      return rows.reach(below(bound));
    }

    @Override
    public void find(Bindings bound, Search search, ObjLongConsumer<Row> found) {
      Bindings below = below(bound);
      if (!rows.throughInput(below)) {
        Sequence partition = rows.partition(below);
        if (search.visit(COST * partition.size())) {
          window.results(partition, (_, result) -> found.accept(result, 1));
        }
        return;
      }
      Map<Row, Long> left = rows.rows(below, search);
      Map<Bytes, ByteSink> partitions = new HashMap<>();
      for (Row row : left.keySet()) {
        rows.partition(row)
            .ifPresent(key -> partitions.put(Bytes.copyOf(key.array(), 0, key.size()), key));
      }
      for (ByteSink key : partitions.values()) {
        Sequence partition = rows.node.sequence(0, key);
        if (!search.visit(COST * partition.size())) {
          return;
        }
        window.results(
            partition,
            (row, result) -> {
              if (left.getOrDefault(row, 0L) > 0) {
                left.merge(row, -1L, Long::sum);
                found.accept(result, 1);
              }
            });
      }
    }
  }
}
