package io.pgtrickle.dvm.expr;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Whether a text matches a regular expression, for those of PostgreSQL's advanced ones of which
/// that is a question about a regular language:
///
///     text ~ pattern   ⟺   text ∈ Σ* · L(pattern) · Σ*        (without the Σ* at an anchor)
///
/// Which of several matches is preferred, by leftmost-longest or any other rule, and whether
/// quantifiers are greedy, is about the extent of a match and no part of the question; so there is
/// nothing in which two implementations of the same language could differ. Whatever is not of that
/// kind, or whose meaning depends on the locale, is not read here: back references, lookaround,
/// word boundaries, embedded options, classes such as `\w` and `[[:alpha:]]`, anchors inside of
/// groups; and whatever the server would refuse. What is left: characters, `.`, brackets of
/// characters and ranges of code points, `\d` where digits are known to be ASCII, groups,
/// alternatives, `*`, `+`, `?`, `{m,n}`, and `^` and `$` at the ends of alternatives. By default a
/// newline is a character like any other.
///
/// Letters of either case are alike only in patterns of ASCII: the server takes the letters of the
/// pattern, not of the text, for both of their cases.
///
/// A match is found by the positions of the pattern that the last character may have been at, all
/// at once (Glushkov's automaton, in the bits of a `long`): time is proportional to the text, for
/// every pattern.
final class RegularExpression {
  private static final int MOST_POSITIONS = 62;
  private static final int MOST_REPETITIONS = 255;
  private static final int ASCII = 128;

  /// Characters between two code points, both included.
  private record Range(int first, int last) {}

  private sealed interface Node {}

  private record Chars(List<Range> ranges, boolean negated) implements Node {
    boolean contains(int character) {
      for (Range range : ranges) {
        if (character >= range.first && character <= range.last) {
          return !negated;
        }
      }
      return negated;
    }
  }

  private record Sequence(List<Node> nodes) implements Node {}

  private record Choice(List<Node> nodes) implements Node {}

  /// @param most −1 for any number
  private record Repeat(Node node, int least, int most) implements Node {}

  /// A part of the automaton: whether it matches nothing, and where its matches begin and end.
  private record Part(boolean nullable, long first, long last) {
    static final Part EMPTY = new Part(true, 0, 0);
  }

  private final List<Chars> positions = new ArrayList<>();
  private final long[] follow = new long[MOST_POSITIONS];
  private final long[] ascii = new long[ASCII];
  private long firstAnywhere;
  private long firstAtStart;
  private long lastAnywhere;
  private long lastAtEnd;
  private boolean matchesAll;
  private boolean matchesEmpty;

  private RegularExpression() {}

  /// Reads a pattern; empty when it is none of those known here.
  ///
  /// @param digits whether `\d` is known to be the digits of ASCII
  static Optional<RegularExpression> read(String pattern, boolean ignoreCase, boolean digits) {
    try {
      RegularExpression expression = new RegularExpression();
      for (Reader.Branch branch : new Reader(pattern, ignoreCase, digits).branches()) {
        expression.add(branch);
      }
      expression.index();
      return Optional.of(expression);
    } catch (UnknownPattern unknown) {
      return Optional.empty();
    }
  }

  boolean matches(String text) {
    if (matchesAll || (matchesEmpty && text.isEmpty())) {
      return true;
    }
    long active = 0;
    int at = 0;
    while (at < text.length()) {
      long next = at == 0 ? firstAnywhere | firstAtStart : firstAnywhere;
      for (long rest = active; rest != 0; rest &= rest - 1) {
        next |= follow[Long.numberOfTrailingZeros(rest)];
      }
      int character = text.codePointAt(at);
      active = next & at(character, next);
      if ((active & lastAnywhere) != 0) {
        return true;
      }
      at += Character.charCount(character);
    }
    return (active & lastAtEnd) != 0;
  }

  private long at(int character, long among) {
    if (character < ASCII) {
      return ascii[character];
    }
    long found = 0;
    for (long rest = among; rest != 0; rest &= rest - 1) {
      int position = Long.numberOfTrailingZeros(rest);
      if (positions.get(position).contains(character)) {
        found |= 1L << position;
      }
    }
    return found;
  }

  private void add(Reader.Branch branch) {
    Part part = part(branch.node);
    if (branch.atStart) {
      firstAtStart |= part.first;
    } else {
      firstAnywhere |= part.first;
    }
    if (branch.atEnd) {
      lastAtEnd |= part.last;
    } else {
      lastAnywhere |= part.last;
    }
    if (part.nullable) {
      matchesAll |= !branch.atStart || !branch.atEnd;
      matchesEmpty = true;
    }
  }

  private void index() {
    for (int character = 0; character < ASCII; character++) {
      for (int position = 0; position < positions.size(); position++) {
        if (positions.get(position).contains(character)) {
          ascii[character] |= 1L << position;
        }
      }
    }
  }

  private Part part(Node node) {
    return switch (node) {
      case Chars chars -> {
        if (positions.size() == MOST_POSITIONS) {
          throw new UnknownPattern();
        }
        long bit = 1L << positions.size();
        positions.add(chars);
        yield new Part(false, bit, bit);
      }
      case Sequence(List<Node> nodes) -> {
        Part whole = Part.EMPTY;
        for (Node each : nodes) {
          whole = joined(whole, part(each));
        }
        yield whole;
      }
      case Choice(List<Node> nodes) -> {
        Part whole = new Part(false, 0, 0);
        for (Node each : nodes) {
          Part part = part(each);
          whole =
              new Part(
                  whole.nullable || part.nullable,
                  whole.first | part.first,
                  whole.last | part.last);
        }
        yield whole;
      }
      case Repeat(Node repeated, int least, int most) -> {
        Part whole = Part.EMPTY;
        for (int i = 0; i < Math.max(least, most); i++) {
          Part part = part(repeated);
          whole = joined(whole, i < least ? part : new Part(true, part.first, part.last));
        }
        if (most >= 0) {
          yield whole;
        }
        Part more = part(repeated);
        follow(more.last, more.first);
        yield joined(whole, new Part(true, more.first, more.last));
      }
    };
  }

  private Part joined(Part left, Part right) {
    follow(left.last, right.first);
    return new Part(
        left.nullable && right.nullable,
        left.nullable ? left.first | right.first : left.first,
        right.nullable ? left.last | right.last : right.last);
  }

  private void follow(long last, long first) {
    for (long rest = last; rest != 0; rest &= rest - 1) {
      follow[Long.numberOfTrailingZeros(rest)] |= first;
    }
  }

  /// What is not read here.
  private static final class UnknownPattern extends RuntimeException {
    private static final long serialVersionUID = 1L;

    UnknownPattern() {
      super("", null, false, false);
    }
  }

  /// Reads the syntax.
  private static final class Reader {
    private final String pattern;
    private final boolean ignoreCase;
    private final boolean digits;
    private int at;

    /// @param atStart whether it begins with `^`
    /// @param atEnd whether it ends with `$`
    private record Branch(Node node, boolean atStart, boolean atEnd) {}

    Reader(String pattern, boolean ignoreCase, boolean digits) {
      this.pattern = pattern;
      this.ignoreCase = ignoreCase;
      this.digits = digits;
      if (pattern.startsWith("***") || (ignoreCase && !isAscii(pattern))) {
        throw new UnknownPattern();
      }
    }

    private static boolean isAscii(String text) {
      return text.chars().allMatch(c -> c < ASCII);
    }

    List<Branch> branches() {
      List<Branch> branches = new ArrayList<>();
      do {
        boolean start = take("^");
        Node node = sequence(start);
        boolean end = take("$");
        branches.add(new Branch(node, start, end));
      } while (take("|"));
      if (at < pattern.length()) {
        throw new UnknownPattern();
      }
      return branches;
    }

    private boolean take(String text) {
      boolean found = pattern.startsWith(text, at);
      at += found ? text.length() : 0;
      return found;
    }

    private boolean isAt(String any) {
      return at < pattern.length() && any.indexOf(pattern.charAt(at)) >= 0;
    }

    /// @param mayBeEmpty whether an anchor stands before it, which is enough
    private Node sequence(boolean mayBeEmpty) {
      List<Node> nodes = new ArrayList<>();
      while (at < pattern.length() && !isAt("|)$")) {
        nodes.add(quantified(atom()));
      }
      if (nodes.isEmpty() && !mayBeEmpty && !isAt("$")) {
        throw new UnknownPattern();
      }
      return new Sequence(nodes);
    }

    private Node quantified(Node node) {
      if (!isAt("*+?{")) {
        return node;
      }
      Node repeated =
          take("*")
              ? new Repeat(node, 0, -1)
              : take("+")
                  ? new Repeat(node, 1, -1)
                  : take("?") ? new Repeat(node, 0, 1) : bounded(node);
      if (isAt("*+?{")) {
        throw new UnknownPattern();
      }
      return repeated;
    }

    private Node bounded(Node node) {
      at++;
      int least = number();
      int most = take(",") ? isAt("}") ? -1 : number() : least;
      if (!take("}") || most == 0 || (most > 0 && most < least)) {
        throw new UnknownPattern();
      }
      return new Repeat(node, least, most);
    }

    private int number() {
      int start = at;
      while (isAt("0123456789")) {
        at++;
      }
      if (at == start || at > start + 3) {
        throw new UnknownPattern();
      }
      int number = Integer.parseInt(pattern.substring(start, at));
      if (number > MOST_REPETITIONS) {
        throw new UnknownPattern();
      }
      return number;
    }

    private Node atom() {
      int character = next();
      return switch (character) {
        case '.' -> new Chars(List.of(), true);
        case '[' -> bracket();
        case '(' -> group();
        case '\\' -> escape();
        case '*', '+', '?', '{', '}', ']', '^' -> throw new UnknownPattern();
        default -> one(character);
      };
    }

    private int next() {
      if (at >= pattern.length()) {
        throw new UnknownPattern();
      }
      int character = pattern.codePointAt(at);
      at += Character.charCount(character);
      return character;
    }

    private Node group() {
      if (isAt("?*")) {
        if (!take("?:")) {
          throw new UnknownPattern();
        }
      }
      List<Node> choices = new ArrayList<>();
      do {
        if (isAt("$")) {
          throw new UnknownPattern();
        }
        choices.add(sequence(false));
      } while (take("|"));
      if (!take(")")) {
        throw new UnknownPattern();
      }
      return new Choice(choices);
    }

    private Node escape() {
      int character = next();
      return switch (character) {
        case 'd' -> {
          if (!digits) {
            throw new UnknownPattern();
          }
          yield new Chars(List.of(new Range('0', '9')), false);
        }
        case 'n' -> one('\n');
        case 't' -> one('\t');
        case 'r' -> one('\r');
        default -> one(escaped(character));
      };
    }

    private static int escaped(int character) {
      if (character >= ASCII || Character.isLetterOrDigit(character)) {
        throw new UnknownPattern();
      }
      return character;
    }

    private Node one(int character) {
      return new Chars(cased(new Range(character, character)), false);
    }

    /// `[…]`, behind the bracket.
    private Node bracket() {
      boolean negated = take("^");
      List<Range> ranges = new ArrayList<>();
      boolean begun = false;
      while (!begun || !isAt("]")) {
        int first = member(!begun);
        int last = first;
        if (isAt("-") && !pattern.startsWith("-]", at)) {
          at++;
          last = member(false);
          if (last < first) {
            throw new UnknownPattern();
          }
        }
        ranges.addAll(cased(new Range(first, last)));
        begun = true;
      }
      at++;
      return new Chars(ranges, negated);
    }

    /// @param first whether it is the first one, which alone, or the last, may be a hyphen
    private int member(boolean first) {
      int character = next();
      return switch (character) {
        case '[', ']' -> throw new UnknownPattern();
        case '-' -> {
          if ((!first && !isAt("]")) || isAt("-")) {
            throw new UnknownPattern();
          }
          yield character;
        }
        case '\\' -> escaped(next());
        default -> character;
      };
    }

    private List<Range> cased(Range range) {
      List<Range> ranges = new ArrayList<>(List.of(range));
      if (ignoreCase) {
        between(range, 'a', 'z', 'A' - 'a', ranges);
        between(range, 'A', 'Z', 'a' - 'A', ranges);
      }
      return ranges;
    }

    private static void between(Range range, int least, int most, int shift, List<Range> ranges) {
      int first = Math.max(range.first, least);
      int last = Math.min(range.last, most);
      if (first <= last) {
        ranges.add(new Range(first + shift, last + shift));
      }
    }
  }
}
