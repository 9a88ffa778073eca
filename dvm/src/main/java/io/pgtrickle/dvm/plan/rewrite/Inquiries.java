package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.SetCall;
import io.pgtrickle.dvm.server.Inquiry;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What expressions over one input ask the server, collected while they are rewritten.
///
/// An inquiry is as large as it can be without evaluating natively in the middle: calls of calls
/// are one. What is native below it is a parameter; all operands of what is asked are evaluated in
/// PostgreSQL too before it, so that a failure of one is a failure of the whole. Where the answer
/// is used stays where the expression was, so that CASE and its kin protect from it as before.
final class Inquiries {
  private final Plan input;
  private final Tiers tiers;
  private final List<Plan.Asked> inquiries = new ArrayList<>();

  Inquiries(Plan input, Tiers tiers) {
    this.input = input;
    this.tiers = tiers;
  }

  /// Whether an expression asks anything.
  static boolean asks(Expr expression, Tiers tiers) {
    boolean[] found = {false};
    Expressions.forEach(expression, node -> found[0] |= tiers.isAsked(node));
    return found[0];
  }

  /// The expression over the input's columns and the answers.
  Expr take(Expr expression) {
    if (!asks(expression, tiers)) {
      return expression;
    }
    return tiers.isAsked(expression)
        ? ask(expression)
        : Expressions.mapChildren(expression, this::take);
  }

  List<Expr> take(List<Expr> expressions) {
    return PlanExpressions.map(expressions, this::take);
  }

  private Expr ask(Expr expression) {
    List<Expr> arguments = new ArrayList<>();
    Expr asked = Expressions.mapChildren(expression, operand -> parameter(operand, arguments));
    List<SqlType> types = arguments.stream().map(Expr::type).toList();
    Inquiry inquiry = tiers.inquiry(asked, types);
    Plan.Asked one = new Plan.Asked(inquiry, arguments, read(asked));
    int place = inquiries.indexOf(one);
    if (place < 0) {
      place = inquiries.size();
      inquiries.add(one);
    }
    return Plan.Ask.answer(input.schema(), place, one.type());
  }

  private static @Nullable SqlType read(Expr asked) {
    return asked instanceof Expr.TextCast(Expr.Column(int _, SqlType text), SqlType type)
            && text.kind().isText()
            && type.kind() != TypeKind.OPAQUE
        ? type
        : null;
  }

  /// The inquiry for the rows of functions.
  ///
  /// @param condition which rows are wanted, over all columns; null when all are
  Plan.AskedRows rows(Plan.Unfold unfold, @Nullable Expr condition) {
    List<Expr> arguments = new ArrayList<>();
    List<SetCall> calls =
        unfold.calls().stream()
            .map(
                call ->
                    call.map(
                        operand ->
                            call.pieces().isEmpty()
                                ? parameter(operand, arguments)
                                : piece(operand, arguments)))
            .toList();
    int width = input.schema().size();
    if (condition != null) {
      for (int index : Expressions.columns(condition).headSet(width)) {
        parameter(new Expr.Column(index, input.schema().column(index).type()), arguments);
      }
    }
    // The functions' columns come behind all parameters.
    Expr wanted =
        condition == null
            ? null
            : Expressions.map(
                condition,
                node ->
                    node instanceof Expr.Column(int index, var type)
                        ? index < width
                            ? new Expr.Column(arguments.indexOf(node), type)
                            : new Expr.Column(index - width + arguments.size(), type)
                        : node);
    Schema answer = new Schema(unfold.schema().columns().subList(width, unfold.schema().size()));
    Inquiry inquiry =
        tiers.rows(
            new Tiers.Functions(calls, unfold.numbered(), wanted),
            arguments.stream().map(Expr::type).toList(),
            answer);
    return new Plan.AskedRows(inquiry, arguments);
  }

  // A table made of a document has defaults, which may be no columns, or are evaluated only where
  // they are needed; so what may fail is left to the server with them. What it would not notice is
  // not: more rows of a subquery than one, and words for the clock.
  private Expr piece(Expr operand, List<Expr> arguments) {
    if (operand instanceof Expr.Single || operand instanceof Expr.Timeless) {
      return parameter(operand, arguments);
    }
    boolean constant = Expressions.columns(operand).isEmpty() && !Expressions.readsClock(operand);
    return constant || !Expressions.isTotal(operand)
        ? Expressions.mapChildren(operand, each -> piece(each, arguments))
        : parameter(operand, arguments);
  }

  private Expr parameter(Expr operand, List<Expr> arguments) {
    if (tiers.isAsked(operand)) {
      return Expressions.mapChildren(operand, each -> parameter(each, arguments));
    }
    if (operand instanceof Expr.Literal) {
      return operand;
    }
    Expr argument = take(operand);
    int place = arguments.indexOf(argument);
    if (place < 0) {
      place = arguments.size();
      arguments.add(argument);
    }
    return new Expr.Column(place, argument.type());
  }

  boolean isEmpty() {
    return inquiries.isEmpty();
  }

  /// The input with the answers.
  Plan answered() {
    return inquiries.isEmpty() ? input : new Plan.Ask(input, inquiries);
  }

  /// How many columns the answers are.
  int width() {
    return 2 * inquiries.size();
  }
}
