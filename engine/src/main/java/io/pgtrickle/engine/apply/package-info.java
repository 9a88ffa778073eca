/// Writes what the dataflow computed into the storage tables.
///
/// [Applier] is the entry: it takes the released deltas of one epoch and writes all of them in one
/// transaction together with the frontier (law 3), in one round trip where it can. [DeltaWriter]
/// writes one table, [DeltaStatements] spells the SQL, and [Identity] says how a row is found
/// again.
/// A table that cannot be written is left out and told to the caller, who keeps its output and
/// tries
/// again. [ResidueCheck] compares the touched rows of joining tables with their weights recomputed
/// from the arrangements (PH-D1 cleanup).
///
/// Nothing here decides when to refresh or what a row should be.
@NullMarked
package io.pgtrickle.engine.apply;

import org.jspecify.annotations.NullMarked;
