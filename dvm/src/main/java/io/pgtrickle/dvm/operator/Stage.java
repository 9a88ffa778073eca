package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.zset.Row;

/// A stateless operator: linear, so a delta passes row by row.
///
///     Δ(f(A)) = f(ΔA)
@FunctionalInterface
public interface Stage {
  void apply(Row row, long weight, Output out);
}
