package io.pgtrickle.engine.refresh;

import io.pgtrickle.cdc.Oid;
import io.pgtrickle.engine.intake.Intake;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/// The base tables that nobody reads any more: they are let go of, and need not be published.
///
/// Used by the refresh thread only, but for [#claim].
final class Unread {
  private final Intake intake;
  private final Supplier<Set<Integer>> read;
  // Let go of since somebody last asked.
  private final Set<Integer> detached = new HashSet<>();
  // Those of stream tables that were taken out to be built anew.
  private final Map<Long, Set<Integer>> awaited = new HashMap<>();
  private volatile Set<Integer> claimed = Set.of();

  /// @param read what stream tables read that are live, or being built
  Unread(Intake intake, Supplier<Set<Integer>> read) {
    this.intake = intake;
    this.read = read;
  }

  /// Says what is about to be read, instead of what was said before; from any thread.
  void claim(Set<Integer> relations) {
    claimed = Set.copyOf(relations);
  }

  /// Says what a stream table will read again once it is built anew.
  void await(long id, Set<Integer> relations) {
    awaited.put(id, Set.copyOf(relations));
  }

  /// A stream table is there again, or gone.
  void awaitNoMore(long id) {
    awaited.remove(id);
  }

  /// Lets go of those among some relations that nobody reads or is about to.
  void letGo(Set<Integer> relations) {
    Set<Integer> unread = new HashSet<>(relations);
    unread.retainAll(intake.relations());
    unread.removeAll(read.get());
    awaited.values().forEach(unread::removeAll);
    unread.removeAll(claimed);
    unread.forEach(relation -> intake.detach(new Oid(relation)));
    detached.addAll(unread);
  }

  /// Lets go of all that nobody reads, when nobody is about to.
  ///
  /// @return what need not be published: these, and what was let go since this was last done
  Set<Integer> letGoOfAll() {
    awaited.clear();
    Set<Integer> reading = read.get();
    Set<Integer> unread = new HashSet<>(intake.relations());
    unread.removeAll(reading);
    unread.forEach(relation -> intake.detach(new Oid(relation)));
    unread.addAll(detached);
    detached.clear();
    // What is followed again, or by looks at its contents.
    unread.removeAll(intake.relations());
    unread.removeAll(reading);
    return unread;
  }
}
