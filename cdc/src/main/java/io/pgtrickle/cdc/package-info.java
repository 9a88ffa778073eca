/// What capture hands over: transactions, their changes, and the words to speak about them.
///
/// A [WalEvent] is what the log tells: a [Transaction] with its [Change]s, a logical message
/// outside
/// any transaction, or the news that nothing happened up to some [Lsn]. A change names its
/// [Relation] and carries [Tuple]s, which are byte ranges of the message the server sent: nothing
/// is
/// decoded into Java values here, because only the reader of a tuple knows which columns it wants.
///
/// All of these are immutable and may cross threads. Nothing in this package talks to a server
/// except [SourceDatabase], which opens the connections that the other packages use, and nothing in
/// it knows a protocol.
///
/// Start with [WalEvent].
package io.pgtrickle.cdc;
