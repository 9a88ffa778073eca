/// One incremental operator per file: what a change of the inputs does to the output.
///
/// Two kinds. A [Stage] is stateless: filter, project, and chains of them ([Chain]). A
/// [KeyedOperator] has state: its host groups an epoch's deltas by key and calls it once per key
/// with a [KeyGroup], which shows the deltas and the state of that key and nothing else. The host
/// folds the deltas into arrangements, so the operators here contain algebra only: no threads,
/// clocks, randomness or I/O, and the output is a function of (state, batch). That is what lets the
/// same classes run on another host.
///
/// Every operator writes to an [Output] with two sides: rows, and failures of rows. A failure is
/// data: it has the row's weight, and a later retraction of the row retracts it.
///
/// An operator knows expressions only as evaluators, and nothing of plans; `dvm.dataflow`
/// translates. Start at [InnerJoin].
@NullMarked
package io.pgtrickle.dvm.operator;

import org.jspecify.annotations.NullMarked;
