package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.type.SqlType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A bound scalar expression over the columns of one input row.
///
/// Records are values: equal expressions are interchangeable, which is what sharing of operators
/// rests on.
public sealed interface Expr {
  SqlType type();

  /// The value of column `index` of the input.
  record Column(int index, SqlType type) implements Expr {}

  /// A constant; `value` follows the mapping of [io.pgtrickle.dvm.type], `null` is NULL.
  record Literal(@Nullable Object value, SqlType type) implements Expr {}

  /// A call of a function, or of an operator or cast through its function.
  ///
  /// @param collation the input collation's OID, 0 when none
  record Call(Signature function, List<Expr> arguments, SqlType type, int collation)
      implements Expr {
    public Call {
      arguments = List.copyOf(arguments);
    }
  }

  /// A binary-compatible change of type: the value stays.
  record Relabel(Expr input, SqlType type) implements Expr {}

  /// Conversion through text, `typoutput` then `typinput` (a cast without a function).
  record TextCast(Expr input, SqlType type) implements Expr {}

  /// Three-valued AND, evaluated left to right until one is false.
  record And(List<Expr> operands) implements Expr {
    public And {
      operands = List.copyOf(operands);
    }

    @Override
    public SqlType type() {
      return SqlType.BOOL;
    }
  }

  /// Three-valued OR, evaluated left to right until one is true.
  record Or(List<Expr> operands) implements Expr {
    public Or {
      operands = List.copyOf(operands);
    }

    @Override
    public SqlType type() {
      return SqlType.BOOL;
    }
  }

  record Not(Expr operand) implements Expr {
    @Override
    public SqlType type() {
      return SqlType.BOOL;
    }
  }

  /// `operand IS NULL`.
  record IsNull(Expr operand) implements Expr {
    @Override
    public SqlType type() {
      return SqlType.BOOL;
    }
  }

  /// `operand IS TRUE`, `IS FALSE` or `IS UNKNOWN`; negations are spelled with [Not].
  record IsTruth(Expr operand, Truth truth) implements Expr {
    @Override
    public SqlType type() {
      return SqlType.BOOL;
    }
  }

  enum Truth {
    TRUE,
    FALSE,
    UNKNOWN
  }

  /// `left IS DISTINCT FROM right` by an equality function.
  record IsDistinct(Call equality) implements Expr {
    @Override
    public SqlType type() {
      return SqlType.BOOL;
    }
  }

  /// `NULLIF(left, right)` by an equality function: `left` unless equal.
  record NullIf(Call equality, SqlType type) implements Expr {}

  record Coalesce(List<Expr> operands, SqlType type) implements Expr {
    public Coalesce {
      operands = List.copyOf(operands);
    }
  }

  /// `GREATEST` or `LEAST`: NULLs are ignored; `comparison` is the type's three-way order by kind.
  record Extreme(boolean greatest, List<Expr> operands, SqlType type) implements Expr {
    public Extreme {
      operands = List.copyOf(operands);
    }
  }

  /// A searched CASE (a simple CASE is bound as comparisons with its operand).
  record Case(List<When> branches, @Nullable Expr otherwise, SqlType type) implements Expr {
    // Spelled out: a compact constructor would lose the annotation of a nullable component.
    public Case(List<When> branches, @Nullable Expr otherwise, SqlType type) {
      this.branches = List.copyOf(branches);
      this.otherwise = otherwise;
      this.type = type;
    }
  }

  /// One `WHEN condition THEN result`.
  record When(Expr condition, Expr result) {}

  /// The value of column `index` of the row for which a subquery is evaluated.
  ///
  /// @param level how many subqueries further out that row is, from 1
  record Outer(int level, int index, SqlType type) implements Expr {}

  /// A reading of the clock: the time of the epoch, which is the only `now()` there is.
  ///
  /// Only conditions of filters may have it in plans that run, see [Monotony].
  record Clock(Reading reading) implements Expr {
    @Override
    public SqlType type() {
      return switch (reading) {
        case NOW, TRANSACTION_TIMESTAMP, STATEMENT_TIMESTAMP, CURRENT_TIMESTAMP ->
            SqlType.TIMESTAMPTZ;
        case CURRENT_DATE -> SqlType.DATE;
        case LOCALTIMESTAMP -> SqlType.TIMESTAMP;
      };
    }
  }

  /// What SQL calls the time, all of the same moment.
  enum Reading {
    NOW,
    TRANSACTION_TIMESTAMP,
    STATEMENT_TIMESTAMP,
    CURRENT_TIMESTAMP,
    CURRENT_DATE,
    LOCALTIMESTAMP
  }

  /// The value of a scalar subquery that has had some number of rows; more than one is an error
  /// where, and only where, the value is asked for.
  record Single(Expr value, Expr rows) implements Expr {
    @Override
    public SqlType type() {
      return value.type();
    }
  }

  /// The value of an answer of the server, or its error where, and only where, the value is asked
  /// for.
  ///
  /// @param failure NULL when there is a value; otherwise SQLSTATE and message in one text
  record Answered(Expr value, Expr failure) implements Expr {
    @Override
    public SqlType type() {
      return value.type();
    }
  }

  /// A value without the label that it has for being compared, see
  /// [io.pgtrickle.dvm.type.Labeled]. It is not SQL; rewrites make it.
  ///
  /// @param type the value's own
  record Unlabeled(Expr labeled, SqlType type) implements Expr {}

  /// SQL that is written again as it was, in pieces of text around the operands, all of which are
  /// evaluated before it. Unless it is known what it means only the server understands it.
  ///
  /// @param pieces one more than there are operands
  /// @param meaning null where it is not known
  record Verbatim(List<String> pieces, List<Expr> operands, SqlType type, @Nullable Meaning meaning)
      implements Expr {
    // Spelled out: a compact constructor would lose the annotation of a nullable component.
    public Verbatim(
        List<String> pieces, List<Expr> operands, SqlType type, @Nullable Meaning meaning) {
      this.pieces = List.copyOf(pieces);
      this.operands = List.copyOf(operands);
      this.type = type;
      this.meaning = meaning;
      if (pieces.size() != operands.size() + 1) {
        throw new IllegalArgumentException(pieces + " do not go around " + operands);
      }
    }

    public Verbatim(List<String> pieces, List<Expr> operands, SqlType type) {
      this(pieces, operands, type, null);
    }
  }

  /// What SQL around operands means.
  sealed interface Meaning permits Paraphrase, ArrayOperation {}

  /// The same in other nodes, with the operands as columns, where operands that cannot fail let it
  /// be said so.
  record Paraphrase(Expr expression) implements Meaning {}

  /// A row as one value, which only the server understands: NULL where it is not `present`, as on
  /// the side of an outer join that has no partner.
  ///
  /// @param names of the fields, as documents made of the row show them where its type does not say
  ///     them
  /// @param fields all but those that were dropped from the type
  /// @param present a truth value; null where the row always is
  record Row(List<String> names, List<Expr> fields, @Nullable Expr present, SqlType type)
      implements Expr {
    // Spelled out: a compact constructor would lose the annotation of a nullable component.
    public Row(List<String> names, List<Expr> fields, @Nullable Expr present, SqlType type) {
      this.names = List.copyOf(names);
      this.fields = List.copyOf(fields);
      this.present = present;
      this.type = type;
      if (names.size() != fields.size()) {
        throw new IllegalArgumentException(names + " are not the names of " + fields);
      }
    }
  }

  /// A text that is to become a date or time, unless it names a moment relative to the clock
  /// (`now`, `today`, `tomorrow`, `yesterday`): that is an error.
  record Timeless(Expr text) implements Expr {
    @Override
    public SqlType type() {
      return text.type();
    }
  }

  /// The values side by side, as they display: equal iff every value displays alike, and never
  /// NULL, two NULLs being alike. It is not SQL; rewrites use it to recognize rows.
  ///
  /// @param byKey as they compare instead of as they display: images are equal iff all values are,
  ///     two NULLs being equal, and in the order of the values, NULLs last. Many of them in a row
  ///     are in the order of such rows, and none is in another one, or across two, but behind a
  ///     zero byte or at the begin
  record Image(List<Expr> values, boolean byKey) implements Expr {
    public Image {
      values = List.copyOf(values);
    }

    public Image(List<Expr> values) {
      this(values, false);
    }

    @Override
    public SqlType type() {
      return SqlType.BYTEA;
    }
  }

  /// `operand op ANY (elements)` or, with `all`, `operand op ALL (elements)`: IN and NOT IN lists.
  ///
  /// @param comparison the operator's function, called with (operand, element)
  record Quantified(
      Expr operand, Signature comparison, int collation, boolean all, List<Expr> elements)
      implements Expr {
    public Quantified {
      elements = List.copyOf(elements);
    }

    @Override
    public SqlType type() {
      return SqlType.BOOL;
    }
  }
}
