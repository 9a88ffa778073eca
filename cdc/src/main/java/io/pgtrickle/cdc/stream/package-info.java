/// Reading a slot: one connection, one thread, whole transactions in commit order.
///
///     socket ─► WalReader's thread ─► TransactionAssembler ─► EventQueue ─► the consumer's thread
///        ▲                                                                        │
///        └──────────────── confirmed position, sent by the reader's thread ◄── confirm()
///
/// Large transactions come in pieces, before they end, among others;
/// [OpenTransactions][io.pgtrickle.cdc.stream.OpenTransactions] keeps them in a
/// [Spool][io.pgtrickle.cdc.stream.Spool] each, on disk if there is much, until they commit.
///
/// The reader never confirms anything by itself: what the consumer has not confirmed comes again
/// after a restart. What it does by itself is stay alive, that is answer the server in time,
/// however
/// slow the consumer is.
///
/// A reader is one connection. [LogStream][io.pgtrickle.cdc.stream.LogStream] is as many as it
/// takes:
/// it starts the next reader where the consumer is.
///
/// Not here: how positions are stored, what a change means.
///
/// Start with [LogStream][io.pgtrickle.cdc.stream.LogStream].
package io.pgtrickle.cdc.stream;
