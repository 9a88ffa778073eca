package io.pgtrickle.engine.refresh;

import io.pgtrickle.cdc.slot.Visibility;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Transactions whose commit the log has told, and of which it is not known yet whether others see
/// them; see [Visibility].
///
/// Short, because the regular look at the server empties it; while the log is stepped through after
/// a restart, no look comes, and only the latest are kept. Used by the refresh thread only.
final class InvisibleCommits {
  private static final int KEPT = 100_000;

  // By transaction id the relations of its epoch.
  private final SequencedMap<Integer, Set<Integer>> commits = new LinkedHashMap<>();
  // Their commits may have been told to an earlier process, so nothing is known of them.
  private @Nullable Set<Integer> openAtStart;

  /// Notes the transactions of an epoch.
  void decoded(Collection<Integer> xids, Set<Integer> relations) {
    Set<Integer> touched = Set.copyOf(relations);
    xids.forEach(xid -> commits.put(xid, touched));
    while (commits.size() > KEPT) {
      commits.pollFirstEntry();
    }
  }

  /// The transactions that may have changed some of the relations.
  Set<Integer> touching(Set<Integer> relations) {
    Set<Integer> found = new HashSet<>(openAtStart == null ? Set.of() : openAtStart);
    commits.forEach(
        (xid, touched) -> {
          if (!Collections.disjoint(touched, relations)) {
            found.add(xid);
          }
        });
    return found;
  }

  /// Takes a look at the server.
  void visible(Visibility now) {
    commits.keySet().removeIf(now::shows);
    if (openAtStart == null) {
      openAtStart = new HashSet<>(now.inProgress());
    } else {
      openAtStart.removeIf(now::shows);
    }
  }
}
