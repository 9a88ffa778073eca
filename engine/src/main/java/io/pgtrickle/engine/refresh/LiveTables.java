package io.pgtrickle.engine.refresh;

import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// The stream tables that take part in the stream, and who reads whom.
///
/// Used by the refresh thread only.
final class LiveTables {
  private final Map<Long, LiveTable> tables = new LinkedHashMap<>();
  private final Map<Integer, Long> byRelation = new HashMap<>();

  @Nullable LiveTable get(long id) {
    return tables.get(id);
  }

  /// A copy, in the order in which they joined.
  List<LiveTable> all() {
    return List.copyOf(tables.values());
  }

  Set<Long> ids() {
    return Set.copyOf(tables.keySet());
  }

  /// The one whose storage table a relation is.
  Optional<LiveTable> ofRelation(int relation) {
    return Optional.ofNullable(byRelation.get(relation)).map(tables::get);
  }

  boolean contains(long id) {
    return tables.containsKey(id);
  }

  void add(LiveTable table) {
    tables.put(table.id(), table);
    byRelation.put(table.storage().relation(), table.id());
  }

  @Nullable LiveTable remove(long id) {
    LiveTable table = tables.remove(id);
    if (table != null) {
      byRelation.remove(table.storage().relation());
    }
    return table;
  }

  /// The relations that some table reads.
  Set<Integer> sources() {
    Set<Integer> sources = new HashSet<>();
    tables.values().forEach(table -> sources.addAll(table.sources()));
    return sources;
  }

  /// The stream tables that one reads, directly or not.
  Set<Long> upstream(long id) {
    Set<Long> found = new HashSet<>();
    collectUpstream(id, found);
    return found;
  }

  private void collectUpstream(long id, Set<Long> found) {
    LiveTable table = tables.get(id);
    if (table == null) {
      return;
    }
    for (int relation : table.sources()) {
      Long up = byRelation.get(relation);
      if (up != null && found.add(up)) {
        collectUpstream(up, found);
      }
    }
  }

  /// The stream tables that read one, directly or not.
  Set<Long> downstream(long id) {
    Set<Long> found = new HashSet<>();
    for (LiveTable table : tables.values()) {
      if (upstream(table.id()).contains(id)) {
        found.add(table.id());
      }
    }
    return found;
  }

  /// The stream tables among some relations that do not have contents that are applied as they are
  /// computed.
  Set<Integer> unsettled(Collection<Integer> relations, IntPredicate isStreamTable) {
    return relations.stream()
        .filter(isStreamTable::test)
        .filter(relation -> settled(relation).isEmpty())
        .collect(Collectors.toSet());
  }

  /// The one whose storage table a relation is, if it has contents that are applied as they are
  /// computed.
  Optional<LiveTable> settled(int relation) {
    return ofRelation(relation)
        .filter(table -> table.populated() && table.carried().isEmpty() && table.hold().isEmpty());
  }

  /// Whether a table has to stay as it is for now: because it is held, or one that it reads is.
  boolean blocked(LiveTable table) {
    return table.waits() || isBlockedByOthers(table);
  }

  /// Whether a table that one reads is held.
  boolean isBlockedByOthers(LiveTable table) {
    return upstream(table.id()).stream().map(tables::get).anyMatch(up -> up != null && up.waits());
  }

  /// From when on a table, or one that it reads, could not be written; empty if all can.
  Optional<Instant> heldSince(LiveTable table) {
    Optional<Instant> since = table.hold().map(LiveTable.Hold::since);
    for (long id : upstream(table.id())) {
      LiveTable up = tables.get(id);
      Optional<Instant> above =
          up == null ? Optional.empty() : up.hold().map(LiveTable.Hold::since);
      if (above.isPresent() && (since.isEmpty() || above.get().isBefore(since.get()))) {
        since = above;
      }
    }
    return since;
  }

  // Hardly ever, while there may be a thousand tables and this is asked all the time.
  private boolean anyHeld() {
    for (LiveTable table : tables.values()) {
      if (table.hold().isPresent()) {
        return true;
      }
    }
    return false;
  }

  /// The held tables of which it is time to find out whether they can be written.
  List<LiveTable> rehearsalsDue(Instant now) {
    if (!anyHeld()) {
      return List.of();
    }
    return tables.values().stream()
        .filter(table -> table.isRehearsalDue(now) && !isBlockedByOthers(table))
        .toList();
  }
}
