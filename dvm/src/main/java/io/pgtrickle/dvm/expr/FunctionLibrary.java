package io.pgtrickle.dvm.expr;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The functions of `pg_catalog` that the engine evaluates itself, keyed by exact signature.
///
/// Each has the server's results and errors, bit for bit: a test runs every one of them against a
/// server.
/// A function that cannot be had exactly (transcendental functions, what replaces by regular
/// expressions, letters beyond ASCII) is not here.
public final class FunctionLibrary {
  private static final Map<Registry.Key, NativeFunction> FUNCTIONS = load();

  private FunctionLibrary() {}

  private static Map<Registry.Key, NativeFunction> load() {
    Registry registry = new Registry();
    ComparisonFunctions.register(registry);
    IntegerFunctions.register(registry);
    FloatFunctions.register(registry);
    NumericFunctions.register(registry);
    TextFunctions.register(registry);
    PatternFunctions.register(registry);
    RegularExpressionFunctions.register(registry);
    TextOutputFunctions.register(registry);
    ByteaFunctions.register(registry);
    JsonFunctions.register(registry);
    ArrayFunctions.register(registry);
    DateTimeFunctions.register(registry);
    DateTimeFieldFunctions.register(registry);
    IntervalFunctions.register(registry);
    IntervalFieldFunctions.register(registry);
    AgeFunctions.register(registry);
    DateTimeFormatFunctions.register(registry);
    return Collections.unmodifiableMap(registry.functions());
  }

  /// The native function of a signature, if there is one.
  public static Optional<NativeFunction> find(Signature signature) {
    if (!signature.schema().equals("pg_catalog")) {
      return Optional.empty();
    }
    NativeFunction function =
        FUNCTIONS.get(new Registry.Key(signature.name(), signature.arguments()));
    return Optional.ofNullable(function).filter(found -> found.result() == signature.result());
  }

  /// All functions, in the order of the reference.
  public static Collection<NativeFunction> signatures() {
    return FUNCTIONS.values();
  }

  /// Whether the whole expression can be evaluated natively under the settings.
  public static boolean isNative(Expr expression, EvaluationSettings settings) {
    return refusals(expression, settings).isEmpty();
  }

  /// Why a node itself, its operands aside, cannot be evaluated natively; empty when it can.
  public static Optional<String> refusal(Expr node, EvaluationSettings settings) {
    return Nativeness.refusal(node, settings);
  }

  /// The parts of an expression that cannot be evaluated natively, as a user would name them, for
  /// example
  /// `function pg_catalog.to_char(timestamp without time zone, text)`; empty when there are none.
  public static List<String> refusals(Expr expression, EvaluationSettings settings) {
    List<String> refusals = new ArrayList<>();
    Expressions.forEach(
        expression, node -> Nativeness.refusal(node, settings).ifPresent(refusals::add));
    return refusals.stream().distinct().toList();
  }
}
