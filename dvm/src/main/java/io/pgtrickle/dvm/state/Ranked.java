package io.pgtrickle.dvm.state;

import io.pgtrickle.dvm.kernel.Ranking;
import io.pgtrickle.dvm.kernel.Run;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Entries as places in an order: one of weight w takes w places.
///
/// Counting the places before a bound and finding the entry at a place take time logarithmic in
/// the number of entries. A bound is before (key, row), or `past` it; without a row it is before
/// all keys that start with some bytes, or `past` them.
public final class Ranked {
  private final Ranking ranking;
  private final Snapshot.Debt debt;

  Ranked(List<Run> runs, ByteSink keyPrefix, Snapshot.Debt debt) {
    this.debt = debt;
    ranking = new Ranking(runs, keyPrefix);
  }

  /// How many places there are.
  public long size() {
    return ranking.size();
  }

  /// How many places are before a bound.
  public long rank(ByteSink key, @Nullable Row row, boolean past) {
    return ranking.rank(key, row, past);
  }

  /// The entries from a bound on, ascending.
  public Entries from(ByteSink key, @Nullable Row row, boolean past) {
    return new Entries(ranking.from(key, row, past, false), debt);
  }

  /// The entries before a bound, descending.
  public Entries downFrom(ByteSink key, @Nullable Row row, boolean past) {
    return new Entries(ranking.from(key, row, past, true), debt);
  }

  /// The entries from the one that takes a place on, ascending; none beyond the last place.
  public Entries at(long place) {
    return new Entries(ranking.at(place), debt);
  }
}
