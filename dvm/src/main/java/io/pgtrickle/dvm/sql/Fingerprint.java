package io.pgtrickle.dvm.sql;

import com.dynatrace.hash4j.hashing.Hashing;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeSet;

/// What an analyzed query computes, independent of how it is cut into subqueries.
///
/// Every scalar expression is written out down to columns of base relations, through subqueries,
/// views, WITH queries, joins and groupings. Two trees with equal fingerprints read the same
/// relations, apply the same functions to the same arguments, under the same collations, test the
/// same conditions, group by the same values and return the same columns in the same order.
///
/// A column that an outer join may have made NULL is written as such, with the join, so that a
/// condition below the join and one above it are two.
///
/// It is computed from the tree alone, without [Binder], so that it can testify against it.
///
/// @param relations how often each base relation is read, by OID
/// @param expressions every subexpression other than a column or constant; the digests of long ones
/// @param conditions the conjuncts of WHERE, ON and HAVING; outer joins, INTERSECT and EXCEPT as a
///     whole
/// @param groups the grouped expressions
/// @param output the result's columns
/// @param functions how often rows of functions are read, by the calls that are in step
/// @param groupings how many queries group or aggregate
/// @param distincts how many DISTINCT and UNION (without ALL) there are
/// @param unions how many UNIONs there are, of either kind
/// @param orders what subqueries sort their rows by and do not choose them by, with the expressions
///     in it. Where nobody makes anything of the order, the plan has none
/// @param dependentColumns whether columns depend on grouped ones by a primary key
public record Fingerprint(
    SortedMap<Integer, Integer> relations,
    SortedSet<String> expressions,
    SortedSet<String> conditions,
    SortedSet<String> groups,
    List<String> output,
    SortedMap<String, Integer> functions,
    int groupings,
    int distincts,
    int unions,
    SortedSet<String> orders,
    boolean dependentColumns) {

  /// The fingerprint of an analyzed query; views are followed as `facts` describes them.
  public static Fingerprint of(String tree, Facts facts) {
    return new FingerprintReader(facts, new IdentityHashMap<>()).read(Binder.query(tree));
  }

  /// What differs first between this tree and that of the deparsed plan; empty when nothing does.
  public Optional<String> difference(Fingerprint other) {
    if (!relations.equals(other.relations)) {
      return differs("relations", relations, other.relations);
    }
    if (!functions.equals(other.functions)) {
      return differs("functions that return rows", functions, other.functions);
    }
    if (!output.equals(other.output)) {
      return differs("result columns", output, other.output);
    }
    if (!conditions.equals(other.conditions)) {
      return differs("conditions", conditions, other.conditions);
    }
    // Dependent columns are grouped by where they were not, which splits no group.
    boolean sameGroups =
        dependentColumns ? other.groups.containsAll(groups) : groups.equals(other.groups);
    if (!sameGroups) {
      return differs("groups", groups, other.groups);
    }
    SortedSet<String> others = new TreeSet<>(other.expressions);
    others.removeAll(orders);
    others.addAll(expressions);
    if (!other.expressions.containsAll(expressions) || !others.equals(expressions)) {
      return differs("expressions", expressions, other.expressions);
    }
    if (!orders.containsAll(other.orders)) {
      return differs("orders of subqueries", orders, other.orders);
    }
    List<Integer> counts = List.of(groupings, distincts, unions);
    List<Integer> otherCounts = List.of(other.groupings, other.distincts, other.unions);
    return counts.equals(otherCounts)
        ? Optional.empty()
        : differs("numbers of groupings, DISTINCTs and UNIONs", counts, otherCounts);
  }

  private static Optional<String> differs(String what, Object mine, Object theirs) {
    return Optional.of(what + " differ: " + mine + " and " + theirs);
  }

  /// What a subquery in an expression is called by. How its parts are sorted is no part of it.
  String word() {
    return digest(
        List.of(
                relations,
                expressions,
                conditions,
                groups,
                output,
                functions,
                groupings,
                distincts,
                unions,
                dependentColumns)
            .toString());
  }

  /// A long text as a word.
  static String digest(String text) {
    return Long.toHexString(Hashing.xxh3_64().hashCharsToLong(text));
  }

  /// A column of a query, resolved.
  record Output(String text, int type, int collation) {}
}
