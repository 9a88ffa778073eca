package io.pgtrickle.engine.notify;

import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Decides which transactions notify, so that each stream table does so at most once per window.
///
/// Per table the time line is cut into windows, each beginning with a notification:
///
///     refresh ──► notifies at once        window ends with nothing new ──► quiet
///     refresh, refresh … within the window ──► one notification at its end ──► the next window
///
/// The sums themselves are in the database (see the package's story); here is only *when*. A
/// decision takes effect with [#sent], after its transaction has committed: one that rolls back
/// leaves everything as it was, and the next transaction decides again.
///
/// Used by one thread.
public final class Coalescer {
  private final Map<Long, Instant> windowEnds = new HashMap<>();
  private final Set<Long> untold = new HashSet<>();
  private Duration window;

  /// @param window zero to notify of every refresh
  public Coalescer(Duration window) {
    this.window = window;
  }

  /// Changes the length of windows that begin from now on.
  public void window(Duration length) {
    window = length;
  }

  /// Takes over what was refreshed and not told before a restart: it is due at once.
  public void resume(Collection<Long> pgtIds) {
    untold.addAll(pgtIds);
  }

  /// The stream tables whose listeners are to be told in the transaction that is about to commit:
  /// those it changes and whose window is over, and those whose window has ended meanwhile.
  ///
  /// @param changed the stream tables the transaction changes; may be empty
  public Set<Long> due(Collection<Long> changed, Instant now) {
    Set<Long> due = new HashSet<>(untold);
    due.addAll(changed);
    due.removeIf(pgtId -> isWithinWindow(pgtId, now));
    return due;
  }

  private boolean isWithinWindow(Long pgtId, Instant now) {
    Instant end = windowEnds.get(pgtId);
    return end != null && now.isBefore(end);
  }

  /// The transaction has committed: what it changed, what it told of.
  ///
  /// @param told the set that [#due] returned for it
  public void sent(Collection<Long> changed, Set<Long> told, Instant now) {
    untold.addAll(changed);
    untold.removeAll(told);
    for (Long pgtId : told) {
      windowEnds.put(pgtId, now.plus(window));
    }
    // A window that ended quietly is no different from none.
    windowEnds.entrySet().removeIf(entry -> !now.isBefore(entry.getValue()));
  }

  /// When to notify in a transaction of its own, if no refresh comes before; empty if nothing is
  /// waiting to be told.
  public Optional<Instant> nextDeadline(Instant now) {
    return untold.stream()
        .map(pgtId -> windowEnds.getOrDefault(pgtId, now))
        .min(Instant::compareTo);
  }

  /// Forgets a stream table that was dropped.
  public void forget(long pgtId) {
    untold.remove(pgtId);
    windowEnds.remove(pgtId);
  }
}
