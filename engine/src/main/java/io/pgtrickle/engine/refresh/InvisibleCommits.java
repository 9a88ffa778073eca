package io.pgtrickle.engine.refresh;

import io.pgtrickle.cdc.slot.Visibility;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Transactions whose commit the log has told, and of which it is not known yet whether others see
/// them; see [Visibility].
///
/// Short, because the regular look at the server empties it. Used by the refresh thread only.
final class InvisibleCommits {
  // By transaction id the relations of its epoch.
  private final Map<Integer, Set<Integer>> commits = new LinkedHashMap<>();
  // Their commits may have been told to an earlier process, so nothing is known of them.
  private @Nullable Set<Integer> openAtStart;

  /// Notes the transactions of an epoch.
  void decoded(Collection<Integer> xids, Set<Integer> relations) {
    xids.forEach(xid -> commits.put(xid, Set.copyOf(relations)));
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
