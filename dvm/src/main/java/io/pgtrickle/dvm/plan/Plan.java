package io.pgtrickle.dvm.plan;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.zset.Schema;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A relational expression over base relations, with bag semantics.
///
/// The family is closed; a rewrite or a compiler is one `switch` without a default.
public sealed interface Plan {
  Schema schema();

  /// The plans this one reads, from left to right.
  default List<Plan> inputs() {
    return switch (this) {
      case Scan _, Values _ -> List.of();
      case Filter filter -> List.of(filter.input());
      case Project project -> List.of(project.input());
      case Join join -> List.of(join.left(), join.right());
      case UnionAll union -> union.inputs();
      case Distinct distinct -> List.of(distinct.input());
      case Aggregate aggregate -> List.of(aggregate.input());
    };
  }

  /// The distinct scans below and including this plan, in the order of their first occurrence.
  default Set<Scan> scans() {
    Set<Scan> found = new LinkedHashSet<>();
    if (this instanceof Scan scan) {
      found.add(scan);
    }
    inputs().forEach(input -> found.addAll(input.scans()));
    return found;
  }

  /// Whether rows of several inputs are combined into one anywhere in this plan.
  default boolean joins() {
    return this instanceof Join || inputs().stream().anyMatch(Plan::joins);
  }

  /// The rows of a relation: a base table or the storage table of another stream table.
  ///
  /// @param relation `pg_class.oid`
  /// @param name schema-qualified and quoted, for people
  /// @param key positions of a usable unique key (primary key), empty when there is none
  record Scan(int relation, String name, List<Integer> key, Schema schema) implements Plan {
    public Scan {
      key = List.copyOf(key);
    }
  }

  /// Constant rows (VALUES, or the single empty row of a SELECT without FROM).
  record Values(List<List<Expr>> rows, Schema schema) implements Plan {
    public Values {
      rows = rows.stream().map(List::copyOf).toList();
    }
  }

  /// Rows for which the condition is true.
  record Filter(Plan input, Expr condition) implements Plan {
    @Override
    public Schema schema() {
      return input.schema();
    }
  }

  /// One output row per input row.
  record Project(Plan input, List<Expr> expressions, Schema schema) implements Plan {
    public Project {
      expressions = List.copyOf(expressions);
    }
  }

  /// Inner join: pairs with equal keys (a NULL key matches nothing) for which the residual is true.
  ///
  /// The schema is left's columns followed by right's; `residual` sees that. No keys: cross
  /// product.
  record Join(Plan left, Plan right, List<Key> keys, @Nullable Expr residual, Schema schema)
      implements Plan {
    // Spelled out: a compact constructor would lose the annotation of a nullable component.
    public Join(Plan left, Plan right, List<Key> keys, @Nullable Expr residual, Schema schema) {
      this.left = left;
      this.right = right;
      this.keys = List.copyOf(keys);
      this.residual = residual;
      this.schema = schema;
    }
  }

  /// One conjunct `left = right` of a join; both sides have the same key encoding.
  record Key(Expr left, Expr right) {}

  /// Bag union; all inputs have the same column types.
  record UnionAll(List<Plan> inputs, Schema schema) implements Plan {
    public UnionAll {
      inputs = List.copyOf(inputs);
    }
  }

  /// One row per class of equal rows.
  record Distinct(Plan input) implements Plan {
    @Override
    public Schema schema() {
      return input.schema();
    }
  }

  /// Groups by `groups`; the output is the group values followed by the aggregates' results.
  ///
  /// With no groups there is exactly one output row, over an empty input too.
  record Aggregate(Plan input, List<Expr> groups, List<AggregateCall> calls, Schema schema)
      implements Plan {
    public Aggregate {
      groups = List.copyOf(groups);
      calls = List.copyOf(calls);
    }
  }
}
