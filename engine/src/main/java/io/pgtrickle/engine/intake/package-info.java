/// Transactions in, deltas of relations out.
///
/// [Intake] is the entry: it takes committed transactions in order and yields, per epoch, one
/// consolidated Z-set for every relation some stream table reads. A [SourceTable] knows one base
/// table: which of its columns are kept and how they are decoded ([TupleDecoder]), what identifies
/// its rows, and its *primary arrangement* ([RowStore]), from which old rows come where the log
/// does not carry them (replica identity DEFAULT, unchanged TOAST values, TRUNCATE). An
/// [Attachment] retains the changes of a table whose copy is still under way.
///
/// Nothing is ever read back from a base table while the stream runs.
@NullMarked
package io.pgtrickle.engine.intake;

import org.jspecify.annotations.NullMarked;
