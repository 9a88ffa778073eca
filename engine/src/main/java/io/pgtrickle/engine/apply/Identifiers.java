package io.pgtrickle.engine.apply;

import java.util.UUID;

/// Spelling of names in SQL text.
public final class Identifiers {
  private Identifiers() {}

  /// A name as a delimited identifier; every name may be one.
  public static String quote(String name) {
    return '"' + name.replace("\"", "\"\"") + '"';
  }

  /// A name as people write it: delimited only where it would not be read back otherwise.
  public static String quoteIfNeeded(String name) {
    return name.matches("[a-z_][a-z0-9_]*") ? name : quote(name);
  }

  /// A name for a temporary object that nobody can have taken, as code of others in the same
  /// session
  /// might have.
  public static String unforeseeable(String prefix) {
    return prefix + "_" + UUID.randomUUID().toString().replace("-", "");
  }

  /// A text as a string constant that reads the same under every `standard_conforming_strings`.
  public static String literal(String text) {
    String quoted = "'" + text.replace("'", "''").replace("\\", "\\\\") + "'";
    return text.indexOf('\\') < 0 ? quoted : "E" + quoted;
  }
}
