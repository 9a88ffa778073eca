/// The `pgoutput` plugin's messages, protocol version 1: what a replication connection sends
/// between
/// its frames.
///
/// [Decoder][io.pgtrickle.cdc.pgoutput.Decoder] turns one message into one
/// [PgOutputMessage][io.pgtrickle.cdc.pgoutput.PgOutputMessage], remembering the relations and
/// types
/// described so far. It knows nothing of transactions as wholes (that is `cdc.stream`) and nothing
/// of values (that is whoever reads a tuple).
///
/// Protocol 1 sends each transaction whole and contiguous at its commit. Version 2 would send parts
/// of open transactions between stream start and stop messages, and there, only there, put a
/// transaction id in front of each message's body; it buys shorter head-of-line blocking behind
/// large transactions for a spillable buffer per transaction with undo of subtransactions on our
/// side.
///
/// Start with [Decoder][io.pgtrickle.cdc.pgoutput.Decoder].
package io.pgtrickle.cdc.pgoutput;
