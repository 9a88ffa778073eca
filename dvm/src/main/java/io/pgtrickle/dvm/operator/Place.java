package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.zset.Row;
import org.jspecify.annotations.Nullable;

/// A bound between the rows of a [Sequence].
///
/// @param key the bytes of an entry's key, or what keys start with
/// @param row the entry's row; `null` for all that start with the key
/// @param past whether the bound is behind what is meant, or before it
public record Place(Bytes key, @Nullable Row row, boolean past) {
  /// Before all entries.
  public static final Place START = beforeAll(new ByteSink(0));

  /// Behind all entries.
  public static final Place END = behindAll(new ByteSink(0));

  /// Before an entry.
  public static Place before(ByteSink key, Row row) {
    return new Place(copy(key), row, false);
  }

  /// Behind an entry.
  public static Place behind(ByteSink key, Row row) {
    return new Place(copy(key), row, true);
  }

  /// Before all entries whose key starts with some bytes.
  public static Place beforeAll(ByteSink prefix) {
    return new Place(copy(prefix), null, false);
  }

  /// Behind all entries whose key starts with some bytes.
  public static Place behindAll(ByteSink prefix) {
    return new Place(copy(prefix), null, true);
  }

  private static Bytes copy(ByteSink key) {
    return Bytes.copyOf(key.array(), 0, key.size());
  }
}
