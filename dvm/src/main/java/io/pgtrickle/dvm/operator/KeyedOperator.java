package io.pgtrickle.dvm.operator;

/// An operator with state, called once per key and epoch.
///
/// It may touch the state of that key only, emits at most one retraction and one insertion per
/// changed result, and must not care how often its evaluation is repeated or whether an epoch comes
/// in parts: only the sum of its outputs counts.
@FunctionalInterface
public interface KeyedOperator {
  void step(KeyGroup group, Output out);
}
