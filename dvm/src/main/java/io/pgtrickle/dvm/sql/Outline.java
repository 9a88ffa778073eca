package io.pgtrickle.dvm.sql;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/// The bones of a query that a text and a tree must share.
///
/// @param tables what is named in FROM, each time, sorted; relations with their schema
/// @param selects how many SELECTs there are
/// @param joins the outer joins, `LEFT`, `RIGHT` and `FULL`, sorted
/// @param unions `UNION`, `UNION ALL` and the other set operations, sorted
/// @param distincts how many SELECT DISTINCT there are
/// @param groups the numbers of GROUP BY items, sorted
/// @param aggregates how many calls of aggregates stand in target lists and HAVING
/// @param windows how many calls have an OVER
record Outline(
    List<String> tables,
    int selects,
    List<String> joins,
    List<String> unions,
    int distincts,
    List<Integer> groups,
    int aggregates,
    int windows) {

  /// Collects an outline.
  static final class Builder {
    final List<String> tables = new ArrayList<>();
    final List<String> joins = new ArrayList<>();
    final List<String> unions = new ArrayList<>();
    final List<Integer> groups = new ArrayList<>();
    int selects;
    int distincts;
    int aggregates;
    int windows;

    Outline build() {
      Collections.sort(tables);
      Collections.sort(joins);
      Collections.sort(unions);
      Collections.sort(groups);
      return new Outline(
          List.copyOf(tables),
          selects,
          List.copyOf(joins),
          List.copyOf(unions),
          distincts,
          List.copyOf(groups),
          aggregates,
          windows);
    }
  }
}
