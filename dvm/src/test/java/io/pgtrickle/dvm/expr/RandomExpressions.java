package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.Expr.Call;
import io.pgtrickle.dvm.expr.Expr.Truth;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TestServer;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.Collectors;

/// Random expressions over the columns `a`, `b` (boolean), `x`, `y` (integer), `s`, `t` (text), as
/// a tree and
/// as SQL. Some of them fail for some rows.
final class RandomExpressions {
  /// One expression in both forms.
  record Both(Expr tree, String sql) {}

  private static final Signature INT4_EQ = function(65, "int4eq", SqlType.INT4, 16);
  private static final Signature INT4_LT = function(66, "int4lt", SqlType.INT4, 16);
  private static final Signature INT4_NE = function(144, "int4ne", SqlType.INT4, 16);
  private static final Signature INT4_PL = function(177, "int4pl", SqlType.INT4, 23);
  private static final Signature INT4_DIV = function(154, "int4div", SqlType.INT4, 23);
  private static final Signature TEXT_EQ = function(67, "texteq", SqlType.TEXT, 16);
  private static final Signature TEXT_LT = function(740, "text_lt", SqlType.TEXT, 16);
  private static final Signature TEXT_CAT = function(1258, "textcat", SqlType.TEXT, 25);

  private final SplittableRandom random;

  RandomExpressions(long seed) {
    random = new SplittableRandom(seed);
  }

  private static Signature function(int oid, String name, SqlType argument, int result) {
    return new Signature(
        oid, "pg_catalog", name, List.of(argument.oid(), argument.oid()), result, true, 'i');
  }

  /// An expression of a type whose tree is at most `depth` deep.
  Both of(SqlType type, int depth) {
    if (depth == 0 || random.nextInt(8) == 0) {
      return leaf(type);
    }
    if (random.nextInt(3) == 0) {
      return general(type, depth - 1);
    }
    return switch (type.kind()) {
      case BOOL -> condition(depth - 1);
      case INT4 ->
          random.nextInt(3) == 0
              ? call(INT4_DIV, "/", SqlType.INT4, depth - 1)
              : call(INT4_PL, "+", SqlType.INT4, depth - 1);
      case TEXT -> {
        if (random.nextBoolean()) {
          yield call(TEXT_CAT, "||", SqlType.TEXT, depth - 1);
        }
        Both number = of(SqlType.INT4, depth - 1);
        yield new Both(
            new Expr.TextCast(number.tree(), SqlType.TEXT), "(" + number.sql() + ")::text");
      }
      default -> throw new IllegalArgumentException(type.toString());
    };
  }

  private Both leaf(SqlType type) {
    if (random.nextInt(16) == 0) {
      return new Both(new Expr.Literal(null, type), "NULL::" + TypeNames.name(type.oid()));
    }
    boolean first = random.nextBoolean();
    boolean literal = random.nextInt(4) == 0;
    return switch (type.kind()) {
      case BOOL ->
          literal
              ? new Both(new Expr.Literal(first, type), String.valueOf(first))
              : column(first ? 0 : 1, first ? "a" : "b", type);
      case INT4 ->
          literal ? number(random.nextInt(-2, 4)) : column(first ? 2 : 3, first ? "x" : "y", type);
      case TEXT ->
          literal ? text(first ? "" : "ab") : column(first ? 4 : 5, first ? "s" : "t", type);
      default -> throw new IllegalArgumentException(type.toString());
    };
  }

  private static Both column(int index, String name, SqlType type) {
    return new Both(new Expr.Column(index, type), name);
  }

  private static Both number(long value) {
    return new Both(new Expr.Literal(value, SqlType.INT4), "(" + value + ")");
  }

  private static Both text(String value) {
    return new Both(new Expr.Literal(value, SqlType.TEXT), TestServer.quote(value) + "::text");
  }

  private Both call(Signature function, String operator, SqlType operands, int depth) {
    Both left = of(operands, depth);
    Both right = of(operands, depth);
    return new Both(
        new Call(function, List.of(left.tree(), right.tree()), function.resultType(), 950),
        "(" + left.sql() + " " + operator + " " + right.sql() + ")");
  }

  /// Two operands with their equality, which takes the given form in SQL.
  private Both equality(SqlType operands, int depth, Function<Call, Expr> node, String pattern) {
    Both left = of(operands, depth);
    Both right = of(operands, depth);
    Call equality =
        new Call(
            operands.equals(SqlType.INT4) ? INT4_EQ : TEXT_EQ,
            List.of(left.tree(), right.tree()),
            SqlType.BOOL,
            collation(operands));
    return new Both(node.apply(equality), pattern.formatted(left.sql(), right.sql()));
  }

  private Both condition(int depth) {
    return switch (random.nextInt(9)) {
      case 0 -> junction(true, depth);
      case 1 -> junction(false, depth);
      case 2 -> unary(SqlType.BOOL, depth, Expr.Not::new, "(NOT %s)");
      case 3 -> unary(anyType(), depth, Expr.IsNull::new, "(%s IS NULL)");
      case 4 -> {
        Truth truth = List.of(Truth.values()).get(random.nextInt(3));
        yield unary(
            SqlType.BOOL,
            depth,
            operand -> new Expr.IsTruth(operand, truth),
            "(%s IS " + truth + ")");
      }
      case 5 ->
          equality(
              random.nextBoolean() ? SqlType.INT4 : SqlType.TEXT,
              depth,
              Expr.IsDistinct::new,
              "(%s IS DISTINCT FROM %s)");
      case 6 -> quantified(depth);
      case 7 -> call(INT4_LT, "<", SqlType.INT4, depth);
      default -> call(TEXT_LT, "<", SqlType.TEXT, depth);
    };
  }

  private Both unary(SqlType type, int depth, Function<Expr, Expr> node, String pattern) {
    Both operand = of(type, depth);
    return new Both(node.apply(operand.tree()), pattern.formatted(operand.sql()));
  }

  private SqlType anyType() {
    return List.of(SqlType.BOOL, SqlType.INT4, SqlType.TEXT).get(random.nextInt(3));
  }

  private List<Both> several(SqlType type, int depth, int least) {
    List<Both> several = new ArrayList<>();
    for (int n = random.nextInt(least, 4); n > 0; n--) {
      several.add(of(type, depth));
    }
    return several;
  }

  private static List<Expr> trees(List<Both> several) {
    return several.stream().map(Both::tree).toList();
  }

  private static String sql(List<Both> several, String separator) {
    return several.stream().map(Both::sql).collect(Collectors.joining(separator));
  }

  private Both junction(boolean and, int depth) {
    List<Both> operands = several(SqlType.BOOL, depth, 2);
    return and
        ? new Both(new Expr.And(trees(operands)), "(" + sql(operands, " AND ") + ")")
        : new Both(new Expr.Or(trees(operands)), "(" + sql(operands, " OR ") + ")");
  }

  private Both quantified(int depth) {
    boolean all = random.nextBoolean();
    Both operand = of(SqlType.INT4, depth);
    List<Both> elements = new ArrayList<>();
    if (random.nextBoolean()) {
      for (int n = random.nextInt(0, 14); n > 0; n--) {
        elements.add(
            random.nextInt(10) == 0
                ? new Both(new Expr.Literal(null, SqlType.INT4), "NULL::int4")
                : number(random.nextInt(-20, 20)));
      }
    } else {
      elements.addAll(several(SqlType.INT4, depth, 1));
    }
    Signature comparison = List.of(INT4_EQ, INT4_NE, INT4_LT).get(random.nextInt(3));
    String operator =
        switch (comparison.name()) {
          case "int4eq" -> "=";
          case "int4ne" -> "<>";
          default -> "<";
        };
    return new Both(
        new Expr.Quantified(operand.tree(), comparison, 0, all, trees(elements)),
        "(%s %s %s (ARRAY[%s]::int4[]))"
            .formatted(operand.sql(), operator, all ? "ALL" : "ANY", sql(elements, ", ")));
  }

  /// A construct that any type has.
  private Both general(SqlType type, int depth) {
    return switch (random.nextInt(4)) {
      case 0 -> {
        List<Both> operands = several(type, depth, 1);
        yield new Both(
            new Expr.Coalesce(trees(operands), type), "COALESCE(" + sql(operands, ", ") + ")");
      }
      case 1 -> {
        boolean greatest = random.nextBoolean();
        List<Both> operands = several(type, depth, 1);
        yield new Both(
            new Expr.Extreme(
                greatest, trees(operands), SqlType.of(type.oid(), -1, collation(type))),
            (greatest ? "GREATEST(" : "LEAST(") + sql(operands, ", ") + ")");
      }
      case 2 ->
          type.equals(SqlType.BOOL)
              ? of(type, depth)
              : equality(
                  type, depth, equality -> new Expr.NullIf(equality, type), "NULLIF(%s, %s)");
      default -> choice(type, depth);
    };
  }

  private static int collation(SqlType type) {
    return type.kind().isText() ? 950 : 0;
  }

  private Both choice(SqlType type, int depth) {
    List<Expr.When> branches = new ArrayList<>();
    StringBuilder sql = new StringBuilder("CASE");
    for (int n = random.nextInt(1, 3); n > 0; n--) {
      Both condition = of(SqlType.BOOL, depth);
      Both result = of(type, depth);
      branches.add(new Expr.When(condition.tree(), result.tree()));
      sql.append(" WHEN ").append(condition.sql()).append(" THEN ").append(result.sql());
    }
    if (random.nextBoolean()) {
      return new Both(new Expr.Case(branches, null, type), "(" + sql + " END)");
    }
    Both otherwise = of(type, depth);
    return new Both(
        new Expr.Case(branches, otherwise.tree(), type),
        "(" + sql + " ELSE " + otherwise.sql() + " END)");
  }
}
