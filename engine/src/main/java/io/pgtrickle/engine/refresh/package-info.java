/// The heart: epochs.
///
/// [RefreshLoop] is the first class to open. On its own thread it takes whole transactions from the
/// log, lets the intake net them to deltas, runs the dataflow one step ([Steps]), has [EpochWriter]
/// apply what is released in one transaction, confirms the position, and lets [Callers] answer
/// those
/// who waited for it. Everything else in the process talks to it by tasks that run between two
/// epochs ([BoundaryTasks]), and hears of it as a [RefreshListener].
///
/// [Membership] says which stream tables take part, and what becomes of those that read one that
/// goes; [Readership] which base tables are needed. A [LiveTable] is what is known of one stream
/// table; [FullRefreshes] decides when a FULL-mode table is evaluated again.
///
/// Nothing here knows how a query is maintained, how rows are written, or how initial contents come
/// about.
@NullMarked
package io.pgtrickle.engine.refresh;

import org.jspecify.annotations.NullMarked;
