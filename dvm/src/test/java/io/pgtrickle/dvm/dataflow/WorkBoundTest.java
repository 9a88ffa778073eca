package io.pgtrickle.dvm.dataflow;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// The work that a change makes, counted as entries read of arrangements, is a matter of the change
/// and not of how much there is: in tables of ten times as many rows the same change reads about as
/// many entries.
///
/// A customer has four orders, three orders share a note, two customers a region, whatever the
/// size.
final class WorkBoundTest {
  private static final int SIZE = 100;

  /// What logarithms and other heights of the same tree may add.
  private static final int SLACK = 60;

  /// Shapes by a part of their name, and why a change of them costs more the more rows there are.
  private static final Map<String, String> EXCEPTIONS =
      Map.ofEntries(
          Map.entry("cross product", "every row is in a pair"),
          Map.entry("collected values, global", "the value of a group is made anew"),
          Map.entry("outer join without keys", "all pairs are compared"),
          Map.entry("outer join on a residual alone", "all pairs are compared"),
          Map.entry("greater than any", "an order comparison with all rows"),
          Map.entry("greater than all", "an order comparison with all rows"),
          Map.entry("scalar whose argument is correlated", "correlated by an inequality"),
          Map.entry("scalar count whose condition is an inequality", "likewise"),
          Map.entry("lateral: a total", "likewise"),
          Map.entry("lateral: groups", "likewise"),
          Map.entry("lateral: nothing of the row", "a cross product"),
          Map.entry("unfold joined", "every longer series has the value that is looked for"),
          Map.entry("unfold on the right of a left join", "likewise"),
          Map.entry("lateral unfold: a join", "likewise"),
          Map.entry("unfold in a join in EXISTS", "likewise"),
          Map.entry("window: numbers of the whole table", "what is behind is numbered anew"),
          Map.entry("window: ROWS EXCLUDE", "frames that end with the one partition"),
          Map.entry("window: RANGE EXCLUDE", "offsets by RANGE compute the one partition anew"),
          Map.entry("window: GROUPS EXCLUDE", "offsets by GROUPS compute the one partition anew"),
          Map.entry("window: over a window", "a partition that grows with the table"),
          Map.entry("window: over groups", "one partition of all groups"));

  static Stream<Arguments> shapes() {
    return Shapes.all().entrySet().stream()
        .map(shape -> Arguments.of(shape.getKey(), shape.getValue()));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("shapes")
  void theSameChangeReadsAsManyEntriesOfTenTimesAsManyRows(String name, Plan plan) {
    long few = entriesRead(name, plan, SIZE);
    long many = entriesRead(name, plan, 10 * SIZE);
    if (EXCEPTIONS.keySet().stream().anyMatch(name::contains)) {
      assertThat(many).as("an exception no more, with %d", few).isGreaterThan(2 * few + SLACK);
    } else {
      assertThat(many).as("instead of %d", few).isLessThanOrEqualTo(2 * few + SLACK);
    }
  }

  @Test
  void everyExceptionIsTheNameOfAShape() {
    assertThat(EXCEPTIONS.keySet())
        .allSatisfy(
            name -> assertThat(Shapes.all().keySet()).anyMatch(shape -> shape.contains(name)));
  }

  private static long entriesRead(String name, Plan plan, int size) {
    Storage storage = Storage.onHeap(Runnable::run);
    Dataflow dataflow = new Dataflow(storage);
    dataflow.add(new View(1, 5001, name, Shapes.runnable(plan), Shapes.SETTINGS));
    ZSet.Builder orders = new ZSet.Builder();
    for (int id = 1; id <= size; id++) {
      orders.add(order(id, id / 4 + 1), 1);
    }
    ZSet.Builder customers = new ZSet.Builder();
    for (int id = 1; id <= size / 4 + 1; id++) {
      customers.add(customer(id, id / 2), 1);
    }
    dataflow.step(
        Map.of(Shapes.ORDERS_OID, orders.build(), Shapes.CUSTOMERS_OID, customers.build()),
        _ -> true);
    // Series run up to the id.
    int id = name.contains("unfold") ? 14 : size - 6;
    ZSet changedOrders =
        new ZSet.Builder()
            .add(order(id, id / 4 + 1), -1)
            .add(order(id, id / 4), 1)
            .add(order(id + 1, (id + 1) / 4 + 1), -1)
            .build();
    int customer = id / 4 - 1;
    ZSet changedCustomers =
        new ZSet.Builder()
            .add(customer(customer, customer / 2), -1)
            .add(customer(customer, customer / 2 + 1), 1)
            .build();
    long before = storage.entriesRead();
    dataflow.step(
        Map.of(Shapes.ORDERS_OID, changedOrders, Shapes.CUSTOMERS_OID, changedCustomers),
        _ -> true);
    return storage.entriesRead() - before;
  }

  private static Row order(int id, int customer) {
    return Tables.row(
        Shapes.ORDERS, id + "|" + customer + "|" + id + (id % 2 == 0 ? ".50|n" : "|n") + id / 3);
  }

  private static Row customer(int id, int region) {
    return Tables.row(Shapes.CUSTOMERS, id + "|r" + region + "|" + id + ".5");
  }
}
