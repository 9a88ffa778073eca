package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ObjLongConsumer;
import org.jspecify.annotations.Nullable;

/// The way to the rows of a [DeltaJoin]: through the unit that is best reached, and from there
/// along the path that its changes take.
///
/// @param output which of the columns of all units the join yields
record TreeAccess(List<Unit> units, List<Equated> equated, List<Integer> output) implements Access {
  /// An input.
  ///
  /// @param from where its columns begin among those of all
  /// @param sides it as a side of each of its edges
  /// @param path through all the others
  record Unit(
      Access access,
      Schema schema,
      int from,
      List<JoinAccess.Side> sides,
      List<DeltaJoin.Step> path) {
    private Reach reach(Bindings bound) {
      Reach best = access.reach(bound);
      for (JoinAccess.Side side : sides) {
        best = best.or(side.reach(bound));
      }
      return best;
    }

    private void find(Bindings bound, Search search, ObjLongConsumer<Row> found) {
      JoinAccess.Side best = sides.getFirst();
      for (JoinAccess.Side side : sides) {
        if (!best.reach(bound).atLeast(side.reach(bound))) {
          best = side;
        }
      }
      best.find(bound, search, found);
    }
  }

  /// Columns of two units that are equal in joined rows, and no NULLs; −1 for what is computed.
  record Equated(int left, int leftColumn, int right, int rightColumn) {}

  TreeAccess {
    units = List.copyOf(units);
    equated = List.copyOf(equated);
    output = List.copyOf(output);
  }

  /// What is known of each unit's columns; `null` when it contradicts itself.
  private @Nullable List<Bindings> split(Bindings bound) {
    List<Bindings> known = new ArrayList<>();
    boolean agree = true;
    for (Unit unit : units) {
      Bindings own = Bindings.none(unit.schema.size());
      for (int i = 0; i < output.size(); i++) {
        int column = output.get(i) - unit.from;
        if (column >= 0 && column < unit.schema.size()) {
          agree &= own.bind(column, bound, i);
        }
      }
      known.add(own);
    }
    // What is said of one end of an edge is said of the other, and goes on from there.
    for (int round = 1; round < units.size(); round++) {
      for (Equated each : equated) {
        Bindings left = known.get(each.left);
        Bindings right = known.get(each.right);
        if (each.leftColumn >= 0 && each.rightColumn >= 0) {
          agree &= left.bind(each.leftColumn, right, each.rightColumn);
          agree &= right.bind(each.rightColumn, left, each.leftColumn);
        }
        agree &= each.leftColumn < 0 || left.requireValue(each.leftColumn);
        agree &= each.rightColumn < 0 || right.requireValue(each.rightColumn);
      }
    }
    return agree ? known : null;
  }

  private int best(List<Bindings> known) {
    int best = 0;
    for (int i = 1; i < units.size(); i++) {
      Reach reach = units.get(i).reach(known.get(i));
      if (!units.get(best).reach(known.get(best)).atLeast(reach)) {
        best = i;
      }
    }
    return best;
  }

  @Override
  public Reach reach(Bindings bound) {
    List<Bindings> known = split(bound);
    if (known == null) {
      return Reach.ONE;
    }
    int best = best(known);
    return units.get(best).reach(known.get(best)).and(Reach.KEYS);
  }

  @Override
  public void find(Bindings bound, Search search, ObjLongConsumer<Row> found) {
    List<Bindings> known = split(bound);
    if (known == null) {
      return;
    }
    int best = best(known);
    Unit unit = units.get(best);
    ByteSink scratch = new ByteSink();
    unit.find(
        known.get(best),
        search,
        (row, weight) -> {
          if (known.get(best).matches(unit.schema, row, scratch)) {
            follow(unit.path, 0, row, weight, known, search, found);
          }
        });
  }

  private void follow(
      List<DeltaJoin.Step> path,
      int at,
      Row row,
      long weight,
      List<Bindings> known,
      Search search,
      ObjLongConsumer<Row> found) {
    if (at == path.size()) {
      found.accept(row, weight);
      return;
    }
    DeltaJoin.Step step = path.get(at);
    ByteSink key = new ByteSink();
    if (!step.key().encode(row, key)) {
      return;
    }
    ByteSink scratch = new ByteSink();
    Bindings bound = known.get(step.unit());
    Schema schema = units.get(step.unit()).schema;
    Access.lookup(
        step.rows().before(),
        key,
        search,
        (other, times) -> {
          if (bound.matches(schema, other, scratch)) {
            Row pair = pair(step, row, other);
            if (pair != null) {
              follow(path, at + 1, pair, Math.multiplyExact(weight, times), known, search, found);
            }
          }
        });
  }

  private static @Nullable Row pair(DeltaJoin.Step step, Row row, Row other) {
    try {
      return step.join().pair(row, other);
    } catch (EvaluationFailure _) {
      return null;
    }
  }
}
