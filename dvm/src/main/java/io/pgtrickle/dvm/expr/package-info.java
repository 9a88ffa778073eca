/// Scalar expressions: the tree as PostgreSQL bound it ([Expr]), the native function library keyed
/// by exact
/// signature ([FunctionLibrary]), and the compiler to evaluators ([Evaluator]).
///
/// Types and overloads are never inferred here: every node carries what the server resolved.
/// An evaluator yields a value, `null` for SQL NULL, or throws
/// [io.pgtrickle.dvm.type.EvaluationFailure], which is data to the operator that called it.
@NullMarked
package io.pgtrickle.dvm.expr;

import org.jspecify.annotations.NullMarked;
