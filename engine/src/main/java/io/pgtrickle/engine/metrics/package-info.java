/// What is measured while the sidecar runs, under names that dashboards rely on.
///
/// All meters are in one class, so that the list of them can be read in one place and checked
/// against the dashboards in `grafana/`. Label values come only from the catalog of stream tables
/// and from closed enums: the number of series is bounded by the number of stream tables, and the
/// series of a dropped table go with it.
///
/// The engine does not know this package; the wiring hands it the methods it reports to.
///
/// Start with [Meters][io.pgtrickle.engine.metrics.Meters].
@NullMarked
package io.pgtrickle.engine.metrics;

import org.jspecify.annotations.NullMarked;
