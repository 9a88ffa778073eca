/// Relational algebra: what a stream table computes, as immutable values.
///
/// A [Plan] is bound: columns are positions, types come from the server. Equal plans denote the
/// same
/// Z-set, and the dataflow shares their operators. Rewrites live in `plan.rewrite`, one per file.
@NullMarked
package io.pgtrickle.dvm.plan;

import org.jspecify.annotations.NullMarked;
