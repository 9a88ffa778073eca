/// The `pgoutput` plugin's messages, protocol versions 1 and 2: what a replication connection sends
/// between its frames.
///
/// [Decoder][io.pgtrickle.cdc.pgoutput.Decoder] turns one message into one
/// [PgOutputMessage][io.pgtrickle.cdc.pgoutput.PgOutputMessage], remembering the relations and
/// types
/// described so far. It knows nothing of transactions as wholes (that is `cdc.stream`) and nothing
/// of values (that is whoever reads a tuple).
///
/// Protocol 1 sends each transaction whole and contiguous at its commit. With version 2 large
/// transactions come in pieces while they are open, between stream start and stop messages, and
/// there, only there, a transaction id stands in front of each message's body. Such messages are
/// decoded when their transaction commits.
///
/// Start with [Decoder][io.pgtrickle.cdc.pgoutput.Decoder].
package io.pgtrickle.cdc.pgoutput;
