/// From PostgreSQL's analyzed query to a [io.pgtrickle.dvm.plan.Plan], and back to SQL.
///
/// PostgreSQL is the analyzer. It resolved every name, overload, implicit cast and collation and
/// left the result in `pg_rewrite.ev_action` as text; [NodeTree] reads that text, [Binder]
/// translates it. The translation is a *closed world*: of every node each field is either read,
/// or required to have its neutral value, or on the node's list of fields without meaning
/// ([NodeForm]). A field, node or value beyond that, such as a future server may write, is a
/// [io.pgtrickle.dvm.TrickleException.QueryRejected], never a silent misreading.
///
/// What the tree names only by OID (functions, operators, relations, collations) is asked of
/// [Facts], which the host implements; nothing here does I/O.
///
/// Two independent checks guard the binding. [Deparser] writes the bound plan as SQL again; the
/// host lets the server analyze that, and the [Fingerprint] of both trees (every scalar expression
/// resolved down to base columns) must be equal. [SecondReader] reads the canonical text with
/// JSqlParser and compares its outline with that of the tree.
///
/// Start at [Binder], then `QueryBinder` and `ExpressionBinder`.
@NullMarked
package io.pgtrickle.dvm.sql;

import org.jspecify.annotations.NullMarked;
