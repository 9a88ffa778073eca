package io.pgtrickle.dvm.expr;

import java.util.Optional;
import java.util.Set;

/// What the engine may rely on of one collation.
///
/// @param deterministic whether two strings are equal only if their bytes are
/// @param byteOrder whether the order is that of the UTF-8 bytes
/// @param asciiDigits whether only those of ASCII are digits to a regular expression
/// @param casesCharacters whether upper and lower case go character by character, so that the
/// server
///     can be asked for a table
/// @param letterCase that table; empty when there is none or it was not asked for
public record Collation(
    boolean deterministic,
    boolean byteOrder,
    boolean asciiDigits,
    boolean casesCharacters,
    Optional<CaseMapping> letterCase) {
  /// `"C"` and `"POSIX"`.
  public static final Collation C =
      new Collation(true, true, true, true, Optional.of(CaseMapping.ASCII));

  /// A collation of which nothing is known: not even equality is evaluated natively.
  public static final Collation UNKNOWN =
      new Collation(false, false, false, false, Optional.empty());

  private static final Set<String> C_LOCALES = Set.of("C", "POSIX");
  // glibc and musl order these by code point.
  private static final Set<String> CODE_POINT_LOCALES = Set.of("C.UTF-8", "C.utf8");

  // PG_UNICODE_FAST, the third of the builtin ones, looks at the neighbours of a letter, and has
  // the digits of all scripts.
  private static final Set<String> SIMPLE_CASE_LOCALES = Set.of("C", "C.UTF-8", "C.UTF8");

  /// A collation as the catalog describes it; for the database's own, `pg_database` has the same
  /// facts.
  ///
  /// The order of other libc and ICU locales depends on the version of a library that the JVM does
  /// not have, and so does the case of letters beyond ASCII.
  ///
  /// @param provider `collprovider` or `datlocprovider`: `c` libc, `i` ICU, `b` builtin
  /// @param collate `collcollate` or `datcollate`; empty when NULL
  /// @param ctype `collctype` or `datctype`; empty when NULL
  /// @param locale `colllocale` or `datlocale`; empty when NULL
  public static Collation of(
      char provider, String collate, String ctype, String locale, boolean deterministic) {
    return switch (provider) {
      case 'c' ->
          new Collation(
              deterministic,
              deterministic
                  && (C_LOCALES.contains(collate) || CODE_POINT_LOCALES.contains(collate)),
              C_LOCALES.contains(ctype),
              true,
              asciiIf(C_LOCALES.contains(ctype)));
      case 'b' ->
          new Collation(
              deterministic,
              deterministic,
              SIMPLE_CASE_LOCALES.contains(locale),
              SIMPLE_CASE_LOCALES.contains(locale),
              asciiIf(locale.equals("C")));
      case 'i' -> new Collation(deterministic, false, false, false, Optional.empty());
      default -> UNKNOWN;
    };
  }

  private static Optional<CaseMapping> asciiIf(boolean ascii) {
    return ascii ? Optional.of(CaseMapping.ASCII) : Optional.empty();
  }

  /// Whether there is a table of upper and lower case that only the server has.
  public boolean wantsLetterCase() {
    return casesCharacters && letterCase.isEmpty();
  }

  /// The same collation with its table of upper and lower case.
  public Collation with(CaseMapping table) {
    return new Collation(
        deterministic, byteOrder, asciiDigits, casesCharacters, Optional.of(table));
  }
}
