package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.Expr.And;
import io.pgtrickle.dvm.expr.Expr.Call;
import io.pgtrickle.dvm.expr.Expr.Case;
import io.pgtrickle.dvm.expr.Expr.Coalesce;
import io.pgtrickle.dvm.expr.Expr.Column;
import io.pgtrickle.dvm.expr.Expr.Extreme;
import io.pgtrickle.dvm.expr.Expr.IsDistinct;
import io.pgtrickle.dvm.expr.Expr.IsNull;
import io.pgtrickle.dvm.expr.Expr.IsTruth;
import io.pgtrickle.dvm.expr.Expr.Literal;
import io.pgtrickle.dvm.expr.Expr.Not;
import io.pgtrickle.dvm.expr.Expr.NullIf;
import io.pgtrickle.dvm.expr.Expr.Or;
import io.pgtrickle.dvm.expr.Expr.Quantified;
import io.pgtrickle.dvm.expr.Expr.Relabel;
import io.pgtrickle.dvm.expr.Expr.TextCast;
import io.pgtrickle.dvm.expr.Expr.Truth;
import io.pgtrickle.dvm.expr.Implementation.Binary;
import io.pgtrickle.dvm.expr.NativeFunction.Binding;
import io.pgtrickle.dvm.expr.NativeFunction.Role;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.type.TypeOrder;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Turns expressions into closures over packed rows.
///
/// Operands are evaluated left to right. AND, OR, CASE and COALESCE stop where the server stops, so
/// that an
/// error behind that point is not raised. A subexpression without columns is evaluated once, here;
/// if it
/// fails it is left to fail when, and only if, a row gets to it.
public final class Compiler {
  private static final Row NO_ROW = Row.ofOwned(new byte[0]);

  private final Schema input;
  private final EvaluationSettings settings;

  private Compiler(Schema input, EvaluationSettings settings) {
    this.input = input;
    this.settings = settings;
  }

  /// Compiles an expression over rows of a schema.
  ///
  /// @throws IllegalArgumentException when it is not native, see [FunctionLibrary#refusals]
  public static Evaluator compile(Expr expression, Schema input, EvaluationSettings settings) {
    requireNative(expression, settings);
    return new Compiler(input, settings).evaluator(expression);
  }

  /// Compiles a condition: a row passes only if it is true.
  ///
  /// @throws IllegalArgumentException when it is not native, see [FunctionLibrary#refusals]
  public static RowPredicate compilePredicate(
      Expr condition, Schema input, EvaluationSettings settings) {
    requireNative(condition, settings);
    return new Compiler(input, settings).predicate(condition);
  }

  private static void requireNative(Expr expression, EvaluationSettings settings) {
    List<String> refusals = FunctionLibrary.refusals(expression, settings);
    if (!refusals.isEmpty()) {
      throw new IllegalArgumentException("not native: " + String.join(", ", refusals));
    }
  }

  /// An evaluator of which it may be known that it yields the same for every row.
  private sealed interface Compiled {
    Evaluator evaluator();
  }

  private record Constant(@Nullable Object value) implements Compiled {
    @Override
    public Evaluator evaluator() {
      return _ -> value;
    }
  }

  private record Variable(Evaluator evaluator) implements Compiled {}

  private RowPredicate predicate(Expr condition) {
    return switch (condition) {
      // Under a filter NULL counts as false, but the operands after a NULL are evaluated all the
      // same:
      // they may fail.
      case And(List<Expr> operands) when operands.stream().allMatch(Expressions::isTotal) -> {
        RowPredicate[] tests = operands.stream().map(this::predicate).toArray(RowPredicate[]::new);
        yield row -> {
          for (RowPredicate test : tests) {
            if (!test.test(row)) {
              return false;
            }
          }
          return true;
        };
      }
      case Or(List<Expr> operands) -> {
        RowPredicate[] tests = operands.stream().map(this::predicate).toArray(RowPredicate[]::new);
        yield row -> {
          for (RowPredicate test : tests) {
            if (test.test(row)) {
              return true;
            }
          }
          return false;
        };
      }
      case IsNull _,
          Column _,
          Literal _,
          Call _,
          Relabel _,
          TextCast _,
          And _,
          Not _,
          IsTruth _,
          IsDistinct _,
          NullIf _,
          Coalesce _,
          Extreme _,
          Case _,
          Quantified _ -> {
        Evaluator evaluator = evaluator(condition);
        yield row -> Boolean.TRUE.equals(evaluator.evaluate(row));
      }
    };
  }

  private Evaluator evaluator(Expr expression) {
    return compile(expression).evaluator();
  }

  private Compiled compile(Expr expression) {
    if (expression instanceof Literal(var value, _)) {
      return new Constant(value);
    }
    if (expression instanceof Call call && isNullByStrictness(call)) {
      return new Constant(null);
    }
    Evaluator evaluator = node(expression);
    if (!isConstant(expression)) {
      return new Variable(evaluator);
    }
    try {
      return new Constant(evaluator.evaluate(NO_ROW));
    } catch (EvaluationFailure _) {
      return new Variable(evaluator);
    }
  }

  /// The server's planner replaces a strict call with a constant NULL among its arguments by NULL;
  /// the other
  /// arguments are never evaluated.
  private boolean isNullByStrictness(Call call) {
    return call.function().strict()
        && call.arguments().stream()
            .anyMatch(
                argument ->
                    isConstant(argument)
                        && compile(argument) instanceof Constant(var value)
                        && value == null);
  }

  private static boolean isConstant(Expr expression) {
    return !(expression instanceof Column)
        && Expressions.children(expression).stream().allMatch(Compiler::isConstant);
  }

  private Evaluator node(Expr expression) {
    return switch (expression) {
      case Column(int index, _) -> row -> input.value(row, index);
      case Literal(var value, _) -> _ -> value;
      case Call call -> call(call);
      case Relabel(Expr operand, _) -> evaluator(operand);
      case TextCast(Expr operand, SqlType type) -> textCast(operand, type);
      case And(List<Expr> operands) -> junction(operands, Boolean.FALSE);
      case Or(List<Expr> operands) -> junction(operands, Boolean.TRUE);
      case Not(Expr operand) -> {
        Evaluator evaluator = evaluator(operand);
        yield row -> {
          Object value = evaluator.evaluate(row);
          return value == null ? null : !(Boolean) value;
        };
      }
      case IsNull(Expr operand) -> {
        Evaluator evaluator = evaluator(operand);
        yield row -> evaluator.evaluate(row) == null;
      }
      case IsTruth(Expr operand, Truth truth) -> isTruth(evaluator(operand), truth);
      case IsDistinct(Call equality) -> isDistinct(equality);
      case NullIf(Call equality, _) -> nullIf(equality);
      case Coalesce(List<Expr> operands, _) -> coalesce(operands);
      case Extreme extreme -> extreme(extreme);
      case Case choice -> choice(choice);
      case Quantified quantified -> quantified(quantified);
    };
  }

  private Evaluator call(Call call) {
    Signature signature = call.function();
    NativeFunction function = FunctionLibrary.find(signature).orElseThrow();
    Implementation body = function.bind(new Binding(settings, call.collation(), call.arguments()));
    List<Compiled> arguments = call.arguments().stream().map(this::compile).toList();
    return switch (body) {
      case Implementation.Unary<?, ?> unary -> Calls.unary(unary, arguments.get(0).evaluator());
      case Binary<?, ?, ?> binary ->
          arguments.get(1) instanceof Constant(var right) && right != null
              ? Calls.binary(binary, arguments.get(0).evaluator(), right)
              : Calls.binary(binary, arguments.get(0).evaluator(), arguments.get(1).evaluator());
      case Implementation.Ternary<?, ?, ?, ?> ternary ->
          Calls.ternary(
              ternary,
              arguments.get(0).evaluator(),
              arguments.get(1).evaluator(),
              arguments.get(2).evaluator());
      case Implementation.Variadic<?> variadic ->
          Calls.variadic(
              variadic, signature.strict() && !function.isInlined(), evaluators(arguments));
    };
  }

  private static Evaluator[] evaluators(List<Compiled> compiled) {
    return compiled.stream().map(Compiled::evaluator).toArray(Evaluator[]::new);
  }

  private Evaluator[] evaluatorsOf(List<Expr> expressions) {
    return expressions.stream().map(this::evaluator).toArray(Evaluator[]::new);
  }

  private Evaluator textCast(Expr operand, SqlType type) {
    Evaluator evaluator = evaluator(operand);
    Function<Object, String> output = TextOutputFunctions.output(operand.type(), settings);
    if (type.kind().isText()) {
      return row -> {
        Object value = evaluator.evaluate(row);
        return value == null ? null : output.apply(value);
      };
    }
    TypeCodec codec = TypeCodec.of(type);
    return row -> {
      Object value = evaluator.evaluate(row);
      return value == null ? null : codec.fromText(output.apply(value));
    };
  }

  /// AND stops at false, OR at true; otherwise one NULL makes the whole NULL.
  private Evaluator junction(List<Expr> operands, Boolean decisive) {
    Evaluator[] evaluators = evaluatorsOf(operands);
    Boolean neutral = !decisive;
    return row -> {
      boolean unknown = false;
      for (Evaluator evaluator : evaluators) {
        Object value = evaluator.evaluate(row);
        if (value == null) {
          unknown = true;
        } else if (value.equals(decisive)) {
          return decisive;
        }
      }
      return unknown ? null : neutral;
    };
  }

  private static Evaluator isTruth(Evaluator operand, Truth truth) {
    return switch (truth) {
      case TRUE -> row -> Boolean.TRUE.equals(operand.evaluate(row));
      case FALSE -> row -> Boolean.FALSE.equals(operand.evaluate(row));
      case UNKNOWN -> row -> operand.evaluate(row) == null;
    };
  }

  private Evaluator isDistinct(Call equality) {
    Binary<Object, Object, Boolean> equal = comparison(equality.function(), equality.collation());
    Evaluator left = evaluator(equality.arguments().get(0));
    Evaluator right = evaluator(equality.arguments().get(1));
    return row -> {
      Object l = left.evaluate(row);
      Object r = right.evaluate(row);
      if (l == null || r == null) {
        return l != null || r != null;
      }
      return !Boolean.TRUE.equals(equal.apply(l, r));
    };
  }

  private Evaluator nullIf(Call equality) {
    Binary<Object, Object, Boolean> equal = comparison(equality.function(), equality.collation());
    Evaluator left = evaluator(equality.arguments().get(0));
    Evaluator right = evaluator(equality.arguments().get(1));
    return row -> {
      Object l = left.evaluate(row);
      Object r = right.evaluate(row);
      return l != null && r != null && Boolean.TRUE.equals(equal.apply(l, r)) ? null : l;
    };
  }

  private Evaluator coalesce(List<Expr> operands) {
    Evaluator[] evaluators = evaluatorsOf(operands);
    return row -> {
      for (Evaluator evaluator : evaluators) {
        Object value = evaluator.evaluate(row);
        if (value != null) {
          return value;
        }
      }
      return null;
    };
  }

  /// Of equal values the first stays.
  private Evaluator extreme(Extreme extreme) {
    Evaluator[] evaluators = evaluatorsOf(extreme.operands());
    SqlType type = extreme.type();
    int wanted = extreme.greatest() ? 1 : -1;
    return row -> {
      Object best = null;
      for (Evaluator evaluator : evaluators) {
        Object value = evaluator.evaluate(row);
        if (value != null
            && (best == null || Integer.signum(TypeOrder.compare(type, value, best)) == wanted)) {
          best = value;
        }
      }
      return best;
    };
  }

  private Evaluator choice(Case choice) {
    RowPredicate[] conditions =
        choice.branches().stream()
            .map(branch -> predicate(branch.condition()))
            .toArray(RowPredicate[]::new);
    Evaluator[] results =
        choice.branches().stream()
            .map(branch -> evaluator(branch.result()))
            .toArray(Evaluator[]::new);
    Expr last = choice.otherwise();
    Evaluator otherwise = last == null ? _ -> null : evaluator(last);
    return row -> {
      for (int i = 0; i < conditions.length; i++) {
        if (conditions[i].test(row)) {
          return results[i].evaluate(row);
        }
      }
      return otherwise.evaluate(row);
    };
  }

  private Evaluator quantified(Quantified quantified) {
    Binary<Object, Object, Boolean> comparison =
        comparison(quantified.comparison(), quantified.collation());
    Evaluator operand = evaluator(quantified.operand());
    List<Compiled> elements = quantified.elements().stream().map(this::compile).toList();
    if (!elements.stream().allMatch(element -> element instanceof Constant)) {
      return ListTest.over(operand, comparison, quantified.all(), evaluators(elements));
    }
    @Nullable Object[] constants =
        elements.stream().map(element -> ((Constant) element).value()).toArray();
    Role role = FunctionLibrary.find(quantified.comparison()).orElseThrow().role();
    Optional<Evaluator> hashed =
        (quantified.all() ? Role.NOT_EQUAL : Role.EQUAL) == role
            ? ListTest.hashed(quantified, operand, constants)
            : Optional.empty();
    return hashed.orElseGet(() -> ListTest.over(operand, comparison, quantified.all(), constants));
  }

  @SuppressWarnings(
      "unchecked") // The library's comparisons take any values of their declared types.
  private Binary<Object, Object, Boolean> comparison(Signature function, int collation) {
    Implementation body =
        FunctionLibrary.find(function)
            .orElseThrow()
            .bind(new Binding(settings, collation, List.of()));
    return (Binary<Object, Object, Boolean>) body;
  }
}
