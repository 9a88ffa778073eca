package io.pgtrickle.engine.analyze;

import java.util.LinkedHashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Finds `'…'::type` in SQL as the server prints it.
///
/// What is found is only proposed: whoever uses it lets the server say what it is. So a literal
/// that is overlooked costs the incremental maintenance of a query, and nothing worse.
final class TypedLiterals {
  private static final String NAME = "(?:\"(?:[^\"]++|\"\")++\"|[a-z_][a-z0-9_$]*)";
  private static final String MODIFIER = "(?:\\([A-Za-z0-9, ]+\\))?";

  // Alternatives, so that no quote within a name or another text is taken for the start of one.
  // Possessive throughout: what can be given back is remembered on the stack, and texts are long.
  private static final Pattern TOKEN =
      Pattern.compile(
          "\"(?:[^\"]++|\"\")*+\""
              + "|(?<text>[BX]'[0-9A-Fa-f]*+'|E'(?:[^'\\\\]++|''|\\\\.)*+'|'(?:[^']++|'')*+')"
              + "(?<type>::"
              + "(?:(?:bit|character) varying"
              + MODIFIER
              + "|time"
              + MODIFIER
              + " (?:with|without) time zone"
              + "|"
              + NAME
              + "(?:\\."
              + NAME
              + ")?"
              + MODIFIER
              + ")(?:\\[\\])*)?",
          Pattern.DOTALL);

  private static final Pattern LIMIT = Pattern.compile("(\\([A-Za-z0-9, ]+\\))((?:\\[\\])*)$");

  private static final Pattern PATH_USED = Pattern.compile("\\bJSON_(EXISTS|QUERY|VALUE|TABLE)\\(");

  // Of those that are no path the server says so.
  private static final Pattern PATH = Pattern.compile("E?'[(]*(\\$|strict|lax)");

  private TypedLiterals() {}

  /// A literal with a type, as it is written.
  ///
  /// @param type the name of the type that follows the text
  record Literal(String text, String type) {
    String sql() {
      return text + "::" + type;
    }
  }

  /// The literals with a type, each once; those of a limited type also without the limit, which may
  /// be a conversion of its own.
  static Set<Literal> in(String sql) {
    Set<Literal> literals = new LinkedHashSet<>();
    Matcher matcher = TOKEN.matcher(sql);
    while (matcher.find()) {
      if (matcher.group("type") != null) {
        String text = escaped(matcher.group("text"));
        String type = matcher.group("type").substring("::".length());
        literals.add(new Literal(text, type));
        Matcher limit = LIMIT.matcher(type);
        if (limit.find()) {
          // Without quotes it would be of one bit.
          literals.add(
              new Literal(text, limit.replaceFirst("$2").replaceFirst("^bit$", "\"bit\"")));
        }
      }
    }
    return literals;
  }

  /// The literals without a type that may be paths of SQL/JSON expressions, as jsonpath.
  static Set<String> paths(String sql) {
    Set<String> paths = new LinkedHashSet<>();
    Matcher matcher = PATH_USED.matcher(sql).find() ? TOKEN.matcher(sql) : TOKEN.matcher("");
    while (matcher.find()) {
      String text = matcher.group("text");
      if (text != null && matcher.group("type") == null && PATH.matcher(text).lookingAt()) {
        paths.add(escaped(text) + "::pg_catalog.jsonpath");
      }
    }
    return paths;
  }

  // A backslash means itself whatever standard_conforming_strings says, so that no text ends early.
  private static String escaped(String text) {
    boolean plain = !text.startsWith("'") || text.indexOf('\\') < 0;
    return plain ? text : "E" + text.replace("\\", "\\\\");
  }
}
