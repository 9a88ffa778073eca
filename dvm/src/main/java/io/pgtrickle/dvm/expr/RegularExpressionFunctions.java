package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.Implementation.Binary;
import io.pgtrickle.dvm.expr.NativeFunction.Binding;
import io.pgtrickle.dvm.expr.NativeFunction.Requirement;
import java.util.Optional;

/// Whether texts match a constant [RegularExpression]. What shows the extent of a match
/// (`regexp_replace`, `substring`) is the server's.
final class RegularExpressionFunctions {
  private RegularExpressionFunctions() {}

  static void register(Registry registry) {
    register(registry, "textregexeq", "matches a constant regular expression", false, true);
    register(registry, "textregexne", "does not match a constant regular expression", false, false);
    register(
        registry,
        "texticregexeq",
        "matches a constant regular expression, letters of either case alike",
        true,
        true);
    register(
        registry,
        "texticregexne",
        "does not match a constant regular expression, letters of either case alike",
        true,
        false);
  }

  private static void register(
      Registry registry, String name, String doc, boolean ignoreCase, boolean wanted) {
    NativeFunction function =
        registry
            .addBound(
                name + "(text,text) bool",
                doc,
                binding -> {
                  RegularExpression pattern =
                      read(binding.constant(1), ignoreCase, binding).orElseThrow();
                  return (Binary<String, String, Boolean>)
                      (text, _) -> pattern.matches(text) == wanted;
                })
            .needs(Requirement.DETERMINISTIC)
            .needsConstant(
                1,
                Requirement.CONSTANT_PATTERN,
                (pattern, binding) -> read(pattern, ignoreCase, binding).isPresent())
            .neverFailsWith(
                1,
                pattern -> RegularExpression.read((String) pattern, ignoreCase, true).isPresent());
    if (ignoreCase) {
      function.needs(Requirement.LETTER_CASE);
    }
  }

  private static Optional<RegularExpression> read(
      String pattern, boolean ignoreCase, Binding binding) {
    boolean ascii = !ignoreCase || isAscii(binding.letterCase());
    boolean digits = binding.settings().collation(binding.collation()).asciiDigits();
    return ascii ? RegularExpression.read(pattern, ignoreCase, digits) : Optional.empty();
  }

  /// Whether the cases of the letters of ASCII are those of ASCII.
  private static boolean isAscii(CaseMapping mapping) {
    String lower = "abcdefghijklmnopqrstuvwxyz";
    String upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return mapping.lower(upper).equals(lower) && mapping.upper(lower).equals(upper);
  }
}
