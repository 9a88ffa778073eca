package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.type.SqlType;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.function.Predicate;

/// A built-in function that the engine evaluates itself, with the server's results and errors.
///
/// Strictness is not its business: a strict [Signature] is never called with NULL.
public final class NativeFunction {
  /// What must be known of the settings before a function may be evaluated natively.
  public enum Requirement {
    /// The rules of the captured TimeZone.
    TIME_ZONE,
    /// A time zone argument that is a constant, and means the same to both sides.
    CONSTANT_TIME_ZONE,
    /// The captured DateStyle is ISO, because a date or timestamp is printed.
    ISO_DATES,
    /// The database is encoded in UTF8.
    UTF8,
    /// The input collation tells strings apart by their bytes.
    DETERMINISTIC,
    /// The input collation orders by bytes.
    BYTE_ORDER,
    /// The upper and lower case of the input collation are known.
    LETTER_CASE,
    /// The arrays among the arguments are of a type that is computed with.
    NATIVE_ELEMENTS,
    /// If their elements are text, the input collation tells strings apart by their bytes.
    EQUAL_ELEMENTS,
    /// If their elements are text, the input collation orders by bytes.
    ORDERED_ELEMENTS,
    /// The captured settings are those under which their elements are printed here.
    PRINTED_ELEMENTS,
    /// A format that is a constant, of patterns that are known.
    CONSTANT_FORMAT,
    /// A regular expression that is a constant, of a kind that is known.
    CONSTANT_PATTERN,
    /// PostgreSQL 17 or later, where intervals may be infinite and are checked for their range.
    POSTGRESQL_17
  }

  /// The part a function plays for its type.
  enum Role {
    EQUAL,
    NOT_EQUAL,
    OTHER
  }

  /// Makes the body under given settings.
  @FunctionalInterface
  interface Binder {
    Implementation bind(Binding binding);
  }

  /// One use of a function.
  record Binding(EvaluationSettings settings, int collation, List<Expr> arguments) {
    /// The letter case of the input collation, for a function that needs it.
    CaseMapping letterCase() {
      return settings.collation(collation).letterCase().orElseThrow();
    }

    /// The text of an argument that has to be a constant.
    String constant(int argument) {
      return arguments.get(argument) instanceof Expr.Literal(String text, SqlType _) ? text : "";
    }

    /// The element type of the arrays among the arguments; empty when it is not computed with.
    Optional<SqlType> element() {
      return arguments.stream()
          .flatMap(argument -> ArrayOperations.elementOf(argument.type()).stream())
          .findFirst();
    }

    private boolean isOfText() {
      return element().filter(type -> type.kind().isText()).isPresent();
    }
  }

  private static final int INTERVALS_CHECKED_SINCE = 17;

  // None, the database's, C and POSIX.
  private static final Set<Integer> BUILT_IN_COLLATIONS =
      Set.of(0, SqlType.DEFAULT_COLLATION, 950, 951);

  private final String name;
  private final List<Integer> arguments;
  private final int result;
  private final String doc;
  private final Binder binder;
  private final Role role;
  private final EnumSet<Requirement> requirements = EnumSet.noneOf(Requirement.class);
  private boolean total;
  private int decidingArgument = -1;
  private Predicate<Object> harmless = _ -> false;
  private boolean inlined;
  private int constantArgument = -1;
  private BiPredicate<String, Binding> known = (_, _) -> false;

  NativeFunction(
      String name, List<Integer> arguments, int result, String doc, Role role, Binder binder) {
    this.name = name;
    this.arguments = List.copyOf(arguments);
    this.result = result;
    this.doc = doc;
    this.role = role;
    this.binder = binder;
  }

  NativeFunction needs(Requirement... more) {
    requirements.addAll(List.of(more));
    return this;
  }

  /// Marks the position of an argument that must be a constant time zone.
  NativeFunction needsConstantZone(int argument) {
    return needsConstant(
        argument,
        Requirement.CONSTANT_TIME_ZONE,
        (zone, _) -> TimeZones.namedZone(zone).isPresent());
  }

  /// Marks the position of an argument that must be a constant, and one of those that are known.
  NativeFunction needsConstant(
      int argument, Requirement requirement, BiPredicate<String, Binding> those) {
    constantArgument = argument;
    known = those;
    return needs(requirement);
  }

  NativeFunction neverFails() {
    total = true;
    return this;
  }

  /// Marks a strict function that fails for no values of its other arguments where one of them is a
  /// constant of a kind: `x % 7` does not, `x % 0` does.
  NativeFunction neverFailsWith(int argument, Predicate<Object> constant) {
    decidingArgument = argument;
    harmless = constant;
    return this;
  }

  /// Marks a function that the server replaces by its definition: its body sees NULLs in spite of
  /// being
  /// strict.
  NativeFunction inlined() {
    inlined = true;
    return this;
  }

  boolean isInlined() {
    return inlined;
  }

  /// `proname`, in schema `pg_catalog`.
  public String name() {
    return name;
  }

  /// Type OIDs of the declared arguments.
  public List<Integer> arguments() {
    return arguments;
  }

  /// Type OID of the result.
  public int result() {
    return result;
  }

  /// What it computes, for the generated reference.
  public String doc() {
    return doc;
  }

  public Set<Requirement> requirements() {
    return EnumSet.copyOf(requirements);
  }

  /// Whether no values of the arguments that are not constants make it fail.
  ///
  /// @param collation the input collation's OID: the server refuses some patterns under those that
  ///     do not tell strings apart by their bytes
  boolean isTotal(List<Expr> uses, int collation) {
    return total
        || (decidingArgument >= 0
            && decidingArgument < uses.size()
            && (!requirements.contains(Requirement.DETERMINISTIC) || isDeterministic(collation))
            && uses.get(decidingArgument) instanceof Expr.Literal(var value, var _)
            && (value == null || harmless.test(value)));
  }

  /// Whether a collation certainly tells strings apart by their bytes.
  static boolean isDeterministic(int collation) {
    return BUILT_IN_COLLATIONS.contains(collation);
  }

  Role role() {
    return role;
  }

  /// The position of the argument that must be a constant that is known, −1 when there is none.
  int constantArgument() {
    return constantArgument;
  }

  Implementation bind(Binding binding) {
    return binder.bind(binding);
  }

  /// Why one use cannot be native; empty when it can.
  Optional<String> refusal(Binding binding) {
    EvaluationSettings settings = binding.settings();
    Collation collation = settings.collation(binding.collation());
    for (Requirement requirement : requirements) {
      String missing =
          switch (requirement) {
            case TIME_ZONE -> settings.zone().isPresent() ? "" : "time zone " + settings.timeZone();
            case CONSTANT_TIME_ZONE -> isKnown(binding) ? "" : "a time zone that is not a constant";
            case ISO_DATES -> settings.isoDates() ? "" : "a DateStyle other than ISO";
            case UTF8 -> settings.utf8() ? "" : "a database encoding other than UTF8";
            case DETERMINISTIC -> collation.deterministic() ? "" : "a nondeterministic collation";
            case BYTE_ORDER ->
                collation.byteOrder() ? "" : "a collation that does not order by bytes";
            case LETTER_CASE ->
                collation.letterCase().isPresent()
                    ? ""
                    : "a collation whose letter case is not a table";
            case NATIVE_ELEMENTS ->
                binding.element().isPresent() ? "" : "elements of a type that is not computed with";
            case EQUAL_ELEMENTS ->
                !binding.isOfText() || (settings.utf8() && collation.deterministic())
                    ? ""
                    : "a nondeterministic collation";
            case ORDERED_ELEMENTS ->
                !binding.isOfText() || (settings.utf8() && collation.byteOrder())
                    ? ""
                    : "a collation that does not order by bytes";
            case PRINTED_ELEMENTS ->
                binding.element().flatMap(type -> Nativeness.printing(type, settings)).orElse("");
            case CONSTANT_FORMAT -> isKnown(binding) ? "" : "a format that is not a plain constant";
            case CONSTANT_PATTERN ->
                isKnown(binding) ? "" : "a pattern that is not a plain constant";
            case POSTGRESQL_17 ->
                settings.serverVersion() >= INTERVALS_CHECKED_SINCE ? "" : "PostgreSQL before 17";
          };
      if (!missing.isEmpty()) {
        return Optional.of("function " + this + " under " + missing);
      }
    }
    return Optional.empty();
  }

  private boolean isKnown(Binding binding) {
    return constantArgument < binding.arguments().size()
        && binding.arguments().get(constantArgument) instanceof Expr.Literal(String text, SqlType _)
        && known.test(text, binding);
  }

  /// The signature as a user reads it: `pg_catalog.int4pl(integer, integer)`.
  @Override
  public String toString() {
    return TypeNames.signature("pg_catalog", name, arguments);
  }
}
