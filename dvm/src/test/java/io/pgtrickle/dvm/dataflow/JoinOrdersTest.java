package io.pgtrickle.dvm.dataflow;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.rewrite.JoinTree;
import io.pgtrickle.dvm.plan.rewrite.Rewrites;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Products of two to six tables under random conditions, some of them without a key, some
/// filtered,
/// some the same table twice: in whatever order they are joined, the contents are those of the
/// product.
final class JoinOrdersTest {
  private static final int QUERIES = 60;
  private static final int EPOCHS = 6;
  private static final int TABLES = 5;
  private static final int FIRST = 3_000;
  private static final Signature EQUAL =
      new Signature(65, "pg_catalog", "int4eq", List.of(23, 23), 16, true, 'i');
  private static final Schema SCHEMA =
      new Schema(
          List.of(
              new Column("id", SqlType.INT4),
              new Column("x", SqlType.INT4),
              new Column("y", SqlType.INT4)));

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void theContentsAreThoseOfTheProduct(long seed) {
    int judged = check(seed, JoinTree.Choice.STORES_LESS, JoinOrdersTest::query);
    assertThat(judged).as("rows whose weight was looked up").isGreaterThan(QUERIES);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void soTheyAreWhereNoResultOfAJoinIsKept(long seed) {
    int judged = check(seed, (_, _) -> true, JoinOrdersTest::query);
    assertThat(judged).as("rows whose weight was looked up").isGreaterThan(QUERIES);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void soTheyAreInARecursion(long seed) {
    check(seed, (_, _) -> true, JoinOrdersTest::recursiveQuery);
  }

  // How many weights were looked up.
  private static int check(long seed, JoinTree.Choice apart, Function<Random, Plan> queries) {
    Random random = new Random(seed);
    long keyed = 0;
    int ofMany = 0;
    int judged = 0;
    for (int query = 0; query < QUERIES; query++) {
      Plan bound = queries.apply(random);
      Dataflow dataflow = new Dataflow(apart, Storage.onHeap(Runnable::run));
      Plan plan = Rewrites.apply(bound);
      keyed += keys(plan);
      dataflow.add(new View(1, 5001, "v", plan, Shapes.SETTINGS));
      ofMany += dataflow.explain(1, ExplainFormat.TEXT, Map.of()).contains("Delta join") ? 1 : 0;
      Map<Integer, ZSet> contents = new HashMap<>();
      ZSet shown = ZSet.EMPTY;
      Set<Row> everSeen = new TreeSet<>();
      for (int epoch = 0; epoch < EPOCHS; epoch++) {
        Map<Integer, ZSet> deltas = changes(contents, random);
        shown =
            shown.plus(dataflow.step(deltas, _ -> true).released().getOrDefault(1L, ZSet.EMPTY));
        ZSet expected = new Naive(contents, Shapes.SETTINGS).evaluate(bound);
        String where = "seed %d, query %d, epoch %d: %s".formatted(seed, query, epoch, bound);
        assertThat(Tables.text(bound.schema(), shown))
            .as(where)
            .isEqualTo(Tables.text(bound.schema(), expected));
        expected.forEach((row, _) -> everSeen.add(row));
        for (Row row : everSeen) {
          OptionalLong weight = dataflow.weight(1, row);
          if (weight.isPresent()) {
            judged++;
            assertThat(weight.getAsLong()).as(where).isEqualTo(expected.weightOf(row));
          }
        }
      }
    }
    assertThat(keyed).as("joins by keys").isGreaterThan(QUERIES);
    assertThat(ofMany).as("queries with joins of many inputs").isGreaterThan(QUERIES / 10);
    return judged;
  }

  private static long keys(Plan plan) {
    long here = plan instanceof Plan.Join join && !join.keys().isEmpty() ? 1 : 0;
    return here + plan.inputs().stream().mapToLong(JoinOrdersTest::keys).sum();
  }

  private static Plan query(Random random) {
    int inputs = 2 + random.nextInt(5);
    Plan product = scan(random.nextInt(TABLES));
    for (int i = 1; i < inputs; i++) {
      product = Shapes.join(product, scan(random.nextInt(TABLES)), null);
    }
    int width = product.schema().size();
    List<Expr> conditions = new ArrayList<>();
    // Mostly connected, so that products stay small.
    for (int i = 1; i < inputs; i++) {
      int other = random.nextInt(i);
      conditions.add(
          equal(column(3 * i + random.nextInt(3)), column(3 * other + random.nextInt(3))));
    }
    for (int more = random.nextInt(3); more > 0; more--) {
      Expr left = column(random.nextInt(width));
      Expr right = column(random.nextInt(width));
      conditions.add(
          switch (random.nextInt(4)) {
            case 0 -> equal(left, right);
            case 1 -> Shapes.call("int4lt", SqlType.BOOL, left, right);
            case 2 -> equal(left, Shapes.int4(random.nextInt(3)));
            default ->
                new Expr.Or(
                    List.of(
                        new Expr.And(
                            List.of(equal(left, Shapes.int4(1)), equal(right, Shapes.int4(2)))),
                        new Expr.And(
                            List.of(equal(left, Shapes.int4(2)), equal(right, Shapes.int4(1))))));
          });
    }
    Plan chosen =
        Shapes.filter(
            product, conditions.size() == 1 ? conditions.getFirst() : new Expr.And(conditions));
    for (int questions = random.nextInt(3); questions > 0; questions--) {
      chosen = asked(chosen, random.nextInt(width), random);
    }
    return Shapes.project(chosen, column(0), column(width - 1), column(random.nextInt(width)));
  }

  // What was found so far joined with up to four tables, until nothing is found any more.
  private static Plan recursiveQuery(Random random) {
    Plan base = Shapes.project(scan(random.nextInt(TABLES)), column(random.nextInt(3)));
    return RecursionShapes.recursion(
        base,
        false,
        found -> {
          int inputs = 2 + random.nextInt(3);
          Plan product = found;
          List<Expr> conditions = new ArrayList<>();
          for (int i = 0; i < inputs; i++) {
            int width = product.schema().size();
            product = Shapes.join(product, scan(random.nextInt(TABLES)), null);
            conditions.add(equal(column(random.nextInt(width)), column(width + random.nextInt(3))));
          }
          return Shapes.project(
              Shapes.filter(product, new Expr.And(conditions)),
              column(random.nextInt(product.schema().size())));
        });
  }

  // Of the rows those that have a match in a table, or those that have none; some, where something
  // else is asked for beside it.
  private static Plan asked(Plan rows, int by, Random random) {
    Plan table = scan(random.nextInt(TABLES));
    Plan marked = Shapes.markJoin(rows, table, by, random.nextInt(3));
    Expr mark = new Expr.Column(rows.schema().size(), SqlType.BOOL);
    Expr condition =
        switch (random.nextInt(4)) {
          case 0 -> mark;
          case 1 -> new Expr.Not(mark);
          case 2 -> new Expr.And(List.of(mark, equal(column(1), Shapes.int4(1))));
          default -> new Expr.Or(List.of(mark, equal(column(1), Shapes.int4(1))));
        };
    return Shapes.filter(marked, condition);
  }

  private static Plan scan(int table) {
    // Tables of even numbers have a primary key.
    return new Plan.Scan(
        FIRST + table, "t" + table, table % 2 == 0 ? List.of(0) : List.of(), SCHEMA);
  }

  private static Expr column(int index) {
    return new Expr.Column(index, SqlType.INT4);
  }

  private static Expr equal(Expr left, Expr right) {
    return new Expr.Call(EQUAL, List.of(left, right), SqlType.BOOL, 0);
  }

  private static Map<Integer, ZSet> changes(Map<Integer, ZSet> contents, Random random) {
    Map<Integer, ZSet> deltas = new HashMap<>();
    for (int table = 0; table < TABLES; table++) {
      ZSet before = contents.getOrDefault(FIRST + table, ZSet.EMPTY);
      ZSet.Builder delta = new ZSet.Builder();
      before.forEach(
          (row, weight) -> {
            if (random.nextInt(3) == 0) {
              delta.add(row, -weight);
            }
          });
      for (int id = random.nextInt(3); id < 6; id += 1 + random.nextInt(3)) {
        if (!holds(before, id)) {
          Long y = random.nextInt(4) == 0 ? null : Long.valueOf(random.nextInt(3));
          delta.add(SCHEMA.pack((long) id, (long) random.nextInt(4), y), 1);
        }
      }
      ZSet made = delta.build();
      deltas.put(FIRST + table, made);
      contents.put(FIRST + table, before.plus(made));
    }
    return deltas;
  }

  // Ids stay unique: one that is held is not put again, even if it goes now.
  private static boolean holds(ZSet rows, long id) {
    boolean[] found = {false};
    rows.forEach((row, _) -> found[0] |= Long.valueOf(id).equals(SCHEMA.value(row, 0)));
    return found[0];
  }
}
