package io.pgtrickle.dvm.expr;

import java.util.Set;

/// What the engine may rely on of one collation.
///
/// @param deterministic whether two strings are equal only if their bytes are
/// @param byteOrder whether the order is that of the UTF-8 bytes
/// @param asciiCase whether upper and lower case differ in ASCII letters only
public record Collation(boolean deterministic, boolean byteOrder, boolean asciiCase) {
  /// `"C"` and `"POSIX"`.
  public static final Collation C = new Collation(true, true, true);

  /// A collation of which nothing is known: not even equality is evaluated natively.
  public static final Collation UNKNOWN = new Collation(false, false, false);

  private static final Set<String> C_LOCALES = Set.of("C", "POSIX");
  // glibc and musl order these by code point; their case mapping is a table of the C library.
  private static final Set<String> CODE_POINT_LOCALES = Set.of("C.UTF-8", "C.utf8");

  /// A collation as the catalog describes it; for the database's own, `pg_database` has the same
  /// facts.
  ///
  /// The order of other libc and ICU locales depends on the version of a library that the JVM does
  /// not
  /// have, and so does the case of letters beyond ASCII, also under the builtin provider.
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
              C_LOCALES.contains(ctype));
      case 'b' -> new Collation(deterministic, deterministic, locale.equals("C"));
      case 'i' -> new Collation(deterministic, false, false);
      default -> UNKNOWN;
    };
  }
}
