package io.pgtrickle.engine.catalog;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/// Which stream tables read which: the edges of the DAG, as the definitions' documents have them.
///
/// @param upstream per stream table the stream tables that its query reads, directly or through
///     views; tables that read none are absent
public record Dependencies(Map<Long, Set<Long>> upstream) {
  public Dependencies {
    Map<Long, Set<Long>> copy = new TreeMap<>();
    upstream.forEach((reader, sources) -> copy.put(reader, Set.copyOf(sources)));
    upstream = Map.copyOf(copy);
  }

  public static Dependencies read(Connection connection) throws SQLException {
    Map<Long, Set<Long>> upstream = new TreeMap<>();
    try (PreparedStatement query =
            connection.prepareStatement(
                "SELECT s.pgt_id, d.pgt_id AS source_id FROM pgtrickle.pgt_dependencies s"
                    + " JOIN pgtrickle.pgt_definitions d"
                    + " ON d.schema_name = s.source_schema AND d.table_name = s.source_name");
        ResultSet row = query.executeQuery()) {
      while (row.next()) {
        upstream
            .computeIfAbsent(row.getLong("pgt_id"), _ -> new TreeSet<>())
            .add(row.getLong("source_id"));
      }
    }
    return new Dependencies(upstream);
  }

  /// The given stream tables, each after those it reads.
  public List<Long> upstreamFirst(Collection<Long> pgtIds) {
    Set<Long> order = new LinkedHashSet<>();
    for (Long pgtId : new TreeSet<>(pgtIds)) {
      visit(pgtId, order, new TreeSet<>());
    }
    order.retainAll(Set.copyOf(pgtIds));
    return new ArrayList<>(order);
  }

  private void visit(Long pgtId, Set<Long> order, Set<Long> path) {
    if (order.contains(pgtId)) {
      return;
    }
    if (!path.add(pgtId)) {
      throw new IllegalStateException("stream table " + pgtId + " reads itself: " + path);
    }
    new TreeSet<>(upstream.getOrDefault(pgtId, Set.of()))
        .forEach(source -> visit(source, order, path));
    path.remove(pgtId);
    order.add(pgtId);
  }

  /// All stream tables that read the given one, directly or through others.
  public Set<Long> downstream(long pgtId) {
    Set<Long> found = new TreeSet<>();
    List<Long> pending = new ArrayList<>(List.of(pgtId));
    while (!pending.isEmpty()) {
      Long source = pending.removeLast();
      upstream.forEach(
          (reader, sources) -> {
            if (sources.contains(source) && found.add(reader)) {
              pending.add(reader);
            }
          });
    }
    return found;
  }
}
