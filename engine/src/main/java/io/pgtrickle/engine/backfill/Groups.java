package io.pgtrickle.engine.backfill;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/// Which of several stream tables are initialized together.
///
/// @param <T> a stream table
/// @param relation its relation
/// @param sources the relations that it reads
record Groups<T>(Function<T, Integer> relation, Function<T, Set<Integer>> sources) {
  // None of them is live before all of them are filled, and a step takes memory for each.
  private static final int LARGEST = 64;

  /// One after the other, so that what a stream table reads is live before.
  List<List<T>> waves(List<T> all) {
    Map<Integer, T> byRelation = new LinkedHashMap<>();
    all.forEach(one -> byRelation.put(relation.apply(one), one));
    Map<Integer, Integer> levels = new HashMap<>();
    List<List<T>> waves = new ArrayList<>();
    for (T one : byRelation.values()) {
      int level = level(one, byRelation, levels);
      while (waves.size() <= level) {
        waves.add(new ArrayList<>());
      }
      waves.get(level).add(one);
    }
    return waves;
  }

  private int level(T of, Map<Integer, T> byRelation, Map<Integer, Integer> levels) {
    Integer known = levels.get(relation.apply(of));
    if (known != null) {
      return known;
    }
    // They cannot read in a circle; if they did, it would end here.
    levels.put(relation.apply(of), 0);
    int level = 0;
    for (int source : sources.apply(of)) {
      T upstream = byRelation.get(source);
      if (upstream != null && source != relation.apply(of)) {
        level = Math.max(level, level(upstream, byRelation, levels) + 1);
      }
    }
    levels.put(relation.apply(of), level);
    return level;
  }

  /// Those of a wave that share sources with each other, directly or by way of others: these have
  /// state in common, and from those that have none nothing is gained by waiting for them.
  List<List<T>> sharing(List<T> wave) {
    Map<Integer, List<T>> groups = new LinkedHashMap<>();
    Map<Integer, Integer> groupOfSource = new HashMap<>();
    for (int number = 0; number < wave.size(); number++) {
      T one = wave.get(number);
      List<T> merged = new ArrayList<>();
      for (int source : sources.apply(one)) {
        List<T> other = groups.remove(groupOfSource.getOrDefault(source, -1));
        if (other != null) {
          merged.addAll(other);
        }
      }
      merged.add(one);
      groups.put(number, merged);
      for (T member : merged) {
        for (int source : sources.apply(member)) {
          groupOfSource.put(source, number);
        }
      }
    }
    return groups.values().stream().flatMap(group -> pieces(group).stream()).toList();
  }

  private List<List<T>> pieces(List<T> group) {
    List<List<T>> pieces = new ArrayList<>();
    for (int from = 0; from < group.size(); from += LARGEST) {
      pieces.add(List.copyOf(group.subList(from, Math.min(group.size(), from + LARGEST))));
    }
    return pieces;
  }
}
