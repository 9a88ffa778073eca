package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;

/// The rows of one key in an order, by key bytes and then row bytes, where a row of weight w takes
/// w places, counted from 0.
///
/// Counting the places before a bound, finding the row at a place and starting to walk take time
/// logarithmic in the number of rows, so an operator that needs a part of a sequence pays for that
/// part.
public interface Sequence {
  /// How many places there are.
  long size();

  /// How many places are before a bound.
  long rank(Place place);

  /// Walks from a bound to the end.
  Cursor from(Place place);

  /// Walks from a bound down to the start.
  Cursor downFrom(Place place);

  /// Walks from the row that takes a place to the end; finds none beyond the last place.
  Cursor at(long place);

  /// A walk over rows with their net weights, which are not zero.
  interface Cursor {
    boolean next();

    Row row();

    long weight();

    /// Replaces the sink's contents by the key that the row is sorted by.
    void key(ByteSink out);
  }
}
