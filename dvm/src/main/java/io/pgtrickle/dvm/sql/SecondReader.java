package io.pgtrickle.dvm.sql;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import net.sf.jsqlparser.JSQLParserException;
import net.sf.jsqlparser.parser.CCJSqlParserUtil;
import net.sf.jsqlparser.statement.Statement;
import net.sf.jsqlparser.statement.select.Select;

/// Reads the text of a query with JSqlParser, independently of the analyzed tree.
///
/// It says two things. Whether the canonical text has the same [Outline] as the tree: then the tree
/// belongs to the text and no query inside it was overlooked. And where in the user's text a
/// refused
/// construct stands, for messages.
public final class SecondReader {
  /// Pattern operators as the server prints them, and as JSqlParser reads them.
  private static final List<List<String>> SPELLINGS =
      List.of(
          List.of("!~~*", "NOT ILIKE"),
          List.of("~~*", "ILIKE"),
          List.of("!~~", "NOT LIKE"),
          List.of("~~", "LIKE"));

  // JSqlParser looks ahead at every parenthesis. It gives up after 8 seconds, for which everybody
  // would wait whose query comes next.
  private static final int DEEPEST = 100;

  private SecondReader() {}

  /// The text cannot be read by JSqlParser, which is not a PostgreSQL parser.
  public static final class Unreadable extends Exception {
    private static final long serialVersionUID = 1L;

    Unreadable(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /// How the outlines of the text and the tree differ; empty when they agree.
  public static Optional<String> difference(String canonical, String tree, Facts facts)
      throws Unreadable {
    TreeOutline read = TreeOutline.of(Binder.query(tree), facts);
    Outline ofTree = read.outline();
    Outline ofText = outline(canonical, read.aggregates());
    return ofText.equals(ofTree)
        ? Optional.empty()
        : Optional.of("the text says " + ofText + ", the analyzed tree " + ofTree);
  }

  static Outline outline(String canonical) throws Unreadable {
    return outline(canonical, Set.of());
  }

  /// @param aggregates names of aggregates that only the tree tells from other functions
  static Outline outline(String canonical, Set<String> aggregates) throws Unreadable {
    requireShallow(canonical);
    Statement statement;
    try {
      statement = CCJSqlParserUtil.parse(respelled(canonical));
    } catch (JSQLParserException notRead) {
      throw new Unreadable(
          String.valueOf(notRead.getMessage()).lines().findFirst().orElse(""), notRead);
    }
    if (statement instanceof Select select) {
      return TextOutline.of(select, aggregates);
    }
    throw new Unreadable("a statement that is not a SELECT", new IllegalArgumentException());
  }

  private static void requireShallow(String canonical) throws Unreadable {
    int depth = 0;
    for (Words.Word word : Words.of(canonical)) {
      switch (word.text()) {
        case "(", "CASE" -> depth++;
        case ")", "END" -> depth--;
        default -> {}
      }
      if (depth > DEEPEST) {
        throw new Unreadable(
            "more than " + DEEPEST + " parentheses and CASEs inside of each other",
            new IllegalArgumentException());
      }
    }
  }

  /// Spells pattern operators out; literals and quoted names stay as they are.
  private static String respelled(String sql) {
    StringBuilder text = new StringBuilder();
    for (Words.Word word : Words.of(sql)) {
      text.append(word.kind() == Words.Kind.OPERATOR ? spelled(word.text()) : word.text());
    }
    return text.toString();
  }

  private static String spelled(String operator) {
    for (List<String> spelling : SPELLINGS) {
      if (operator.equals(spelling.getFirst())) {
        return spelling.getLast();
      }
    }
    return operator;
  }

  /// Where a construct named by a rejection begins in a text, from 1; 0 when it cannot be found.
  ///
  /// Constructs are named by their keywords or functions, so those are looked for, outside of
  /// literals, comments and quoted names.
  public static int position(String query, String construct) {
    List<Words.Word> words =
        Words.of(query).stream().filter(word -> word.kind() != Words.Kind.BLANK).toList();
    boolean unordered = construct.contains("without ORDER BY");
    for (List<String> phrase : phrases(construct)) {
      List<Integer> places =
          IntStream.rangeClosed(0, words.size() - phrase.size())
              .filter(i -> startsAt(words, i, phrase))
              .boxed()
              .toList();
      if (!places.isEmpty()) {
        int place =
            places.stream()
                .filter(i -> !unordered || !isOrdered(words, i, phrase))
                .findFirst()
                .orElse(places.getFirst());
        // PostgreSQL counts characters, not UTF-16 units.
        return query.codePointCount(0, words.get(place).offset()) + 1;
      }
    }
    return 0;
  }

  /// Whether a call has an ORDER BY inside, or a clause one before it, in no parentheses of its
  /// own.
  private static boolean isOrdered(List<Words.Word> words, int at, List<String> phrase) {
    boolean call = phrase.getLast().equals("(");
    String inner = call ? "(" : ")";
    String outer = call ? ")" : "(";
    int step = call ? 1 : -1;
    int depth = 0;
    for (int i = call ? at + phrase.size() : at - 1; i >= 0 && i < words.size(); i += step) {
      String word = words.get(i).text();
      if (word.equals(inner)) {
        depth++;
      } else if (word.equals(outer) && depth-- == 0) {
        return false;
      } else if (depth == 0 && word.equalsIgnoreCase("ORDER")) {
        return true;
      }
    }
    return false;
  }

  private static boolean startsAt(List<Words.Word> words, int at, List<String> phrase) {
    for (int i = 0; i < phrase.size(); i++) {
      if (!words.get(at + i).text().equalsIgnoreCase(phrase.get(i))) {
        return false;
      }
    }
    return true;
  }

  private static final Pattern KEYWORDS = Pattern.compile("[A-Z]{2,}(?:_[A-Z]+)*(?: [A-Z]+)*");
  private static final Pattern CALL = Pattern.compile("(\\w+)\\(");
  private static final Pattern COLUMN = Pattern.compile("column (\\w+)");
  private static final Pattern RELATION = Pattern.compile("\"(\\w+)\"(?!\\.)");

  private static List<List<String>> phrases(String construct) {
    List<List<String>> phrases = new ArrayList<>();
    if (construct.contains("window function")) {
      phrases.add(List.of("OVER"));
    }
    Matcher call = CALL.matcher(construct);
    while (call.find()) {
      phrases.add(List.of(call.group(1), "("));
    }
    Matcher column = COLUMN.matcher(construct);
    while (column.find()) {
      phrases.add(List.of(column.group(1)));
    }
    Matcher relation = RELATION.matcher(construct);
    while (relation.find()) {
      phrases.add(List.of(relation.group(1)));
    }
    Matcher keywords = KEYWORDS.matcher(construct);
    while (keywords.find()) {
      phrases.add(List.of(keywords.group().split(" ")));
    }
    return phrases;
  }
}
