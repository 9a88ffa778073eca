/// PostgreSQL as evaluator of the expressions that are not native: the server tier.
///
/// [ServerTier] answers the inquiries of the dataflows. What it has not answered lately it asks in
/// batches, one statement each, in a session of its own: under the captured settings, read only,
/// as the stream table's owner through a delegate of his. An error is isolated to the tuples that
/// raise it; what says nothing about the tuples (a lost connection) is the whole step's to try
/// again.
///
/// Arguments and answers travel in forms that no setting changes: arguments of types that the
/// engine understands as unambiguous text, all others, and every answer, in the binary form of
/// their type.
@NullMarked
package io.pgtrickle.engine.ask;

import org.jspecify.annotations.NullMarked;
