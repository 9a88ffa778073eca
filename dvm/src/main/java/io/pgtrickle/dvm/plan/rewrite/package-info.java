/// Rewrites of plans: the same rows at less cost, one rewrite per file.
///
/// The binder writes a query down as its tree says, cross products and all; [Rewrites] makes a plan
/// of it that is worth running. Every rewrite keeps the schema of the plan and the bag of its rows.
///
/// [Unnesting] comes first: it makes joins of subqueries, which all others do without, and of the
/// step of a recursion one for all [Iterations]. What an
/// operator cannot do as written comes last: residual conditions of joins ([ResidualSplit]),
/// expressions that the server evaluates ([ServerTier]), the order in which conditions of joins are
/// evaluated ([ConditionOrder]), and values that only the server can compare ([OrderLabels]).
///
/// Errors are part of the result, so an expression that may fail is never evaluated for rows that
/// the query as written would have removed before: such conditions stay where they were or move up.
/// There is one exception, PostgreSQL's own: the two sides of an equality join are computed for
/// every row of their input, as a hash join does.
///
/// Rewrites know no operators and no state; what a plan costs is judged by its shape alone.
@NullMarked
package io.pgtrickle.dvm.plan.rewrite;

import org.jspecify.annotations.NullMarked;
