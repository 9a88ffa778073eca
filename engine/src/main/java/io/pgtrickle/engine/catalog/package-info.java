/// The `pgtrickle` schema as seen from the sidecar: plain JDBC over the tables that the SQL script
/// (`sql/pgtrickle--X.Y.Z.sql`) creates.
///
/// Users write [Definition]s and subscriptions; everything else here is written by the sidecar and
/// by nobody else. All methods take the connection whose transaction they take part in, never
/// commit, and let `SQLException` pass: the owner of the transaction is the one who can retry it,
/// and decides by SQLSTATE.
///
/// It is no cache and starts no thread, and it does not interpret queries: the *query document*
/// that a definition carries is read by `analyze`.
///
/// Start with [Installer], which brings the schema, then [Lease] (who may write), [Definition]
/// (what is wanted), [StreamTableState] and [Progress] (how far it is), [Request] and [Replies]
/// (how a waiting call is answered).
@NullMarked
package io.pgtrickle.engine.catalog;

import org.jspecify.annotations.NullMarked;
