package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.zset.Row;
import java.util.Optional;
import java.util.function.ObjLongConsumer;

/// What a host shows an operator of one key in one epoch.
///
/// Rows come in the order of their bytes and consolidated. Inputs, multisets and the private value
/// are numbered and wired by whoever builds the operator.
public interface KeyGroup {
  /// Whether an input has changed under this key.
  boolean changed(int input);

  /// An input's delta under this key.
  void delta(int input, ObjLongConsumer<Row> action);

  /// An input's rows under this key before the epoch; only for inputs that are arranged.
  void old(int input, ObjLongConsumer<Row> action);

  /// Whether an arranged input had rows under this key before the epoch.
  boolean hadRows(int input);

  /// Whether an arranged input has rows under this key with the epoch's changes.
  boolean hasRows(int input);

  /// Whether a part of this key is NULL, so that it equals no other.
  boolean isNullKey();

  /// The operator's private value of this key before the epoch.
  Optional<Row> value();

  /// Sets the private value; empty removes it.
  void replace(Optional<Row> value);

  /// A multiset's rows of this key in its order, before the epoch.
  Sequence oldSequence(int multiset);

  /// A multiset's rows of this key in its order, with the epoch's changes.
  Sequence newSequence(int multiset);

  /// A multiset's changes of this key in its order.
  Sequence deltaSequence(int multiset);

  /// The least row of a multiset of this key, with the epoch's changes.
  Optional<Row> least(int multiset);

  /// The greatest row of a multiset of this key, with the epoch's changes.
  Optional<Row> greatest(int multiset);
}
