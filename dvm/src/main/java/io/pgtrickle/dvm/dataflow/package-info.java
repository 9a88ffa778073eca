/// Plans as a running graph of operators: epochs of table deltas in, deltas of views out.
///
/// Start at [Dataflow]. A [View]'s plan is compiled into nodes; equal subplans under equal settings
/// are one node, equal arrangements are one arrangement, whoever asks for them; where new views
/// would differ in the columns of joins only, [Sharing] has them ask for the same. [Dataflow#step]
/// runs one epoch through the nodes it touches, in topological order; [Dataflow#adopt] joins a
/// dataflow that was built beside it, which is how a new view enters a running engine.
///
/// A node hosts an operator of `dvm.operator`: it groups the epoch's deltas by key, shows the
/// operator one key at a time, collects its output and folds deltas into arrangements. Nothing
/// becomes visible before the whole step has succeeded (see [StepFailed]).
///
/// A recursion is one node and the nodes of its step, which it runs again for each iteration that
/// changes ([RecursionNode]).
///
/// What a plan asks of the server goes through the [Labels], which all dataflows share whose state
/// comes together, to a [io.pgtrickle.dvm.server.Server] that the host has. The time is part of a
/// step; the host gives it, and learns when rows will come or go by it ([Dataflow#nextChange]).
///
/// What is not here: connections, clocks, threads (except the executor that merges runs), and the
/// decision when a view's output is due, which the host makes per step.
@NullMarked
package io.pgtrickle.dvm.dataflow;

import org.jspecify.annotations.NullMarked;
