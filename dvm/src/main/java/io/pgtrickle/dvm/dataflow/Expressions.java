package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.zset.Schema;

/// How a scalar expression becomes an evaluator.
@FunctionalInterface
interface Expressions {
  Evaluator compile(Expr expression, Schema input, EvaluationSettings settings);
}
