/// Tells listeners that a stream table has changed.
///
/// PostgreSQL serialises the commits of transactions that notify, so not every refresh does: the
/// first one after a quiet window notifies in its own transaction; later ones within the window are
/// summed, and told when the window ends. [Coalescer] decides that, [Notification] is what is told
/// and how it is sent.
///
/// Nothing is lost by a restart, and no row is written for it: `pgt_state` counts what was inserted
/// and deleted in all, in the transactions that do it, and beside that what listeners were told of,
/// in the transactions that tell them. The difference is what is still to be told, whoever reads it
/// ([Coalescer#resume]).
///
/// There is no thread and no clock here. Start with [Coalescer].
@NullMarked
package io.pgtrickle.engine.notify;

import org.jspecify.annotations.NullMarked;
