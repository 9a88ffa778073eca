package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.SetFunctions;
import io.pgtrickle.dvm.operator.InStep;
import io.pgtrickle.dvm.operator.Unfold;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.SetCall;
import io.pgtrickle.dvm.server.Server;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Wires one [Plan.Unfold], whose functions are native or are all the server's.
final class UnfoldCompiler {
  private final PlanCompiler compiler;
  private final Plan.Unfold plan;
  private final Schema input;

  UnfoldCompiler(PlanCompiler compiler, Plan.Unfold plan) {
    this.compiler = compiler;
    this.plan = plan;
    input = plan.input().schema();
  }

  /// Where the server evaluates the functions.
  Node asking(Plan.AskedRows asked, Node rows, Server server) {
    return new AskRowsNode(
        compiler.planKey(plan),
        plan.schema(),
        rows,
        server,
        asked.inquiry(),
        asked.arguments().stream().map(argument -> compiler.evaluator(argument, input)).toList(),
        unfold(
            _ -> {
              throw new IllegalStateException("asked row by row: " + asked.inquiry().sql());
            }));
  }

  /// Where they are native.
  Unfold compile() {
    List<Values> calls = plan.calls().stream().map(this::values).toList();
    return unfold(
        row -> {
          List<List<@Nullable Object>> columns = new ArrayList<>(calls.size());
          for (Values call : calls) {
            columns.add(call.of(row));
          }
          return new InStep(columns);
        });
  }

  private Unfold unfold(Unfold.Functions functions) {
    Expr condition = plan.condition();
    return new Unfold(
        functions,
        input,
        plan.schema(),
        plan.kept(),
        condition == null ? null : compiler.condition(condition, plan.schema()));
  }

  /// The values that a function returns for a row, in order.
  private interface Values {
    List<@Nullable Object> of(Row row);
  }

  private Values values(SetCall call) {
    if (!call.set()) {
      Evaluator value = compiler.evaluator(call.call(), input);
      return row -> Collections.singletonList(value.evaluate(row));
    }
    SetFunctions.Body body =
        call.nativeBody()
            .orElseThrow(
                () -> new IllegalArgumentException("not native: " + call.call().function()));
    List<Evaluator> arguments =
        call.call().arguments().stream()
            .map(argument -> compiler.evaluator(argument, input))
            .toList();
    return row -> {
      List<Object> values = new ArrayList<>(arguments.size());
      boolean hasNull = false;
      for (Evaluator argument : arguments) {
        Object value = argument.evaluate(row);
        if (value == null) {
          hasNull = true;
        } else {
          values.add(value);
        }
      }
      return hasNull ? List.of() : body.values(values);
    };
  }
}
