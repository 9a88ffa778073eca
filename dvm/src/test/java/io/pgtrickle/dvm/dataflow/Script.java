package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/// A random history of the two test tables: every epoch changes both, with duplicates, NULLs,
/// updates and deletions; now and then a table is emptied.
final class Script {
  private static final String[] ORDERS_AMOUNTS = {
    "1", "1.0", "1.00", "2.50", "0", "-3.125", "NULL"
  };
  private static final String[] NOTES = {"a", "a␠", "b", "", "long enough to matter", "NULL"};
  private static final String[] REGIONS = {"north", "south", "a", "a␠", "b", "NULL"};
  private static final String[] SCORES = {"0", "-0", "0.5", "1.25", "-2", "1024", "NULL"};

  private final Random random;
  private final Map<Integer, ZSet> contents = new HashMap<>();

  Script(long seed) {
    random = new Random(seed);
  }

  Map<Integer, ZSet> contents() {
    return contents;
  }

  /// The next epoch's deltas; the contents include them already.
  Map<Integer, ZSet> next() {
    Map<Integer, ZSet> deltas = new HashMap<>();
    deltas.put(Shapes.ORDERS_OID, change(Shapes.ORDERS_OID, Shapes.ORDERS));
    if (random.nextInt(3) > 0) {
      deltas.put(Shapes.CUSTOMERS_OID, change(Shapes.CUSTOMERS_OID, Shapes.CUSTOMERS));
    }
    return deltas;
  }

  private ZSet change(int relation, Schema schema) {
    ZSet before = contents.getOrDefault(relation, ZSet.EMPTY);
    ZSet.Builder delta = new ZSet.Builder();
    if (random.nextInt(25) == 0) {
      delta.addAll(before.negate());
    } else {
      List<Row> present = new ArrayList<>();
      before.forEach(
          (row, weight) -> {
            for (long i = 0; i < weight; i++) {
              present.add(row);
            }
          });
      for (int i = random.nextInt(6); i > 0 && !present.isEmpty(); i--) {
        delta.add(present.remove(random.nextInt(present.size())), -1);
      }
      for (int i = random.nextInt(present.size() > 25 ? 2 : 7); i > 0; i--) {
        delta.add(random(relation, schema), 1 + random.nextInt(5) / 4);
      }
    }
    ZSet change = delta.build();
    contents.put(relation, before.plus(change));
    return change;
  }

  private Row random(int relation, Schema schema) {
    return relation == Shapes.ORDERS_OID
        ? Tables.row(
            schema,
            random.nextInt(12)
                + "|"
                + (random.nextInt(8) == 0 ? "NULL" : random.nextInt(5))
                + "|"
                + pick(ORDERS_AMOUNTS)
                + "|"
                + pick(NOTES))
        : Tables.row(schema, random.nextInt(6) + "|" + pick(REGIONS) + "|" + pick(SCORES));
  }

  private String pick(String[] from) {
    return from[random.nextInt(from.length)];
  }
}
