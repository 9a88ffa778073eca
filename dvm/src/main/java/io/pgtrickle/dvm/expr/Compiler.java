package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.Expr.And;
import io.pgtrickle.dvm.expr.Expr.Answered;
import io.pgtrickle.dvm.expr.Expr.Call;
import io.pgtrickle.dvm.expr.Expr.Case;
import io.pgtrickle.dvm.expr.Expr.Clock;
import io.pgtrickle.dvm.expr.Expr.Coalesce;
import io.pgtrickle.dvm.expr.Expr.Column;
import io.pgtrickle.dvm.expr.Expr.Extreme;
import io.pgtrickle.dvm.expr.Expr.Image;
import io.pgtrickle.dvm.expr.Expr.IsDistinct;
import io.pgtrickle.dvm.expr.Expr.IsNull;
import io.pgtrickle.dvm.expr.Expr.IsTruth;
import io.pgtrickle.dvm.expr.Expr.Literal;
import io.pgtrickle.dvm.expr.Expr.Not;
import io.pgtrickle.dvm.expr.Expr.NullIf;
import io.pgtrickle.dvm.expr.Expr.Or;
import io.pgtrickle.dvm.expr.Expr.Outer;
import io.pgtrickle.dvm.expr.Expr.Quantified;
import io.pgtrickle.dvm.expr.Expr.Relabel;
import io.pgtrickle.dvm.expr.Expr.Single;
import io.pgtrickle.dvm.expr.Expr.TextCast;
import io.pgtrickle.dvm.expr.Expr.Timeless;
import io.pgtrickle.dvm.expr.Expr.Truth;
import io.pgtrickle.dvm.expr.Expr.Unlabeled;
import io.pgtrickle.dvm.expr.Expr.Verbatim;
import io.pgtrickle.dvm.expr.Expr.When;
import io.pgtrickle.dvm.expr.Implementation.Binary;
import io.pgtrickle.dvm.expr.NativeFunction.Binding;
import io.pgtrickle.dvm.expr.NativeFunction.Role;
import io.pgtrickle.dvm.server.Answer;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.Labeled;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.type.TypeOrder;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
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
  private final @Nullable Moment moment;

  private Compiler(Schema input, EvaluationSettings settings, @Nullable Moment moment) {
    this.input = input;
    this.settings = settings;
    this.moment = moment;
  }

  /// The time at which evaluators that read the clock are evaluated, set by whoever calls them.
  static final class Moment {
    private long micros;

    void set(long timestamptz) {
      micros = timestamptz;
    }
  }

  /// Compiles an expression over rows of a schema.
  ///
  /// @throws IllegalArgumentException when it is not native, see [FunctionLibrary#refusals]
  public static Evaluator compile(Expr expression, Schema input, EvaluationSettings settings) {
    requireNative(expression, settings);
    return new Compiler(input, settings, null).compile(expression).evaluator();
  }

  /// Compiles an expression that may read the clock.
  static Evaluator compile(
      Expr expression, Schema input, EvaluationSettings settings, Moment moment) {
    requireNative(expression, settings);
    return new Compiler(input, settings, moment).compile(expression).evaluator();
  }

  /// Compiles a condition: a row passes only if it is true.
  ///
  /// @throws IllegalArgumentException when it is not native, see [FunctionLibrary#refusals]
  public static RowPredicate compilePredicate(
      Expr condition, Schema input, EvaluationSettings settings) {
    requireNative(condition, settings);
    return new Compiler(input, settings, null).predicate(condition);
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

    default boolean isConstant(@Nullable Object wanted) {
      return this instanceof Constant(var value) && Objects.equals(value, wanted);
    }
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
      // For a filter NULL is as good as false, but the operands after a NULL are evaluated all the
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
      case And _,
          Or _,
          IsNull _,
          Column _,
          Literal _,
          Call _,
          Relabel _,
          TextCast _,
          Not _,
          IsTruth _,
          IsDistinct _,
          NullIf _,
          Coalesce _,
          Extreme _,
          Image _,
          Outer _,
          Clock _,
          Single _,
          Answered _,
          Unlabeled _,
          Verbatim _,
          Expr.Row _,
          Timeless _,
          Case _,
          Quantified _ ->
          truth(compile(condition));
    };
  }

  private static RowPredicate truth(Compiled condition) {
    Evaluator evaluator = condition.evaluator();
    return row -> Boolean.TRUE.equals(evaluator.evaluate(row));
  }

  /// Compiles as the server's planner simplifies, so that an operand whose value cannot matter is
  /// not
  /// evaluated, and does not fail, on either side.
  private Compiled compile(Expr expression) {
    return switch (expression) {
      case Literal(var value, _) -> new Constant(value);
      case Column(int index, _) -> new Variable(row -> input.value(row, index));
      case Call call -> {
        List<Compiled> arguments = compileAll(call.arguments());
        yield call.function().strict() && arguments.stream().anyMatch(a -> a.isConstant(null))
            ? new Constant(null)
            : folded(arguments, call(call, arguments));
      }
      case Relabel(Expr operand, _) -> compile(operand);
      case TextCast(Expr operand, SqlType type) -> {
        Compiled value = compile(operand);
        yield folded(List.of(value), textCast(operand.type(), type, value.evaluator()));
      }
      case And(List<Expr> operands) -> junction(compileAll(operands), Boolean.FALSE);
      case Or(List<Expr> operands) -> junction(compileAll(operands), Boolean.TRUE);
      case Not(Expr operand) -> {
        Compiled value = compile(operand);
        yield folded(List.of(value), not(value.evaluator()));
      }
      case IsNull(Expr operand) -> {
        Compiled value = compile(operand);
        Evaluator evaluator = value.evaluator();
        yield folded(List.of(value), row -> evaluator.evaluate(row) == null);
      }
      case IsTruth(Expr operand, Truth truth) -> {
        Compiled value = compile(operand);
        yield folded(List.of(value), isTruth(value.evaluator(), truth));
      }
      case IsDistinct(Call equality) -> {
        List<Compiled> operands = compileAll(equality.arguments());
        yield folded(operands, isDistinct(equality, operands));
      }
      case NullIf(Call equality, _) -> {
        List<Compiled> operands = compileAll(equality.arguments());
        yield operands.stream().anyMatch(operand -> operand.isConstant(null))
            ? operands.getFirst()
            : folded(operands, nullIf(equality, operands));
      }
      case Coalesce(List<Expr> operands, _) -> coalesce(compileAll(operands));
      case Extreme extreme -> {
        List<Compiled> operands = compileAll(extreme.operands());
        yield folded(operands, extreme(extreme, evaluators(operands)));
      }
      case Image(List<Expr> values, boolean byKey) -> {
        List<Compiled> operands = compileAll(values);
        Evaluator[] each = evaluators(operands);
        yield folded(operands, byKey ? keyImage(values, each) : image(values, each));
      }
      case Outer outer ->
          throw new IllegalArgumentException(outer + " belongs to plans before unnesting only");
      case Clock(Expr.Reading reading) -> clock(reading);
      case Single(Expr value, Expr rows) -> {
        List<Compiled> operands = compileAll(List.of(value, rows));
        yield folded(operands, single(evaluators(operands)));
      }
      case Answered(Expr value, Expr failure) -> {
        List<Compiled> operands = compileAll(List.of(value, failure));
        yield folded(operands, answered(evaluators(operands)));
      }
      case Unlabeled(Expr labeled, SqlType type) -> {
        List<Compiled> operands = List.of(compile(labeled));
        Evaluator operand = operands.getFirst().evaluator();
        yield folded(
            operands,
            row -> operand.evaluate(row) instanceof Labeled value ? value.value(type) : null);
      }
      case Expr.Row row ->
          throw new IllegalArgumentException("it is the server's to evaluate: " + row);
      case Verbatim verbatim -> {
        if (!(verbatim.meaning() instanceof ArrayOperation operation)) {
          throw new IllegalArgumentException("it is the server's to evaluate: " + verbatim);
        }
        List<Compiled> operands = compileAll(verbatim.operands());
        yield folded(operands, ofArrays(operation, verbatim.operands(), operands));
      }
      case Timeless(Expr text) -> {
        Compiled value = compile(text);
        yield folded(List.of(value), ClockWords.refusing(value.evaluator()));
      }
      case Case choice -> choice(choice);
      case Quantified quantified -> {
        Compiled operand = compile(quantified.operand());
        List<Compiled> elements = compileAll(quantified.elements());
        List<Compiled> all = new ArrayList<>(elements);
        all.add(operand);
        yield folded(all, quantified(quantified, operand.evaluator(), elements));
      }
    };
  }

  private Compiled clock(Expr.Reading reading) {
    Moment time = moment;
    if (time == null || reading != Expr.Reading.NOW) {
      throw new IllegalArgumentException(reading + " is read in conditions of filters only");
    }
    return new Variable(_ -> time.micros);
  }

  private List<Compiled> compileAll(List<Expr> expressions) {
    return expressions.stream().map(this::compile).toList();
  }

  /// Evaluates at once what depends on constants only; a failure is left to the rows that get
  /// there.
  private static Compiled folded(List<Compiled> operands, Evaluator evaluator) {
    if (operands.stream().allMatch(operand -> operand instanceof Constant)) {
      try {
        return new Constant(evaluator.evaluate(NO_ROW));
      } catch (EvaluationFailure _) {
        return new Variable(evaluator);
      }
    }
    return new Variable(evaluator);
  }

  private Evaluator call(Call call, List<Compiled> arguments) {
    Signature signature = call.function();
    NativeFunction function = FunctionLibrary.find(signature).orElseThrow();
    Implementation body = function.bind(new Binding(settings, call.collation(), call.arguments()));
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

  private Evaluator textCast(SqlType from, SqlType to, Evaluator operand) {
    Function<Object, String> output = TextOutputFunctions.output(from, settings);
    if (to.kind().isText()) {
      return row -> {
        Object value = operand.evaluate(row);
        return value == null ? null : output.apply(value);
      };
    }
    Function<String, Object> read = TextInput.of(to, settings);
    return row -> {
      Object value = operand.evaluate(row);
      return value == null ? null : read.apply(output.apply(value));
    };
  }

  private static Evaluator not(Evaluator operand) {
    return row -> {
      Object value = operand.evaluate(row);
      return value == null ? null : !(Boolean) value;
    };
  }

  /// AND stops at false, OR at true; otherwise one NULL makes the whole NULL. A constant that
  /// decides makes
  /// the other operands vanish, those before it too.
  private static Compiled junction(List<Compiled> operands, Boolean decisive) {
    if (operands.stream().anyMatch(operand -> operand.isConstant(decisive))) {
      return new Constant(decisive);
    }
    Evaluator[] evaluators = evaluators(operands);
    Boolean neutral = !decisive;
    return folded(
        operands,
        row -> {
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
        });
  }

  private static Evaluator isTruth(Evaluator operand, Truth truth) {
    return switch (truth) {
      case TRUE -> row -> Boolean.TRUE.equals(operand.evaluate(row));
      case FALSE -> row -> Boolean.FALSE.equals(operand.evaluate(row));
      case UNKNOWN -> row -> operand.evaluate(row) == null;
    };
  }

  private Evaluator isDistinct(Call equality, List<Compiled> operands) {
    Binary<Object, Object, Boolean> equal =
        comparison(equality.function(), equality.collation(), equality.arguments());
    Evaluator left = operands.get(0).evaluator();
    Evaluator right = operands.get(1).evaluator();
    return row -> {
      Object l = left.evaluate(row);
      Object r = right.evaluate(row);
      if (l == null || r == null) {
        return l != null || r != null;
      }
      return !Boolean.TRUE.equals(equal.apply(l, r));
    };
  }

  private Evaluator nullIf(Call equality, List<Compiled> operands) {
    Binary<Object, Object, Boolean> equal =
        comparison(equality.function(), equality.collation(), equality.arguments());
    Evaluator left = operands.get(0).evaluator();
    Evaluator right = operands.get(1).evaluator();
    return row -> {
      Object l = left.evaluate(row);
      Object r = right.evaluate(row);
      return l != null && r != null && Boolean.TRUE.equals(equal.apply(l, r)) ? null : l;
    };
  }

  private static Compiled coalesce(List<Compiled> operands) {
    List<Compiled> reachable = new ArrayList<>();
    for (Compiled operand : operands) {
      if (operand.isConstant(null)) {
        continue;
      }
      reachable.add(operand);
      if (operand instanceof Constant) {
        break;
      }
    }
    if (reachable.isEmpty()) {
      return new Constant(null);
    }
    if (reachable.size() == 1) {
      return reachable.getFirst();
    }
    Evaluator[] evaluators = evaluators(reachable);
    return new Variable(
        row -> {
          for (Evaluator evaluator : evaluators) {
            Object value = evaluator.evaluate(row);
            if (value != null) {
              return value;
            }
          }
          return null;
        });
  }

  /// Of equal values the first stays.
  private static Evaluator extreme(Extreme extreme, Evaluator[] operands) {
    SqlType type = extreme.type();
    int wanted = extreme.greatest() ? 1 : -1;
    return row -> {
      Object best = null;
      for (Evaluator operand : operands) {
        Object value = operand.evaluate(row);
        if (value != null
            && (best == null || Integer.signum(TypeOrder.compare(type, value, best)) == wanted)) {
          best = value;
        }
      }
      return best;
    };
  }

  private static Evaluator image(List<Expr> values, Evaluator[] operands) {
    // The bytes of a row of just these columns, so that images are in the order of such rows.
    Schema schema = Schema.ofTypes(values.stream().map(Expr::type).toList());
    ByteSink scratch = new ByteSink();
    return row -> {
      @Nullable Object[] image = new @Nullable Object[operands.length];
      for (int i = 0; i < operands.length; i++) {
        image[i] = operands[i].evaluate(row);
      }
      return Bytes.copyOf(schema.pack(image, scratch).bytes());
    };
  }

  /// The keys of the values, without zero bytes but for the one behind them.
  private static Evaluator keyImage(List<Expr> values, Evaluator[] operands) {
    TypeCodec[] codecs =
        values.stream().map(value -> TypeCodec.of(value.type())).toArray(TypeCodec[]::new);
    ByteSink key = new ByteSink();
    ByteSink image = new ByteSink();
    return row -> {
      key.clear();
      for (int i = 0; i < operands.length; i++) {
        Object value = operands[i].evaluate(row);
        key.putByte(value == null ? 2 : 1);
        if (value != null) {
          codecs[i].appendKey(value, key);
        }
      }
      image.clear();
      for (int i = 0; i < key.size(); i++) {
        byte each = key.array()[i];
        if (each == 0 || each == 1) {
          image.putByte(1);
          image.putByte(each + 1);
        } else {
          image.putByte(each);
        }
      }
      image.putByte(0);
      return Bytes.copyOf(image.toArray());
    };
  }

  private static Evaluator single(Evaluator[] operands) {
    return row -> {
      if (operands[1].evaluate(row) instanceof Long rows && rows > 1) {
        throw new EvaluationFailure(
            "21000", "more than one row returned by a subquery used as an expression");
      }
      return operands[0].evaluate(row);
    };
  }

  private static Evaluator answered(Evaluator[] operands) {
    return row -> {
      if (operands[1].evaluate(row) instanceof String failure) {
        throw Answer.Failed.read(failure);
      }
      return operands[0].evaluate(row);
    };
  }

  /// Branches whose condition is a constant are decided here.
  private Compiled choice(Case choice) {
    List<RowPredicate> conditions = new ArrayList<>();
    List<Compiled> results = new ArrayList<>();
    Expr last = choice.otherwise();
    Compiled otherwise = last == null ? new Constant(null) : compile(last);
    for (When branch : choice.branches()) {
      Compiled condition = compile(branch.condition());
      if (condition.isConstant(true)) {
        otherwise = compile(branch.result());
        break;
      }
      if (!(condition instanceof Constant)) {
        conditions.add(truth(condition));
        results.add(compile(branch.result()));
      }
    }
    if (conditions.isEmpty()) {
      return otherwise;
    }
    RowPredicate[] tests = conditions.toArray(RowPredicate[]::new);
    Evaluator[] values = evaluators(results);
    Evaluator fallback = otherwise.evaluator();
    return new Variable(
        row -> {
          for (int i = 0; i < tests.length; i++) {
            if (tests[i].test(row)) {
              return values[i].evaluate(row);
            }
          }
          return fallback.evaluate(row);
        });
  }

  private Evaluator ofArrays(
      ArrayOperation operation, List<Expr> operands, List<Compiled> compiled) {
    Evaluator[] evaluators = evaluators(compiled);
    return switch (operation) {
      case ArrayOperation.Constructed(SqlType element, boolean nested) ->
          nested
              ? ArrayOperations.nested(element, evaluators)
              : ArrayOperations.constructed(element, evaluators);
      case ArrayOperation.Subscripted() ->
          ArrayOperations.subscripted(element(operands.getFirst()), evaluators);
      case ArrayOperation.Compared(Signature function, int collation, boolean all) -> {
        Binary<Object, Object, Boolean> comparison = comparison(function, collation, List.of());
        SqlType element = element(operands.getLast());
        yield compiled.getLast() instanceof Constant(Bytes array)
            ? ArrayOperations.compared(evaluators[0], comparison, all, array, element)
            : ArrayOperations.compared(evaluators[0], comparison, all, evaluators[1], element);
      }
      case ArrayOperation.Converted(SqlType from, Expr conversion) ->
          ArrayOperations.converted(
              evaluators[0],
              from,
              new Compiler(Schema.ofTypes(List.of(from)), settings, moment)
                  .compile(conversion)
                  .evaluator(),
              conversion.type());
    };
  }

  private static SqlType element(Expr array) {
    return ArrayOperations.elementOf(array.type()).orElseThrow();
  }

  private Evaluator quantified(Quantified quantified, Evaluator operand, List<Compiled> elements) {
    Binary<Object, Object, Boolean> comparison =
        comparison(quantified.comparison(), quantified.collation(), List.of());
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
  private Binary<Object, Object, Boolean> comparison(
      Signature function, int collation, List<Expr> arguments) {
    Implementation body =
        FunctionLibrary.find(function)
            .orElseThrow()
            .bind(new Binding(settings, collation, arguments));
    return (Binary<Object, Object, Boolean>) body;
  }
}
