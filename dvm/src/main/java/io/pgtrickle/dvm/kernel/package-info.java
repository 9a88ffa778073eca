/// The only place where code may be ugly for speed: packed entries, sorted runs, merging, probing,
/// copying of columns between packed rows.
///
/// Other rules hold here: arrays, mutation and reused buffers are welcome; streams, boxing and
/// allocation per row are not. The price: every class opens with an essay on its layout and
/// invariants and has an oracle test, and nothing leaks. The package is not exported, and no array
/// appears in a signature that another package calls; keys travel in a
/// [io.pgtrickle.dvm.type.ByteSink].
///
/// Start at [Run], the one shape in which state is kept; [RunBuilder] makes runs, on a [Shelf]
/// that says in what kind of memory, [Merge] is the one merge routine (compaction, look-ups and
/// ordered scans are all the same sum of sorted runs), and [Probes] is the batched look-up that
/// joins and aggregates use, [Ranking] what top-k and windows use. Memory beyond the heap is
/// counted by its holders; nothing here finds
/// out by itself that a run is no longer needed. [RunFile] is the format of runs in files.
@NullMarked
package io.pgtrickle.dvm.kernel;

import org.jspecify.annotations.NullMarked;
