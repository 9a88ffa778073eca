package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.plan.Plan;

/// A stream table as the dataflow sees it.
///
/// @param id chosen by the host, unique in a dataflow
/// @param relation `pg_class.oid` of its storage table; scans of that relation read this view's
///     released
///     output
/// @param name for people
/// @param plan what it contains
/// @param settings what its expressions depend on besides their row
public record View(long id, int relation, String name, Plan plan, EvaluationSettings settings) {}
