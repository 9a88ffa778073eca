package io.pgtrickle.engine.backfill;

import io.pgtrickle.cdc.Oid;
import io.pgtrickle.cdc.slot.Publications;
import java.sql.Connection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/// Notices that somebody else changed by what a base table is in the publication.
///
/// A table that leaves the publication and comes back looks as before, but what was written to it
/// meanwhile is missing from the log without a trace. So the entry itself is compared, which is
/// another one then. The entry is taken down before the table's copy begins: whatever happens to it
/// afterwards is seen.
///
/// May be used from any thread.
public final class PublicationWatch {
  private final String publication;
  private final Map<Integer, String> reliedOn = new ConcurrentHashMap<>();

  public PublicationWatch(String publication) {
    this.publication = publication;
  }

  public String publication() {
    return publication;
  }

  /// Tables were published and are about to be copied.
  ///
  /// @param followed those that were copied before and are followed on meanwhile: what they rely on
  ///     stays what it was
  /// @return by which entry each of them is published now; a copy holds for no other one
  Map<Integer, String> published(
      Connection control, Set<Integer> relations, Set<Integer> followed) {
    Map<Oid, String> entries = Publications.entries(control, publication).orElse(Map.of());
    Map<Integer, String> found = new HashMap<>();
    for (int relation : relations) {
      // Nothing there is never what is found later.
      String entry = entries.getOrDefault(new Oid(relation), "");
      found.put(relation, entry);
      reliedOn.merge(relation, entry, (before, now) -> followed.contains(relation) ? before : now);
    }
    return found;
  }

  /// Looks for tables whose changes may be missing from the log.
  ///
  /// @param followed the tables that are followed
  /// @return those among them whose entry was changed, each told once; empty if there is no
  ///     publication any more
  public Optional<Set<Integer>> altered(Connection session, Set<Integer> followed) {
    return Publications.entries(session, publication)
        .map(
            entries -> {
              Set<Integer> altered = new HashSet<>();
              for (int relation : followed) {
                String now = entries.get(new Oid(relation));
                String before = reliedOn.get(relation);
                if (before == null) {
                  if (now != null) {
                    reliedOn.put(relation, now);
                  }
                } else if (!before.equals(now)) {
                  reliedOn.remove(relation, before);
                  altered.add(relation);
                }
              }
              return altered;
            });
  }
}
