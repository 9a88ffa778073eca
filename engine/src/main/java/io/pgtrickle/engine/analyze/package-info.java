/// From a user's query to a verdict: can it be maintained by changes, by which plan, and if not,
/// why.
///
/// PostgreSQL analyzes. The SQL shim collects in the user's own transaction what the server made of
/// the text, the [QueryDocument]; because it is complete, a query over tables that nobody else can
/// see yet is judged as well as any other. [Analyzer] reads it with `dvm.sql`, adds the facts about
/// built-in functions and operators from [ServerCatalog], and answers with a [Verdict].
///
/// A verdict is provisional until [RoundTrip] has had the server analyze the plan as SQL again and
/// found the same expressions in it. That needs a connection that sees the tables, so it happens
/// when the stream table is initialized.
///
/// What cannot be maintained by changes is never an exception here: it is a verdict for FULL with a
/// reason, and the caller knows whether the user insisted on the other mode.
///
/// Start at [Analyzer].
@NullMarked
package io.pgtrickle.engine.analyze;

import org.jspecify.annotations.NullMarked;
