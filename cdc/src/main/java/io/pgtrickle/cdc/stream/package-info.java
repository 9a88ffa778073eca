/// Reading a slot: one connection, one thread, whole transactions in commit order.
///
///     socket ─► WalReader's thread ─► TransactionAssembler ─► EventQueue ─► the consumer's thread
///        ▲                                                                        │
///        └──────────────── confirmed position, sent by the reader's thread ◄── confirm()
///
/// The reader never confirms anything by itself: what the consumer has not confirmed comes again
/// after a restart. What it does by itself is stay alive, that is answer the server in time,
/// however
/// slow the consumer is.
///
/// Not here: how positions are stored, when to reconnect, what a change means.
///
/// Start with [WalReader][io.pgtrickle.cdc.stream.WalReader].
package io.pgtrickle.cdc.stream;
