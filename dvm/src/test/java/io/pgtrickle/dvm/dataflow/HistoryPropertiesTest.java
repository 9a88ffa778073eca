package io.pgtrickle.dvm.dataflow;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/// Short histories of any shape, shrunk to the smallest that fails: duplicates, NULLs, rows that
/// come and go within an epoch, changes of both tables at once.
final class HistoryPropertiesTest {
  private static final Map<String, Plan> SHAPES = Shapes.all();

  /// Some copies of a row of a table; a negative number takes away as many as there are.
  record Change(int relation, Row row, int copies) {}

  @Provide
  Arbitrary<String> shapes() {
    return Arbitraries.of(SHAPES.keySet());
  }

  @Provide
  Arbitrary<List<List<Change>>> histories() {
    Arbitrary<String> orders =
        Combinators.combine(
                Arbitraries.of("1", "2", "3"),
                Arbitraries.of("1", "2", "3", "NULL"),
                Arbitraries.of("1", "1.0", "-2.50", "NULL"),
                Arbitraries.of("a", "", "NULL"))
            .as((id, customer, amount, note) -> String.join("|", id, customer, amount, note));
    Arbitrary<String> customers =
        Combinators.combine(
                Arbitraries.of("1", "2", "3"),
                Arbitraries.of("a", "north", "NULL"),
                Arbitraries.of("0", "-0", "1.25", "NULL"))
            .as((id, region, score) -> String.join("|", id, region, score));
    Arbitrary<Integer> copies = Arbitraries.of(1, 1, 2, -1, -1, -2);
    Arbitrary<Change> change =
        Arbitraries.oneOf(
            Combinators.combine(orders, copies)
                .as((row, n) -> new Change(Shapes.ORDERS_OID, Tables.row(Shapes.ORDERS, row), n)),
            Combinators.combine(customers, copies)
                .as(
                    (row, n) ->
                        new Change(Shapes.CUSTOMERS_OID, Tables.row(Shapes.CUSTOMERS, row), n)));
    return change.list().ofMaxSize(6).list().ofMaxSize(6);
  }

  @Property(tries = 2_000, edgeCases = EdgeCasesMode.NONE)
  void everyShapeEqualsItsRecomputation(
      @ForAll("shapes") String shape, @ForAll("histories") List<List<Change>> history) {
    Plan plan = SHAPES.get(shape);
    assertThat(plan).isNotNull();
    Dataflow dataflow = new Dataflow(Runnable::run);
    dataflow.add(new View(1, 5001, shape, Shapes.runnable(plan), Shapes.SETTINGS));
    Map<Integer, ZSet> contents = new HashMap<>();
    ZSet shown = ZSet.EMPTY;
    for (List<Change> epoch : history) {
      Map<Integer, ZSet> deltas = new HashMap<>();
      for (Change change : epoch) {
        ZSet before = contents.getOrDefault(change.relation(), ZSet.EMPTY);
        long copies = Math.max(change.copies(), -before.weightOf(change.row()));
        ZSet delta = new ZSet.Builder().add(change.row(), copies).build();
        contents.put(change.relation(), before.plus(delta));
        deltas.merge(change.relation(), delta, ZSet::plus);
      }
      shown = shown.plus(dataflow.step(deltas, _ -> true).released().getOrDefault(1L, ZSet.EMPTY));
      Naive naive = new Naive(contents, Shapes.SETTINGS);
      ZSet expected = naive.evaluate(plan);
      assertThat(dataflow.errors(1).healed()).isEqualTo(naive.failures().isEmpty());
      if (naive.failures().isEmpty()) {
        assertThat(Tables.text(plan.schema(), shown))
            .isEqualTo(Tables.text(plan.schema(), expected));
      }
    }
  }
}
