/// Writes what the dataflow computed into the storage tables.
///
/// [Applier] is the entry: it takes the released deltas of one epoch and writes all of them in one
/// transaction together with the frontier (law 3). [DeltaWriter] writes one table,
/// [DeltaStatements]
/// spells the SQL. A table that cannot be written leaves the group ([HeldTables]), its output keeps
/// consolidating and it rejoins by itself. [ResidueCheck] compares the touched rows of joining
/// tables
/// with their weights recomputed from the arrangements (PH-D1 cleanup).
///
/// Nothing here decides when to refresh or what a row should be.
@NullMarked
package io.pgtrickle.engine.apply;

import org.jspecify.annotations.NullMarked;
