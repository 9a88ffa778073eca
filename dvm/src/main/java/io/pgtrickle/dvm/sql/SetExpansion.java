package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.sql.NodeTree.Node;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/// What GROUPING SETS, ROLLUP and CUBE stand for: a list of sets of grouped columns, named by their
/// references.
final class SetExpansion {
  /// The server's own bound.
  private static final int MOST = 4096;

  private SetExpansion() {}

  /// The sets of a GROUP BY: every combination of one set of each item.
  ///
  /// @param distinct whether equal sets count once
  static List<SortedSet<Integer>> of(List<Node> items, boolean distinct) {
    List<SortedSet<Integer>> sets = List.of(new TreeSet<>());
    for (Node item : items) {
      List<SortedSet<Integer>> next = new ArrayList<>();
      List<SortedSet<Integer>> choices = sets(item);
      for (SortedSet<Integer> set : sets) {
        for (SortedSet<Integer> choice : choices) {
          next.add(union(set, choice));
        }
      }
      if (next.size() > MOST) {
        throw NodeForm.notUnderstood("more than " + MOST + " grouping sets");
      }
      sets = next;
    }
    return distinct ? List.copyOf(new LinkedHashSet<>(sets)) : sets;
  }

  private static SortedSet<Integer> union(SortedSet<Integer> a, SortedSet<Integer> b) {
    SortedSet<Integer> both = new TreeSet<>(a);
    both.addAll(b);
    return both;
  }

  private static List<SortedSet<Integer>> sets(Node item) {
    return NodeForm.read(
        item,
        form ->
            switch (form.integer("kind")) {
              case 0 -> {
                form.neutral("content");
                yield List.of(new TreeSet<>());
              }
              case 1 -> List.of(new TreeSet<>(form.numbers("content")));
              case 2 -> rollup(form.nodes("content"));
              case 3 -> cube(form.nodes("content"));
              case 4 ->
                  form.nodes("content").stream().flatMap(each -> sets(each).stream()).toList();
              default -> throw NodeForm.notUnderstood("a grouping set");
            });
  }

  private static List<SortedSet<Integer>> rollup(List<Node> parts) {
    List<SortedSet<Integer>> sets = new ArrayList<>();
    SortedSet<Integer> first = new TreeSet<>();
    sets.add(first);
    for (Node part : parts) {
      first = union(first, sets(part).getFirst());
      sets.add(first);
    }
    return sets.reversed();
  }

  private static List<SortedSet<Integer>> cube(List<Node> parts) {
    List<SortedSet<Integer>> sets = List.of(new TreeSet<>());
    for (Node part : parts) {
      List<SortedSet<Integer>> more = new ArrayList<>(sets);
      SortedSet<Integer> own = sets(part).getFirst();
      sets.forEach(set -> more.add(union(set, own)));
      if (more.size() > MOST) {
        throw NodeForm.notUnderstood("more than " + MOST + " grouping sets");
      }
      sets = more;
    }
    return sets;
  }
}
