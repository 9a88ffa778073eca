/// The endpoints other programs watch the sidecar by: alive, ready, and how it is doing.
///
/// `/health` answers 200 as soon as the process can answer at all, whatever is being rebuilt: an
/// orchestrator must not kill a process because it is busy. `/ready` is 200 only while every stream
/// table that should be live is; otherwise it says per table what is missing, and `failed` is
/// another word than `rebuilding`, so that the two are not treated alike. `/metrics` is the text
/// format of Prometheus.
///
/// Nothing here knows the engine: it is asked through
/// [Readiness][io.pgtrickle.engine.http.Readiness].
///
/// Start with [StatusServer][io.pgtrickle.engine.http.StatusServer].
@NullMarked
package io.pgtrickle.engine.http;

import org.jspecify.annotations.NullMarked;
