/// Scalar expressions: the tree as PostgreSQL bound it ([Expr]), the native function library keyed
/// by exact
/// signature ([FunctionLibrary]), and the compiler to closures over packed rows ([Compiler]).
///
/// Types and overloads are never inferred here: every node carries what the server resolved. An
/// [Evaluator]
/// yields a value, `null` for SQL NULL, or throws [io.pgtrickle.dvm.type.EvaluationFailure], which
/// is data to
/// the operator that called it.
///
/// Before compiling, ask [FunctionLibrary#refusals]: whether an expression is evaluated here is
/// decided once,
/// from its tree and the [EvaluationSettings] (TimeZone, collations, encoding, server version),
/// never row by
/// row. What is evaluated here has the server's values, NULLs and errors. A function belongs here
/// only if that
/// holds for all arguments; [Expressions] has what rewrites of plans need.
///
/// The one exception are casts of text to dates, times and intervals: they are the server's, but
/// for [PlainTexts], of which the answer is known without asking.
///
/// To add a function, add its line in one of the `*Functions` classes: the test that runs the whole
/// library
/// against a server finds it there.
@NullMarked
package io.pgtrickle.dvm.expr;

import org.jspecify.annotations.NullMarked;
