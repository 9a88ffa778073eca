/// The heart: epochs.
///
/// [RefreshLoop] is the first class to open. On its own thread it takes whole transactions from the
/// log, lets
/// the intake net them to deltas, runs the dataflow one step, applies what is released in one
/// transaction,
/// and confirms the position; everything else in the process talks to it by tasks that run between
/// two
/// epochs. A [LiveTable] is what it knows of one stream table. [FullRefreshes] decides when a
/// FULL-mode
/// table is evaluated again, [PendingCalls] holds the callers that wait for a position to become
/// visible.
///
/// Nothing here knows how a query is maintained, how rows are written, or how initial contents come
/// about.
@NullMarked
package io.pgtrickle.engine.refresh;

import org.jspecify.annotations.NullMarked;
