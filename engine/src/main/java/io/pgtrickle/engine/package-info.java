/// The sidecar process: it captures committed transactions, keeps the dataflow of every stream
/// table, and writes the resulting row changes back together with the frontier they are true for.
///
/// The packages below are the rooms of the house. A transaction passes them in this order: `intake`
/// turns captured changes into Z-set deltas, `refresh` steps the dataflow, `apply` writes the
/// output and `notify` tells the listeners. `catalog` and `analyze` are where a definition comes
/// from, `backfill` gives it its first contents, `schedule` says when output is released.
///
/// What is here, at the root, is only the wiring of those rooms by hand. Where the process begins
/// is `cli`; nothing below it knows that there is a command line.
@NullMarked
package io.pgtrickle.engine;

import org.jspecify.annotations.NullMarked;
