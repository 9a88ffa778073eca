package io.pgtrickle.engine.e2e;

import static java.util.stream.Collectors.joining;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.StringJoiner;
import java.util.function.Supplier;

/// Random queries over the tables of [RandomChanges], from a seed.
///
/// Every query is valid and cannot fail on the data, and PostgreSQL has one answer to it: numerics
/// get
/// one display scale where equal ones are merged, limits come with an order by all columns.
/// Expressions are generated for a kind, of which a column may have several types, so that implicit
/// casts abound.
final class RandomQuery {
  /// What values can be compared with each other.
  enum Kind {
    INT,
    NUM,
    TEXT,
    BOOL,
    DATE
  }

  /// A column as it is referred to.
  record Column(String sql, Kind kind) {}

  /// Something to select from.
  record Relation(String name, List<Column> columns) {}

  /// The columns that expressions may use: those of the query itself, and those around it.
  private record Scope(List<Column> local, List<Column> outer) {
    Scope inside() {
      List<Column> around = new ArrayList<>(local);
      around.addAll(outer);
      return new Scope(List.of(), around);
    }
  }

  /// A FROM clause and the columns it provides.
  private record From(String sql, List<Column> columns) {}

  private static final int DEPTH = 3;
  private static final List<String> TEXTS = List.of("'a'", "'b'", "'A'", "'ab'", "''", "'b '");
  private static final List<String> COMPARISONS = List.of("=", "=", "<>", "<", "<=", ">", ">=");

  private final Random random;
  private final List<Relation> relations;
  private int aliases;

  RandomQuery(long seed, List<Relation> relations) {
    this.random = new Random(seed);
    this.relations = relations;
  }

  /// The kinds of the columns `c0`, `c1`, … of a query.
  record Query(String sql, List<Kind> columns) {}

  Query next() {
    List<Kind> kinds = kinds();
    Scope nothing = new Scope(List.of(), List.of());
    if (chance(8)) {
      // A common table expression, used once or twice.
      List<Kind> inner = kinds();
      String name = alias();
      Relation common = new Relation(name, columns(name, inner));
      String definition = select(inner, nothing, DEPTH - 1);
      RandomQuery over = new RandomQuery(random.nextLong(), List.of(common, pick(relations)));
      over.aliases = 100;
      String sql = over.select(kinds, nothing, DEPTH - 1);
      return new Query("WITH " + name + " AS (" + definition + ") " + sql, kinds);
    }
    return new Query(select(kinds, nothing, DEPTH), kinds);
  }

  private List<Kind> kinds() {
    List<Kind> kinds = new ArrayList<>();
    for (int i = 1 + random.nextInt(3); i > 0; i--) {
      kinds.add(pick(List.of(Kind.values())));
    }
    return kinds;
  }

  /// A query whose columns have given kinds and are called `c0`, `c1`, ….
  private String select(List<Kind> kinds, Scope around, int depth) {
    return switch (random.nextInt(depth > 1 ? 20 : 14)) {
      case 0, 1, 2, 3 -> grouped(kinds, around, depth);
      case 4, 5 -> "SELECT DISTINCT " + plain(kinds, around, depth, true);
      case 6 -> ordered(kinds, around, depth);
      case 14, 15, 16 -> setOperation(kinds, around, depth);
      default -> "SELECT " + plain(kinds, around, depth, false);
    };
  }

  private String plain(List<Kind> kinds, Scope around, int depth, boolean merged) {
    From from = from(around, depth);
    Scope scope = new Scope(from.columns(), around.outer());
    List<String> values = new ArrayList<>();
    for (Kind kind : kinds) {
      boolean window = kind == Kind.INT && depth > 0 && chance(15);
      String value = window ? window(scope) : expression(kind, scope, depth - 1);
      values.add(merged ? settled(value, kind) : value);
    }
    return list(values) + " FROM " + from.sql() + where(scope, depth);
  }

  private String ordered(List<Kind> kinds, Scope around, int depth) {
    StringJoiner order = new StringJoiner(", ");
    for (int i = 0; i < kinds.size(); i++) {
      order.add((i + 1) + pick(List.of("", " DESC", " NULLS FIRST", " DESC NULLS LAST")));
    }
    String limit =
        switch (random.nextInt(4)) {
          case 0 -> " OFFSET " + random.nextInt(4);
          case 1 -> " LIMIT " + random.nextInt(6) + " OFFSET " + random.nextInt(3);
          case 2 -> " FETCH FIRST " + (1 + random.nextInt(4)) + " ROWS WITH TIES";
          default -> " LIMIT " + (1 + random.nextInt(5));
        };
    return "SELECT " + plain(kinds, around, depth, true) + " ORDER BY " + order + limit;
  }

  private String setOperation(List<Kind> kinds, Scope around, int depth) {
    String operator =
        pick(List.of("UNION", "UNION ALL", "INTERSECT", "INTERSECT ALL", "EXCEPT", "EXCEPT ALL"));
    return "("
        + branch(kinds, around, depth)
        + ") "
        + operator
        + " ("
        + branch(kinds, around, depth)
        + ")";
  }

  private String branch(List<Kind> kinds, Scope around, int depth) {
    String name = alias();
    List<String> values = new ArrayList<>();
    for (int i = 0; i < kinds.size(); i++) {
      values.add(settled(name + ".c" + i, kinds.get(i)));
    }
    return "SELECT " + list(values) + " FROM (" + select(kinds, around, depth - 1) + ") " + name;
  }

  private String grouped(List<Kind> kinds, Scope around, int depth) {
    From from = from(around, depth);
    Scope scope = new Scope(from.columns(), around.outer());
    List<String> groups = new ArrayList<>();
    List<String> values = new ArrayList<>();
    for (Kind kind : kinds) {
      List<Column> candidates = from.columns().stream().filter(c -> c.kind() == kind).toList();
      if (!candidates.isEmpty() && random.nextInt(5) < 3) {
        String group = settled(groupValue(pick(candidates)), kind);
        groups.add(group);
        values.add(group);
      } else {
        values.add(aggregate(kind, scope, depth));
      }
    }
    if (groups.isEmpty() && random.nextBoolean()) {
      groups.add(settled(groupValue(pick(from.columns())), Kind.INT));
      groups.set(0, pick(from.columns()).sql());
    }
    String grouping = groups.isEmpty() ? "" : " GROUP BY " + String.join(", ", groups);
    String having = "";
    if (chance(30)) {
      having =
          " HAVING "
              + aggregate(Kind.INT, scope, 1)
              + " "
              + pick(COMPARISONS)
              + " "
              + (chance(20) && depth > 1
                  ? scalarSubquery(Kind.INT, new Scope(List.of(), scope.outer()), depth - 1)
                  : literal(Kind.INT));
    }
    return "SELECT "
        + list(values)
        + " FROM "
        + from.sql()
        + where(scope, depth)
        + grouping
        + having;
  }

  private String groupValue(Column column) {
    return switch (column.kind()) {
      case INT -> chance(20) ? "(" + column.sql() + " % 3)" : column.sql();
      case TEXT -> chance(20) ? "upper(" + column.sql() + ")" : column.sql();
      case DATE ->
          chance(20) ? "date_trunc('month', " + column.sql() + "::timestamp)" : column.sql();
      case NUM, BOOL -> column.sql();
    };
  }

  /// A window function whose value for each row does not depend on the order of ties: peers share
  /// it, or rows that tie are alike in every column.
  private String window(Scope scope) {
    List<Column> columns = scope.local();
    Scope local = new Scope(columns, List.of());
    String partition = chance(60) ? "PARTITION BY " + pick(columns).sql() + " " : "";
    String direction = pick(List.of("", " DESC", " NULLS FIRST"));
    // Computed columns may hold equal values that look different.
    if (chance(50) && columns.stream().noneMatch(column -> column.sql().matches(".*\\.c\\d+"))) {
      String all = columns.stream().map(column -> column.sql() + direction).collect(joining(", "));
      return switch (random.nextInt(4)) {
            case 0 -> "row_number()";
            case 1 -> pick(List.of("lag(", "lead(")) + value(Kind.INT, local) + ")";
            case 2 -> pick(List.of("first_value(", "last_value(")) + value(Kind.INT, local) + ")";
            default -> "sum(" + value(Kind.INT, local) + ")";
          }
          + " OVER ("
          + partition
          + "ORDER BY "
          + all
          + pick(List.of("", " ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING"))
          + ")";
    }
    return pick(List.of("rank()", "dense_rank()", "count(*)", "sum(", "max("))
            .transform(call -> call.endsWith("(") ? call + value(Kind.INT, local) + ")" : call)
        + " OVER ("
        + partition
        + (chance(75) ? "ORDER BY " + pick(columns).sql() + direction : "")
        + ")";
  }

  private String aggregate(Kind kind, Scope scope, int depth) {
    Scope local = new Scope(scope.local(), List.of());
    Supplier<String> distinct = () -> chance(25) ? "DISTINCT " : "";
    String call =
        switch (kind) {
          case INT ->
              switch (random.nextInt(5)) {
                case 0 -> "count(*)";
                case 1 ->
                    "count(" + distinct.get() + value(pick(List.of(Kind.values())), local) + ")";
                case 2 -> "sum(" + distinct.get() + value(Kind.INT, local) + ")";
                default -> pick(List.of("min(", "max(")) + value(Kind.INT, local) + ")";
              };
          case NUM ->
              switch (random.nextInt(4)) {
                case 0 -> "avg(" + distinct.get() + value(Kind.INT, local) + ")";
                case 1 -> "sum(" + distinct.get() + settled(value(Kind.NUM, local), kind) + ")";
                case 2 -> "stddev_samp(" + value(Kind.INT, local) + ")";
                default -> pick(List.of("min(", "max(")) + settled(value(kind, local), kind) + ")";
              };
          case BOOL -> pick(List.of("bool_and(", "bool_or(")) + condition(local, 0) + ")";
          case TEXT, DATE -> pick(List.of("min(", "max(")) + value(kind, local) + ")";
        };
    return depth > 0 && chance(20) ? call + " FILTER (WHERE " + condition(local, 0) + ")" : call;
  }

  private From from(Scope around, int depth) {
    int items = 1 + (depth > 0 ? random.nextInt(3) : 0);
    From from = item(around, depth);
    for (int i = 1; i < items; i++) {
      from = join(from, item(around, depth), around);
    }
    return from;
  }

  private From item(Scope around, int depth) {
    String alias = alias();
    if (depth > 1 && chance(25)) {
      List<Kind> kinds = kinds();
      return new From("(" + select(kinds, around, depth - 1) + ") " + alias, columns(alias, kinds));
    }
    if (chance(4)) {
      return new From(
          "(VALUES (1, 'a'), (2, NULL), (NULL, 'b'), (2, 'ab')) " + alias + " (v, w)",
          List.of(new Column(alias + ".v", Kind.INT), new Column(alias + ".w", Kind.TEXT)));
    }
    Relation relation = pick(relations);
    return new From(
        relation.name() + " " + alias,
        relation.columns().stream()
            .map(c -> new Column(alias + c.sql().substring(c.sql().indexOf('.')), c.kind()))
            .toList());
  }

  private From join(From left, From right, Scope around) {
    List<Column> both = new ArrayList<>(left.columns());
    both.addAll(right.columns());
    String equality = equality(left.columns(), right.columns());
    Scope scope = new Scope(both, around.outer());
    String more = chance(35) ? " AND " + condition(scope, 0) : "";
    String on = equality.isEmpty() ? " ON " + condition(scope, 0) : " ON " + equality + more;
    String sql =
        switch (random.nextInt(12)) {
          case 0, 1, 2 -> " LEFT JOIN " + right.sql() + on;
          case 3, 4 -> " RIGHT JOIN " + right.sql() + on;
          // The server joins fully by equalities only.
          case 5 -> " FULL JOIN " + right.sql() + " ON " + (equality.isEmpty() ? "true" : equality);
          case 6 -> " CROSS JOIN " + right.sql();
          default -> " JOIN " + right.sql() + on;
        };
    return new From(left.sql() + sql, both);
  }

  /// An equality between columns of two sides, where they have columns of one kind.
  private String equality(List<Column> left, List<Column> right) {
    for (int attempt = 0; attempt < 8; attempt++) {
      Column l = pick(left);
      List<Column> partners = right.stream().filter(c -> c.kind() == l.kind()).toList();
      if (!partners.isEmpty() && (l.kind() != Kind.BOOL || attempt > 5)) {
        return l.sql() + " = " + pick(partners).sql();
      }
    }
    return "";
  }

  private String where(Scope scope, int depth) {
    return chance(45) ? " WHERE " + condition(scope, depth - 1) : "";
  }

  /// A truth value; with subqueries when there is depth left.
  private String condition(Scope scope, int depth) {
    if (depth > 0 && chance(45)) {
      return subqueryCondition(scope, depth);
    }
    return switch (random.nextInt(12)) {
      case 0 -> "(" + condition(scope, depth - 1) + " AND " + condition(scope, depth - 1) + ")";
      case 1, 2, 3 ->
          "(" + condition(scope, depth - 1) + " OR " + condition(scope, depth - 1) + ")";
      case 4 -> "NOT " + "(" + condition(scope, depth - 1) + ")";
      case 5 ->
          value(pick(List.of(Kind.values())), scope) + pick(List.of(" IS NULL", " IS NOT NULL"));
      case 6 -> {
        Kind kind = pick(List.of(Kind.INT, Kind.TEXT, Kind.NUM));
        yield value(kind, scope)
            + pick(List.of(" IN (", " NOT IN ("))
            + literal(kind)
            + ", "
            + literal(kind)
            + (chance(20) ? ", NULL)" : ")");
      }
      case 7 ->
          value(Kind.TEXT, scope)
              + pick(List.of(" LIKE ", " NOT LIKE "))
              + pick(List.of("'a%'", "'_'", "'%b'"));
      case 8 -> value(Kind.BOOL, scope);
      default -> {
        Kind kind = pick(List.of(Kind.INT, Kind.INT, Kind.NUM, Kind.TEXT, Kind.DATE, Kind.BOOL));
        yield value(kind, scope)
            + " "
            + (chance(10) ? "IS DISTINCT FROM" : pick(COMPARISONS))
            + " "
            + value(kind, scope);
      }
    };
  }

  private String subqueryCondition(Scope scope, int depth) {
    Kind kind = pick(List.of(Kind.INT, Kind.TEXT, Kind.NUM, Kind.DATE));
    return switch (random.nextInt(8)) {
      case 0, 1, 2 ->
          pick(List.of("EXISTS (", "NOT EXISTS ("))
              + correlated(List.of(Kind.INT), scope, depth - 1)
              + ")";
      case 3, 4 ->
          value(kind, scope)
              + pick(List.of(" IN (", " NOT IN ("))
              + correlated(List.of(kind), scope, depth - 1)
              + ")";
      case 5 ->
          value(kind, scope)
              + " "
              + pick(COMPARISONS)
              + pick(List.of(" ANY (", " ALL ("))
              + correlated(List.of(kind), scope, depth - 1)
              + ")";
      case 6 ->
          "("
              + value(kind, scope)
              + ", "
              + value(Kind.INT, scope)
              + pick(List.of(") IN (", ") NOT IN ("))
              + correlated(List.of(kind, Kind.INT), scope, depth - 1)
              + ")";
      default ->
          value(kind, scope)
              + " "
              + pick(COMPARISONS)
              + " "
              + scalarSubquery(kind, scope, depth - 1);
    };
  }

  /// A subquery that refers to the rows around it, more often than not by an equality.
  private String correlated(List<Kind> kinds, Scope scope, int depth) {
    Scope inside = scope.inside();
    if (chance(30) || scope.local().isEmpty()) {
      return select(kinds, inside, Math.max(depth, 0));
    }
    From from = from(inside, depth - 1);
    Scope within = new Scope(from.columns(), inside.outer());
    String equality = equality(from.columns(), inside.outer());
    List<String> values = new ArrayList<>();
    for (Kind kind : kinds) {
      values.add(value(kind, within));
    }
    return "SELECT "
        + list(values)
        + " FROM "
        + from.sql()
        + " WHERE "
        + (equality.isEmpty() ? condition(within, 0) : equality)
        + (chance(40) ? " AND " + condition(within, depth - 1) : "");
  }

  /// A subquery of at most one row.
  private String scalarSubquery(Kind kind, Scope scope, int depth) {
    Scope inside = scope.inside();
    From from = from(inside, depth - 1);
    Scope within = new Scope(from.columns(), inside.outer());
    String equality = inside.outer().isEmpty() ? "" : equality(from.columns(), inside.outer());
    return "(SELECT "
        + aggregate(kind, within, 1)
        + " FROM "
        + from.sql()
        + (equality.isEmpty() || chance(20) ? "" : " WHERE " + equality)
        + ")";
  }

  /// An expression, with subqueries when there is depth left.
  private String expression(Kind kind, Scope scope, int depth) {
    if (depth > 0 && chance(12)) {
      return scalarSubquery(kind, scope, depth);
    }
    if (depth > 0 && chance(10)) {
      return "CASE WHEN "
          + condition(scope, depth - 1)
          + " THEN "
          + value(kind, scope)
          + (chance(30) ? "" : " ELSE " + value(kind, scope))
          + " END";
    }
    if (kind == Kind.BOOL && depth > 0 && chance(30)) {
      return "(" + condition(scope, depth - 1) + ")";
    }
    return value(kind, scope);
  }

  /// An expression without subqueries: a column, as a rule.
  private String value(Kind kind, Scope scope) {
    List<Column> candidates = new ArrayList<>(scope.local());
    if (chance(15)) {
      candidates.addAll(scope.outer());
    }
    candidates.removeIf(column -> column.kind() != kind);
    if (candidates.isEmpty()) {
      candidates.addAll(scope.outer());
      candidates.removeIf(column -> column.kind() != kind);
    }
    if (candidates.isEmpty() || chance(8)) {
      return literal(kind);
    }
    String column = pick(candidates).sql();
    if (chance(65)) {
      return column;
    }
    String other = pick(candidates).sql();
    return switch (kind) {
      case INT ->
          switch (random.nextInt(7)) {
            case 0 -> "(" + column + " + " + other + ")";
            case 1 -> "(" + column + " - 1)";
            case 2 -> "(" + column + " * " + (random.nextInt(5) - 2) + ")";
            case 3 -> "coalesce(" + column + ", " + literal(kind) + ")";
            case 4 -> "nullif(" + column + ", " + literal(kind) + ")";
            case 5 -> pick(List.of("greatest(", "least(")) + column + ", " + other + ")";
            default -> "(" + column + " / nullif(" + other + ", 0))";
          };
      case NUM ->
          switch (random.nextInt(4)) {
            case 0 -> "(" + column + " + " + other + ")";
            case 1 -> "(" + column + " * 2)";
            case 2 -> "coalesce(" + column + ", " + literal(kind) + ")";
            default -> "round(" + column + ", 1)";
          };
      case TEXT ->
          switch (random.nextInt(5)) {
            case 0 -> "(" + column + " || " + other + ")";
            case 1 -> "upper(" + column + ")";
            case 2 -> "coalesce(" + column + ", 'z')";
            case 3 -> "substring(" + column + " from 1 for 1)";
            default -> "nullif(" + column + ", 'a')";
          };
      case DATE -> "coalesce(" + column + ", " + literal(kind) + ")";
      case BOOL -> "(" + column + " IS TRUE)";
    };
  }

  /// Numerics at one scale, so that equal ones look alike.
  private static String settled(String value, Kind kind) {
    return switch (kind) {
      case NUM -> "(" + value + ")::numeric(20,2)";
      case TEXT -> "(" + value + ")::text";
      case INT, BOOL, DATE -> value;
    };
  }

  private String literal(Kind kind) {
    if (chance(6)) {
      return "NULL::"
          + switch (kind) {
            case INT -> "int";
            case NUM -> "numeric";
            case TEXT -> "text";
            case BOOL -> "bool";
            case DATE -> "date";
          };
    }
    return switch (kind) {
      case INT -> String.valueOf(random.nextInt(8) - 1);
      case NUM -> pick(List.of("0", "1.50", "2.5", "-1.25", "3.00"));
      case TEXT -> pick(TEXTS) + "::text";
      case BOOL -> String.valueOf(random.nextBoolean());
      case DATE -> "date '2024-01-0" + (1 + random.nextInt(4)) + "'";
    };
  }

  private static List<Column> columns(String alias, List<Kind> kinds) {
    List<Column> columns = new ArrayList<>();
    for (int i = 0; i < kinds.size(); i++) {
      columns.add(new Column(alias + ".c" + i, kinds.get(i)));
    }
    return columns;
  }

  private static String list(List<String> values) {
    StringJoiner list = new StringJoiner(", ");
    for (int i = 0; i < values.size(); i++) {
      list.add(values.get(i) + " AS c" + i);
    }
    return list.toString();
  }

  private String alias() {
    return "r" + aliases++;
  }

  private boolean chance(int percent) {
    return random.nextInt(100) < percent;
  }

  private <T> T pick(List<T> from) {
    return from.get(random.nextInt(from.size()));
  }
}
