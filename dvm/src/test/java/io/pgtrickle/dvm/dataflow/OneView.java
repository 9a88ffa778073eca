package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Collectors;

/// A dataflow of one view that is always due, for examples of single operators in tests.
///
///     assertThat(view.step("orders: +1 | 7 | 1 | 5 | a")).isEqualTo("+1 | 7");
public final class OneView {
  private final Plan plan;
  private final Dataflow dataflow = new Dataflow(Runnable::run);

  public OneView(Plan plan) {
    this.plan = plan;
    dataflow.add(new View(1, 5001, "view", plan, Shapes.SETTINGS));
    // Constants and empty groups speak now, so that the examples show changes only.
    dataflow.step(Map.of(), _ -> true);
  }

  /// Runs one epoch; lines start with the table. The result has one line per row, sorted as text,
  /// and `ERROR sqlstate` when the view fails.
  public String step(String... lines) {
    Map<Integer, ZSet> deltas = new HashMap<>();
    for (String line : lines) {
      int colon = line.indexOf(':');
      boolean orders = line.startsWith("orders");
      ZSet row = Tables.zset(orders ? Shapes.ORDERS : Shapes.CUSTOMERS, line.substring(colon + 1));
      deltas.merge(orders ? Shapes.ORDERS_OID : Shapes.CUSTOMERS_OID, row, ZSet::plus);
    }
    StepResult result = dataflow.step(deltas, _ -> true);
    ViewErrors errors = dataflow.errors(1);
    if (!errors.healed()) {
      return "ERROR " + errors.sqlState();
    }
    ZSet delta = result.released().getOrDefault(1L, ZSet.EMPTY);
    return Arrays.stream(Tables.text(plan.schema(), delta).split("\n"))
        .sorted()
        .collect(Collectors.joining("\n"));
  }

  /// The expected result, sorted like the actual one.
  public static String rows(String... lines) {
    return Arrays.stream(lines).sorted().collect(Collectors.joining("\n"));
  }
}
