package io.pgtrickle.engine.backfill;

import io.pgtrickle.engine.catalog.Definition;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/// Compares the definitions in the catalog with those that are known, and says what is to be done.
///
/// It is level-triggered: the log tells *that* definitions changed, and what they are is read then.
/// Reading a
/// newer state than that of the change is harmless, since its own change follows; after a
/// change that was decoded before it became visible somebody has to look again.
public final class DefinitionWatch {
  private final Map<Long, Definition> known = new ConcurrentHashMap<>();
  // Which version of its row each is, or an earlier one; used by whoever looks.
  private final Map<Long, String> versions = new HashMap<>();

  /// What changed since the last look.
  ///
  /// @param initialize new definitions, and those whose contents must be built anew
  /// @param redefine those of which only schedule or suspension changed, or that were written as
  /// they
  ///     are, which asks for another try
  /// @param dropped ids that are gone
  public record Changes(List<Definition> initialize, List<Definition> redefine, Set<Long> dropped) {
    public boolean isEmpty() {
      return initialize.isEmpty() && redefine.isEmpty() && dropped.isEmpty();
    }
  }

  /// Reads what has changed in the catalog.
  public Changes look(Connection session) throws SQLException {
    Map<Long, String> former = Map.copyOf(versions);
    Map<Long, Definition> now = current(session);
    Map<Long, Definition> before = new HashMap<>(known);
    List<Definition> initialize = new ArrayList<>();
    List<Definition> redefine = new ArrayList<>();
    now.forEach(
        (id, definition) -> {
          Definition earlier = before.remove(id);
          if (earlier == null || definition.rebuilds(earlier)) {
            initialize.add(definition);
          } else if (!definition.equals(earlier)
              || !former.getOrDefault(id, "").equals(versions.get(id))) {
            redefine.add(definition);
          }
        });
    known.keySet().retainAll(now.keySet());
    known.putAll(now);
    return new Changes(initialize, redefine, new LinkedHashSet<>(before.keySet()));
  }

  // Rows are long, and there may be a thousand.
  private Map<Long, Definition> current(Connection session) throws SQLException {
    Map<Long, String> seen = Definition.versions(session);
    Set<Long> differing = new HashSet<>();
    seen.forEach(
        (id, version) -> {
          if (!version.equals(versions.get(id))) {
            differing.add(id);
          }
        });
    Map<Long, Definition> read = new HashMap<>();
    if (!differing.isEmpty()) {
      Definition.readAll(session, differing).forEach(d -> read.put(d.pgtId(), d));
    }
    Map<Long, Definition> now = new LinkedHashMap<>();
    for (long id : seen.keySet()) {
      Definition definition = differing.contains(id) ? read.get(id) : known.get(id);
      if (definition != null) {
        now.put(id, definition);
      }
    }
    versions.clear();
    versions.putAll(seen);
    return now;
  }

  /// Whether a stream table is defined.
  public boolean isDefined(long id) {
    return known.containsKey(id);
  }

  /// The current definition, if there is one.
  public Optional<Definition> definition(long id) {
    return Optional.ofNullable(known.get(id));
  }

  /// Whether a relation is the storage table of a stream table.
  public boolean isStreamTable(int relation) {
    return known.values().stream().anyMatch(d -> d.relation().value() == relation);
  }

  /// The definition whose storage table a relation is.
  Optional<Definition> ofRelation(int relation) {
    return known.values().stream().filter(d -> d.relation().value() == relation).findFirst();
  }

  /// Every known definition.
  public List<Definition> all() {
    return List.copyOf(known.values());
  }
}
