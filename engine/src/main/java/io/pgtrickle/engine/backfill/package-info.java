/// Initial contents: brings a stream table from its definition to the running stream.
///
/// [Initializer] is the first class to open; it works on a thread of its own, one batch of
/// definitions at a time, while the refresh thread goes on. First the base tables nobody reads yet
/// are attached ([Attacher]): published, copied at the consistent point of an exported snapshot,
/// and
/// completed by the changes retained meanwhile ([io.pgtrickle.engine.intake.Attachment]). Then the
/// views that share sources ([Groups]) are computed privately and together from immutable snapshots
/// of the arrangements ([io.pgtrickle.engine.refresh.Build]), their tables are filled with the
/// difference to what they hold ([Fill], [Difference]; nothing is in memory as a whole), the epochs
/// that passed meanwhile are replayed, and at an epoch boundary they join the main dataflow.
///
/// Exact by construction: there is one cut per base table, and a private dataflow at the main one's
/// frontier
/// has the state it would have had, had it been there from the beginning.
@NullMarked
package io.pgtrickle.engine.backfill;

import org.jspecify.annotations.NullMarked;
