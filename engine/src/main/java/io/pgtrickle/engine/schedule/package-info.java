/// When the output of a stream table is released: intervals, cron, at every epoch, or by hand.
///
/// Every operator computes every epoch; a schedule only decides when what came out is applied. All
/// of this is pure: times come in, times go out, and there is no clock, no thread and no timer
/// here. Cron is in UTC, so that a schedule means the same wherever the sidecar runs.
///
/// The same grammar is checked in SQL (`pgtrickle_internal.check_schedule`), where a bad text is
/// refused in the user's transaction; a test runs one list of samples through both.
///
/// Start with [Schedule], then [Due].
@NullMarked
package io.pgtrickle.engine.schedule;

import org.jspecify.annotations.NullMarked;
