/// Measurements: JMH classes for what runs per row, and a program that measures the whole path
/// against a real server.
///
/// Start with [EndToEnd]: it prints the tables of `docs/benchmarks.md`. Each of its subcommands is
/// one class ([Latency], [Bulk], [Refresh], [ResidueCost], [Capture], [PrimaryCost],
/// [LargeTransaction], with [LogFloor] and [ArrangedRow] for comparison), and all of them stand on
/// a [Rig]: an embedded PostgreSQL with fsync and synchronous
/// commits on, and the sidecar in a JVM of its own, as in production.
///
/// The JMH classes end in `Benchmark` and are run by `-Pbench`; look for the one named like the
/// class you are about to make faster. They are not a gate and neither is the program: nothing here
/// asserts a figure. What it does assert is that a figure means something: durable commits, the
/// incremental mode, contents equal to the query's.
///
/// Nothing depends on this module.
@NullMarked
package io.pgtrickle.bench;

import org.jspecify.annotations.NullMarked;
