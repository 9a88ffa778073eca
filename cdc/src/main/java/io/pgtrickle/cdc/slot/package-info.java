/// What has to be in place on the server before its log can be read without losing anything, and
/// the
/// way to start a table at an exact position of that log.
///
/// - [Slots][io.pgtrickle.cdc.slot.Slots]: the replication slot, its state and its end.
/// - [Publications][io.pgtrickle.cdc.slot.Publications]: which tables are in the log we get.
/// - [ReplicaIdentities][io.pgtrickle.cdc.slot.ReplicaIdentities]: what the log says about old
///   rows.
/// - [ServerIdentity][io.pgtrickle.cdc.slot.ServerIdentity]: whether this is still the server, and
///   the history, that a stored position belongs to.
/// - [ExportedSnapshot][io.pgtrickle.cdc.slot.ExportedSnapshot] and
///   [BulkCopy][io.pgtrickle.cdc.slot.BulkCopy]: a table's contents at a known position.
///
/// To add a table while the log is being read: `Publications.add`, then open an exported snapshot
/// (its consistent point is C), copy the table in it, and apply the transactions with
/// `finalLsn ≥ C`. This order, and no other, is exact.
///
/// Every function that changes a definition takes its locks under a time-out and retries, so that
/// users' statements never queue behind ours for long. None of them decides anything: what to do
/// about a lost slot or a missing table is the engine's business.
package io.pgtrickle.cdc.slot;
