/// The differential view maintenance library: SQL values, Z-sets, relational plans and the
/// operators that maintain them incrementally.
///
/// It knows nothing of connections, replication or processes. A host (the engine) feeds it
/// deltas of relations and takes deltas of views out; see [io.pgtrickle.dvm.dataflow] for the entry
/// point.
/// This root package holds only the errors that all rooms share.
@NullMarked
package io.pgtrickle.dvm;

import org.jspecify.annotations.NullMarked;
