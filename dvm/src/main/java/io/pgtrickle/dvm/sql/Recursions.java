package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/// The recursive WITH queries inside of which is being bound, the innermost first.
///
/// What reads rows found so far belongs to the nearest recursion around it in a plan; so a query
/// that reads those of one further out is refused.
final class Recursions {
  private record Recursion(Levels.CommonTable table, Schema schema) {}

  private final Deque<Optional<Recursion>> open = new ArrayDeque<>();
  private final Set<Levels.CommonTable> reading = new HashSet<>();

  /// Binds a WITH query that reads itself, where something else reads it.
  Plan of(Levels.CommonTable table, Supplier<Plan> query) {
    if (!reading.add(table)) {
      throw NodeForm.notUnderstood("a WITH query that reads itself without saying so");
    }
    try {
      return query.get();
    } finally {
      reading.remove(table);
    }
  }

  /// Binds the term of a WITH query that reads itself.
  Plan inside(Levels.CommonTable table, Schema schema, Supplier<Plan> term) {
    return within(Optional.of(new Recursion(table, schema)), term);
  }

  /// Binds the other term.
  Plan outside(Supplier<Plan> term) {
    return within(Optional.empty(), term);
  }

  private Plan within(Optional<Recursion> recursion, Supplier<Plan> term) {
    open.push(recursion);
    try {
      return term.get();
    } finally {
      open.pop();
    }
  }

  /// The rows that a WITH query has found, where it reads itself.
  Plan found(Levels.CommonTable table) {
    return Optional.ofNullable(open.peek())
        .flatMap(innermost -> innermost)
        .filter(recursion -> recursion.table().equals(table))
        .map(recursion -> new Plan.Working(recursion.schema()))
        .orElseThrow(
            () ->
                QueryRejected.notYet(
                    "unsupported_clause", "WITH RECURSIVE that reads another one around it"));
  }
}
