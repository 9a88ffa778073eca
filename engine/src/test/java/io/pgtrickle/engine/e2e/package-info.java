/// The whole path, on a real server: definitions and transactions in, stream tables compared with
/// PostgreSQL's
/// own answer.
///
/// [LiveDatabase] is the stage: an embedded server (durable: fsync and synchronous commits on) and
/// a sidecar in
/// this process. [Shop] has the base tables and random transactions, [Shape] the queries;
/// [RandomQuery] makes up more of them.
@NullMarked
package io.pgtrickle.engine.e2e;

import org.jspecify.annotations.NullMarked;
