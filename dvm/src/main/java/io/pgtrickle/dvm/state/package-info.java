/// Where operators keep state: the [Arrangement], a Z-set of rows arranged by a key.
///
/// An arrangement is a spine of immutable sorted runs. A step adds its delta as one more run, so
/// the state before and after it are two lists of runs, two [Snapshot]s, and an operator can read
/// both; giving a step up means dropping the later list. Merging of runs keeps look-ups short and
/// happens on another thread where it takes long. There is one kind of state: accumulators of
/// aggregates are entries as well (group key, packed accumulator, weight 1; an update retracts the
/// old and inserts the new), so the only thing merging ever does is to add integer weights.
///
/// Large runs lie in native memory or, beyond what is allowed of that, in the files of a
/// [StateDirectory], both behind a [Storage] that all arrangements of a process share, and are
/// given back when the last that holds them lets go: an arrangement that is dropped is closed,
/// and whoever reads a snapshot beyond the step that gave it takes a [Snapshot#hold].
///
/// State survives the process as a checkpoint: a [Capture] of arrangements at one moment, made
/// durable on another thread, comes back as [Saved].
///
/// Where only the server knows the order of values, an [OrderedDictionary] has bytes that stand for
/// their places.
///
/// An arrangement is also what a host uses to find the old row of a change of which the log has
/// only the key: arranged by the table's key, [Snapshot#lookup] gives the row.
///
/// What is not here: which arrangements exist and who shares them, which is the business of
/// `dvm.dataflow`; and the packed layout, which is `dvm.kernel`'s.
@NullMarked
package io.pgtrickle.dvm.state;

import org.jspecify.annotations.NullMarked;
