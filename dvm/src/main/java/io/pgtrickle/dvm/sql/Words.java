package io.pgtrickle.dvm.sql;

import java.util.ArrayList;
import java.util.List;

/// Cuts SQL text into words: enough of a lexer to tell code from literals, names and comments.
final class Words {
  /// What a word is.
  enum Kind {
    BLANK,
    NAME,
    QUOTED_NAME,
    LITERAL,
    OPERATOR,
    OTHER
  }

  /// A piece of the text; all of them in order are the text.
  record Word(Kind kind, String text, int offset) {}

  private static final String OPERATOR_CHARACTERS = "+-*/<>=~!@#%^&|`?";

  private final String sql;
  private int at;

  private Words(String sql) {
    this.sql = sql;
  }

  static List<Word> of(String sql) {
    Words words = new Words(sql);
    List<Word> all = new ArrayList<>();
    while (words.at < sql.length()) {
      int from = words.at;
      Kind kind = words.skip();
      all.add(new Word(kind, sql.substring(from, words.at), from));
    }
    return all;
  }

  private Kind skip() {
    char c = sql.charAt(at);
    if (Character.isWhitespace(c)) {
      skipWhile(Character::isWhitespace);
      return Kind.BLANK;
    }
    if (sql.startsWith("--", at)) {
      int end = sql.indexOf('\n', at);
      at = end < 0 ? sql.length() : end;
      return Kind.BLANK;
    }
    if (sql.startsWith("/*", at)) {
      skipComment();
      return Kind.BLANK;
    }
    if ((c == 'E' || c == 'e') && sql.startsWith("'", at + 1)) {
      at++;
      skipQuoted('\'', true);
      return Kind.LITERAL;
    }
    if (c == '\'') {
      skipQuoted('\'', false);
      return Kind.LITERAL;
    }
    if (c == '"') {
      skipQuoted('"', false);
      return Kind.QUOTED_NAME;
    }
    if (c == '$' && skipDollarQuoted()) {
      return Kind.LITERAL;
    }
    if (Character.isLetter(c) || c == '_') {
      skipWhile(each -> Character.isLetterOrDigit(each) || each == '_' || each == '$');
      return Kind.NAME;
    }
    if (OPERATOR_CHARACTERS.indexOf(c) >= 0) {
      skipWhile(each -> OPERATOR_CHARACTERS.indexOf(each) >= 0);
      return Kind.OPERATOR;
    }
    at++;
    return Kind.OTHER;
  }

  private interface Test {
    boolean holds(char c);
  }

  private void skipWhile(Test test) {
    while (at < sql.length() && test.holds(sql.charAt(at))) {
      at++;
    }
  }

  /// Comments nest in PostgreSQL.
  private void skipComment() {
    int depth = 0;
    do {
      if (sql.startsWith("/*", at)) {
        depth++;
        at += 2;
      } else if (sql.startsWith("*/", at)) {
        depth--;
        at += 2;
      } else {
        at++;
      }
    } while (depth > 0 && at < sql.length());
    at = Math.min(at, sql.length());
  }

  private void skipQuoted(char quote, boolean backslashes) {
    at++;
    while (at < sql.length()) {
      char c = sql.charAt(at++);
      if (backslashes && c == '\\') {
        at = Math.min(at + 1, sql.length());
      } else if (c == quote) {
        // A doubled quote stands for itself.
        if (at == sql.length() || sql.charAt(at) != quote) {
          return;
        }
        at++;
      }
    }
  }

  private boolean skipDollarQuoted() {
    int end = at + 1;
    while (end < sql.length()
        && (Character.isLetterOrDigit(sql.charAt(end)) || sql.charAt(end) == '_')) {
      end++;
    }
    if (end == sql.length() || sql.charAt(end) != '$') {
      return false;
    }
    String tag = sql.substring(at, end + 1);
    int close = sql.indexOf(tag, end + 1);
    at = close < 0 ? sql.length() : close + tag.length();
    return true;
  }
}
