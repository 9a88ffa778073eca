/// A real PostgreSQL server inside the reach of one command: for `demo`, for `dev` and for tests.
///
/// The binaries come as jars, one per platform and major version; that of the newest version is on
/// the class path, the others are fetched when asked for. A server here is as durable as one in
/// production: fsync, synchronous commit and full page writes are on, because latencies and crashes
/// are judged on it. The library that unpacks and starts it would turn the first two off.
///
/// It is not for serving anybody else: it listens on the loopback address and trusts every local
/// user.
///
/// Start with [EmbeddedServer][io.pgtrickle.engine.embedded.EmbeddedServer].
@NullMarked
package io.pgtrickle.engine.embedded;

import org.jspecify.annotations.NullMarked;
