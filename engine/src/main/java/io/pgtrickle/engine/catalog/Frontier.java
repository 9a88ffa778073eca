package io.pgtrickle.engine.catalog;

import io.pgtrickle.cdc.Lsn;
import java.time.Instant;

/// A point of the one logical clock: everything of a source up to it, nothing after it.
///
/// @param source the database cluster's system identifier
/// @param timeline its timeline; positions of different timelines are not comparable
/// @param end the end of the last included transaction's commit record
/// @param time the engine's `now()` at this point; never goes back
public record Frontier(String source, int timeline, Lsn end, Instant time) {

  /// Whether this point is at or after another one of the same history.
  public boolean covers(Frontier other) {
    if (!source.equals(other.source) || timeline != other.timeline) {
      throw new IllegalArgumentException(this + " and " + other + " are of different histories");
    }
    return !end.isBefore(other.end);
  }
}
