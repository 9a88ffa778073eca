package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.Nesting;
import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.sql.NodeTree.Datum;
import io.pgtrickle.dvm.sql.NodeTree.Items;
import io.pgtrickle.dvm.sql.NodeTree.MalformedTree;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.sql.NodeTree.Numbers;
import io.pgtrickle.dvm.sql.NodeTree.Token;
import io.pgtrickle.dvm.type.Bytes;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.function.Supplier;

/// Recursive descent over the text that PostgreSQL's `outfuncs.c` writes.
///
/// Words are separated by blanks and by the four brackets; a backslash takes the next character
/// literally, which is how names with blanks or brackets, and names that look like numbers, are
/// written. `<>` unescaped is the absent value, so a column really named `<>` reads as `\<>`.
final class NodeTreeReader {
  private final String text;
  private int at;
  private int depth;

  NodeTreeReader(String text) {
    this.text = text;
  }

  NodeTree readAll() {
    NodeTree value = value();
    skipBlanks();
    if (at < text.length()) {
      throw malformed("text after the end of the tree");
    }
    return value;
  }

  private NodeTree value() {
    skipBlanks();
    if (at == text.length()) {
      throw malformed("the tree ends early");
    }
    return switch (text.charAt(at)) {
      case '{' -> nested(this::node);
      case '(' -> nested(this::list);
      case '}', ')' -> throw malformed("a value was expected");
      default -> wordOrDatum();
    };
  }

  private NodeTree nested(Supplier<NodeTree> value) {
    if (++depth > Nesting.DEEPEST) {
      throw QueryRejected.tooDeep(
          "its analyzed tree has more than " + Nesting.DEEPEST + " levels of nodes and lists");
    }
    NodeTree read = value.get();
    depth--;
    return read;
  }

  private Node node() {
    at++;
    String tag = word();
    LinkedHashMap<String, NodeTree> fields = new LinkedHashMap<>();
    for (skipBlanks(); !next('}'); skipBlanks()) {
      if (!next(':')) {
        throw malformed("a field of " + tag + " was expected");
      }
      String name = word();
      if (fields.put(name, value()) != null) {
        throw malformed("field " + name + " of " + tag + " appears twice");
      }
    }
    return new Node(tag, fields);
  }

  private NodeTree list() {
    at++;
    skipBlanks();
    if (at + 1 < text.length() && isNumberListTag(text.charAt(at), text.charAt(at + 1))) {
      char kind = text.charAt(at++);
      List<Long> numbers = new ArrayList<>();
      for (skipBlanks(); !next(')'); skipBlanks()) {
        numbers.add(number(word()));
      }
      return new Numbers(kind, numbers);
    }
    List<NodeTree> elements = new ArrayList<>();
    for (skipBlanks(); !next(')'); skipBlanks()) {
      elements.add(value());
    }
    return new Items(elements);
  }

  private static boolean isNumberListTag(char kind, char after) {
    return "iobx".indexOf(kind) >= 0 && (after == ' ' || after == ')');
  }

  private NodeTree wordOrDatum() {
    int start = at;
    String word = word();
    if (text.startsWith("<>", start) && at == start + 2) {
      return new NodeTree.Absent();
    }
    int afterWord = at;
    skipBlanks();
    if (at == text.length() || text.charAt(at) != '[') {
      at = afterWord;
      return new Token(unquoted(word, start));
    }
    at++;
    byte[] image = new byte[64];
    int size = 0;
    for (skipBlanks(); !next(']'); skipBlanks()) {
      if (size == image.length) {
        image = java.util.Arrays.copyOf(image, size * 2);
      }
      image[size++] = (byte) number(word());
    }
    return new Datum(number(word), Bytes.copyOf(image, 0, size));
  }

  /// A string node is written in quotes; a bare token that begins with a quote has it escaped.
  private String unquoted(String word, int start) {
    boolean quoted = text.charAt(start) == '"' && word.length() >= 2 && word.endsWith("\"");
    return quoted ? word.substring(1, word.length() - 1) : word;
  }

  private String word() {
    StringBuilder word = new StringBuilder();
    while (at < text.length() && !isDelimiter(text.charAt(at))) {
      if (text.charAt(at) == '\\' && ++at == text.length()) {
        throw malformed("the tree ends in a backslash");
      }
      word.append(text.charAt(at++));
    }
    if (word.isEmpty()) {
      throw malformed("a word was expected");
    }
    return word.toString();
  }

  private static boolean isDelimiter(char c) {
    return isBlank(c) || c == '{' || c == '}' || c == '(' || c == ')';
  }

  private static boolean isBlank(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
  }

  private long number(String word) {
    try {
      return Long.parseLong(word);
    } catch (NumberFormatException notANumber) {
      throw malformed("'" + word + "' is not a number (" + notANumber.getMessage() + ")");
    }
  }

  private boolean next(char expected) {
    if (at == text.length()) {
      throw malformed("the tree ends early");
    }
    if (text.charAt(at) == expected) {
      at++;
      return true;
    }
    return false;
  }

  private void skipBlanks() {
    while (at < text.length() && isBlank(text.charAt(at))) {
      at++;
    }
  }

  private MalformedTree malformed(String problem) {
    int from = Math.max(0, at - 30);
    String near = text.substring(from, Math.min(text.length(), at + 30));
    return new MalformedTree(problem + " at character " + at + ", near '" + near + "'");
  }
}
