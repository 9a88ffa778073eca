package io.pgtrickle.engine.refresh;

import io.pgtrickle.cdc.Oid;
import io.pgtrickle.engine.intake.Intake;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/// Who reads which base table, or is about to.
///
/// Three have a claim: stream tables that are live, builds, and stream tables that are *expected*,
/// from when they are taken out to be built anew, or their initialization begins, until they are
/// live, or are dropped, or that attempt has failed. A base table on which nobody has a claim is
/// let go of at the latest when a stream table was dropped ([#letGoOfAll]), and at once where its
/// rows take the room that the stream waits for ([#letGo]). Whoever comes for it later copies it
/// again.
///
/// Used by the refresh thread only, unless said otherwise.
final class Readership {
  private final Intake intake;
  private final Supplier<Set<Integer>> live;
  private final Supplier<Set<Integer>> building;
  private final Map<Long, Set<Integer>> expected = new ConcurrentHashMap<>();
  // Let go of since somebody last asked.
  private final Set<Integer> detached = new HashSet<>();

  /// @param live what live stream tables read
  /// @param building what builds read
  Readership(Intake intake, Supplier<Set<Integer>> live, Supplier<Set<Integer>> building) {
    this.intake = intake;
    this.live = live;
    this.building = building;
  }

  /// Says what a stream table is about to read, instead of what was said before; from any thread.
  void expect(long id, Set<Integer> relations) {
    expected.put(id, Set.copyOf(relations));
  }

  /// A stream table is live, or gone, or not on its way for now; from any thread.
  void expectNoMore(long id) {
    expected.remove(id);
  }

  /// Lets go of what nobody has a claim on.
  void letGo() {
    Set<Integer> unread = unread();
    expected.values().forEach(unread::removeAll);
    detach(unread);
  }

  /// Lets go of what nobody reads, when nobody is about to.
  ///
  /// @return what need not be published: these, and what was let go since this was last done
  Set<Integer> letGoOfAll() {
    expected.clear();
    detach(unread());
    Set<Integer> unpublished = new HashSet<>(detached);
    detached.clear();
    // What is followed again, or by looks at its contents.
    unpublished.removeAll(intake.relations());
    unpublished.removeAll(read());
    return unpublished;
  }

  private Set<Integer> unread() {
    Set<Integer> unread = new HashSet<>(intake.relations());
    unread.removeAll(read());
    return unread;
  }

  private Set<Integer> read() {
    Set<Integer> read = new HashSet<>(live.get());
    read.addAll(building.get());
    return read;
  }

  private void detach(Set<Integer> relations) {
    relations.forEach(relation -> intake.detach(new Oid(relation)));
    detached.addAll(relations);
  }
}
