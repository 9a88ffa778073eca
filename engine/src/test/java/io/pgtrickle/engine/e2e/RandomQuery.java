package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.RandomValues.COMPARISONS;
import static io.pgtrickle.engine.e2e.RandomValues.settled;

import io.pgtrickle.engine.e2e.RandomCalls.Windowed;
import io.pgtrickle.engine.e2e.RandomValues.Column;
import io.pgtrickle.engine.e2e.RandomValues.Kind;
import io.pgtrickle.engine.e2e.RandomValues.Scope;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.StringJoiner;

/// Random queries over the tables of [RandomChanges], from a seed.
///
/// Every query is valid and cannot fail on the data, and PostgreSQL has one answer to it: numerics
/// get one display scale where equal ones are merged, limits come with an order by all columns.
final class RandomQuery {
  /// Something to select from.
  record Relation(String name, List<Column> columns) {}

  /// A FROM clause and the columns it provides.
  ///
  /// @param lateral whether it refers to what is on its left
  private record From(String sql, List<Column> columns, boolean lateral) {}

  private static final int DEPTH = 3;

  private final Random random;
  private final List<Relation> relations;
  private final List<String> texts;
  private final RandomValues values;
  private final RandomCalls calls;
  private int aliases;

  /// @param texts literals
  RandomQuery(long seed, List<Relation> relations, List<String> texts) {
    this.random = new Random(seed);
    this.relations = relations;
    this.texts = texts;
    this.values = new RandomValues(random, texts);
    this.calls = new RandomCalls(values);
  }

  String next() {
    List<Kind> kinds = kinds();
    if (chance(8)) {
      List<Kind> inner = kinds();
      return common("WITH ", "", inner, select(inner, Scope.NOTHING, DEPTH - 1), kinds);
    }
    if (chance(6)) {
      List<Kind> inner = List.of(Kind.INT, Kind.TEXT);
      return common("WITH RECURSIVE ", " (c0, c1)", inner, "", kinds);
    }
    return select(kinds, Scope.NOTHING, DEPTH);
  }

  /// A common table expression, used once or twice.
  ///
  /// @param definition empty for a recursive one
  private String common(
      String with, String columns, List<Kind> inner, String definition, List<Kind> kinds) {
    String name = alias();
    Relation common = new Relation(name, columns(name, inner));
    RandomQuery over =
        new RandomQuery(random.nextLong(), List.of(common, common, values.pick(relations)), texts);
    over.aliases = 100;
    String body = definition.isEmpty() ? recursion(name) : definition;
    return with
        + name
        + columns
        + " AS ("
        + body
        + ") "
        + over.select(kinds, Scope.NOTHING, DEPTH - 1);
  }

  /// A recursion that ends: over the values of a table, or by counting up to a limit.
  private String recursion(String name) {
    Relation start = values.pick(relations);
    String base = alias();
    String step = alias();
    String next = alias();
    Scope scope = new Scope(start.columns().stream().map(c -> c.of(base)).toList(), List.of());
    String sql =
        "SELECT "
            + values.pick(integers(scope.local()))
            + "::bigint, "
            + settled(values.value(Kind.TEXT, scope), Kind.TEXT)
            + " FROM "
            + start.name()
            + " "
            + base
            + (chance(40) ? " WHERE " + values.test(scope) : "");
    Relation edges = values.pick(relations);
    List<Column> columns = edges.columns().stream().map(c -> c.of(next)).toList();
    return sql
        + switch (random.nextInt(3)) {
          case 0 ->
              " UNION SELECT "
                  + values.pick(integers(columns))
                  + "::bigint, "
                  + settled(values.value(Kind.TEXT, new Scope(columns, List.of())), Kind.TEXT)
                  + " FROM %s %s JOIN %s %s ON %s = %s.c0"
                      .formatted(
                          name, step, edges.name(), next, values.pick(integers(columns)), step);
          case 1 ->
              " UNION ALL SELECT %s.c0 + 1, %s.t FROM %s %s JOIN a %s ON %s.id = %s.c0 WHERE %s.c0 < 5"
                  .formatted(step, next, name, step, next, next, step, step);
          default ->
              values.one(" UNION", " UNION ALL")
                  + " SELECT %s.c0 + 1, %s.c1 FROM %s %s WHERE %s.c0 < 3"
                      .formatted(step, step, name, step, step);
        };
  }

  private static List<String> integers(List<Column> columns) {
    return columns.stream().filter(c -> c.kind() == Kind.INT).map(Column::sql).toList();
  }

  private List<Kind> kinds() {
    List<Kind> kinds = new ArrayList<>();
    for (int i = 1 + random.nextInt(3); i > 0; i--) {
      kinds.add(values.kind());
    }
    return kinds;
  }

  /// A query whose columns have given kinds and are called `c0`, `c1`, ….
  private String select(List<Kind> kinds, Scope around, int depth) {
    return switch (random.nextInt(depth > 1 ? 20 : 14)) {
      case 0, 1, 2, 3 -> grouped(kinds, around, depth);
      case 4, 5 -> "SELECT DISTINCT " + plain(kinds, around, depth, true);
      case 6, 7 -> ordered(kinds, around, depth);
      case 14, 15, 16 -> setOperation(kinds, around, depth);
      default -> "SELECT " + plain(kinds, around, depth, false);
    };
  }

  private String plain(List<Kind> kinds, Scope around, int depth, boolean merged) {
    From from = from(around, depth);
    Scope scope = new Scope(from.columns(), around.outer());
    Map<String, String> windows = new LinkedHashMap<>();
    boolean named = chance(40);
    List<String> columns = new ArrayList<>();
    for (Kind kind : kinds) {
      if (kind == Kind.INT && depth > 0 && chance(18)) {
        columns.add(window(calls.window(scope), named, windows));
      } else if (kind == Kind.INT && depth > 0 && chance(4)) {
        columns.add("unnest(" + values.value(Kind.INTS, scope) + ")");
      } else {
        String value = expression(kind, scope, depth - 1);
        columns.add(merged ? settled(value, kind) : value);
      }
    }
    StringJoiner clause = new StringJoiner(", ", " WINDOW ", "").setEmptyValue("");
    windows.forEach((definition, name) -> clause.add(name + " AS (" + definition + ")"));
    return list(columns) + " FROM " + from.sql() + where(scope, depth) + clause;
  }

  private static String window(Windowed window, boolean named, Map<String, String> windows) {
    return named
        ? window.over(windows.computeIfAbsent(window.definition(), _ -> "w" + windows.size()))
        : window.sql();
  }

  private String ordered(List<Kind> kinds, Scope around, int depth) {
    StringJoiner order = new StringJoiner(", ");
    for (int i = 0; i < kinds.size(); i++) {
      order.add((i + 1) + values.one("", " DESC", " NULLS FIRST", " DESC NULLS LAST"));
    }
    String distinct = chance(30) ? "DISTINCT ON (1) " : "";
    String limit =
        switch (random.nextInt(4)) {
          case 0 -> " OFFSET " + random.nextInt(4);
          case 1 -> " LIMIT " + random.nextInt(6) + " OFFSET " + random.nextInt(3);
          case 2 -> " FETCH FIRST " + (1 + random.nextInt(4)) + " ROWS WITH TIES";
          default -> " LIMIT " + (1 + random.nextInt(5));
        };
    return "SELECT "
        + distinct
        + plain(kinds, around, depth, true)
        + " ORDER BY "
        + order
        + (distinct.isEmpty() || chance(30) ? limit : "");
  }

  private String setOperation(List<Kind> kinds, Scope around, int depth) {
    String operator =
        values.one("UNION", "UNION ALL", "INTERSECT", "INTERSECT ALL", "EXCEPT", "EXCEPT ALL");
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
    List<String> columns = new ArrayList<>();
    for (int i = 0; i < kinds.size(); i++) {
      columns.add(settled(name + ".c" + i, kinds.get(i)));
    }
    return "SELECT " + list(columns) + " FROM (" + select(kinds, around, depth - 1) + ") " + name;
  }

  private String grouped(List<Kind> kinds, Scope around, int depth) {
    From from = from(around, depth);
    Scope scope = new Scope(from.columns(), around.outer());
    List<String> groups = new ArrayList<>();
    List<String> columns = new ArrayList<>();
    int sets = chance(35) ? 1 + random.nextInt(4) : 0;
    for (Kind kind : kinds) {
      List<Column> candidates = from.columns().stream().filter(c -> c.kind() == kind).toList();
      if (!candidates.isEmpty() && random.nextInt(5) < 3) {
        String group = settled(groupValue(values.pick(candidates)), kind);
        groups.add(group);
        columns.add(group);
      } else if (kind == Kind.INT && sets > 0 && !groups.isEmpty() && chance(50)) {
        columns.add("grouping(" + values.pick(groups) + ")");
      } else if (kind == Kind.INT && depth > 0 && chance(8)) {
        columns.add("rank() OVER (ORDER BY " + calls.aggregate(Kind.INT, scope, 0) + ")");
      } else {
        columns.add(calls.aggregate(kind, scope, depth));
      }
    }
    if (groups.isEmpty() && random.nextBoolean()) {
      groups.add(values.pick(from.columns()).sql());
    }
    String having = "";
    if (chance(30)) {
      having =
          " HAVING "
              + calls.aggregate(Kind.INT, scope, 1)
              + " "
              + values.pick(COMPARISONS)
              + " "
              + (chance(20) && depth > 1
                  ? scalarSubquery(Kind.INT, new Scope(List.of(), scope.outer()), depth - 1)
                  : values.literal(Kind.INT));
    }
    return "SELECT "
        + list(columns)
        + " FROM "
        + from.sql()
        + where(scope, depth)
        + (groups.isEmpty() ? "" : " GROUP BY " + grouping(groups, sets))
        + having;
  }

  private String grouping(List<String> groups, int sets) {
    String all = String.join(", ", groups);
    return switch (sets) {
      case 4 -> "ROLLUP (" + all + ")";
      case 1 -> "CUBE (" + all + ")";
      case 2 -> "GROUPING SETS ((" + all + "), (" + values.pick(groups) + "), ())";
      case 3 -> "DISTINCT ROLLUP (" + all + "), CUBE (" + values.pick(groups) + ")";
      default -> all;
    };
  }

  private String groupValue(Column column) {
    return switch (column.kind()) {
      case INT -> chance(20) ? "(" + column.sql() + " % 3)" : column.sql();
      case TEXT -> chance(20) ? "upper(" + column.sql() + ")" : column.sql();
      case DATE ->
          chance(20) ? "date_trunc('month', " + column.sql() + "::timestamp)" : column.sql();
      case NUM, BOOL, MOOD, INTS, JSON -> column.sql();
    };
  }

  private From from(Scope around, int depth) {
    int items = 1 + (depth > 0 ? random.nextInt(3) : 0);
    From from = item(around, List.of(), depth);
    for (int i = 1; i < items; i++) {
      from = join(from, item(around, from.columns(), depth), around);
    }
    return from;
  }

  private From item(Scope around, List<Column> left, int depth) {
    String alias = alias();
    if (depth > 1 && chance(25)) {
      List<Kind> kinds = kinds();
      boolean lateral = !left.isEmpty() && chance(40);
      Scope scope = lateral ? around.inside(left) : around;
      String query = "(" + select(kinds, scope, depth - 1) + ") " + alias;
      return new From(lateral ? "LATERAL " + query : query, columns(alias, kinds), lateral);
    }
    if (chance(4)) {
      return new From(
          "(VALUES (1, 'a'), (2, NULL), (NULL, 'b'), (2, 'ab')) " + alias + " (v, w)",
          List.of(new Column(alias + ".v", Kind.INT), new Column(alias + ".w", Kind.TEXT)),
          false);
    }
    if (chance(left.isEmpty() ? 3 : 14)) {
      return function(new Scope(left, List.of()), alias);
    }
    if (chance(8)) {
      From merged = merged(alias);
      if (!merged.columns().isEmpty()) {
        return merged;
      }
    }
    Relation relation = values.pick(relations);
    return new From(
        relation.name() + " " + alias,
        relation.columns().stream().map(column -> column.of(alias)).toList(),
        false);
  }

  /// The rows of a function of what is on its left.
  private From function(Scope left, String alias) {
    String series =
        "generate_series("
            + random.nextInt(2)
            + ", greatest(least("
            + values.value(Kind.INT, left)
            + ", 4), -1)::int)";
    String elements = "unnest(" + values.value(Kind.INTS, left) + ")";
    Column v = new Column(alias + ".v", Kind.INT);
    Column n = new Column(alias + ".n", Kind.INT);
    Column w = new Column(alias + ".v", Kind.TEXT);
    return switch (random.nextInt(6)) {
      case 0 -> new From(series + " " + alias + " (v)", List.of(v), true);
      case 1 -> new From(elements + " " + alias + " (v)", List.of(v), true);
      case 2 -> new From(elements + " WITH ORDINALITY " + alias + " (v, n)", List.of(v, n), true);
      case 3 ->
          new From(
              "ROWS FROM (" + series + ", " + elements + ") " + alias + " (v, n)",
              List.of(v, n),
              true);
      case 4 ->
          new From(
              "jsonb_array_elements_text(jsonb_path_query_array("
                  + values.value(Kind.JSON, left)
                  + ", '$.l[*]')) "
                  + alias
                  + " (v)",
              List.of(w),
              true);
      default ->
          new From(
              "regexp_split_to_table(" + values.value(Kind.TEXT, left) + ", 'b') " + alias + " (v)",
              List.of(w),
              true);
    };
  }

  /// Two relations with one column for what they have in common; without columns if that is
  /// nothing.
  private From merged(String alias) {
    Relation left = values.pick(relations);
    Relation right = values.pick(relations);
    Map<String, Kind> rest = new LinkedHashMap<>();
    right.columns().forEach(column -> rest.put(column.name(), column.kind()));
    List<Column> common =
        left.columns().stream()
            .filter(column -> column.kind().equals(rest.get(column.name())))
            // What char(n) becomes beside other texts is not understood.
            .filter(
                column ->
                    column.kind() != Kind.TEXT
                        || left.name().equals("c") == right.name().equals("c"))
            .toList();
    boolean all =
        left.columns().stream().allMatch(c -> !rest.containsKey(c.name()) || common.contains(c));
    boolean natural = all && chance(30);
    List<Column> using = natural ? common : common.stream().filter(_ -> chance(40)).toList();
    if (using.isEmpty()) {
      return new From("", List.of(), false);
    }
    List<Kind> kinds = new ArrayList<>(using.stream().map(Column::kind).toList());
    left.columns().stream().filter(c -> !using.contains(c)).forEach(c -> kinds.add(c.kind()));
    using.forEach(column -> rest.remove(column.name()));
    kinds.addAll(rest.values());
    List<Column> columns = new ArrayList<>();
    StringJoiner names = new StringJoiner(", ");
    for (Kind kind : kinds) {
      names.add("u" + columns.size());
      columns.add(new Column(alias + ".u" + columns.size(), kind));
    }
    String type = values.one("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN");
    StringJoiner on = new StringJoiner(", ", " USING (", ")");
    using.forEach(column -> on.add(column.name()));
    // In a subquery: the server itself cannot read the views that it writes of such a join with a
    // name, where an aggregate is made of a column of both sides.
    String sql =
        "(SELECT * FROM %s %s %s %s %s%s) AS %s (%s)"
            .formatted(
                left.name(),
                alias(),
                natural ? "NATURAL " + type : type,
                right.name(),
                alias(),
                natural ? "" : on,
                alias,
                names);
    return new From(sql, columns, false);
  }

  private From join(From left, From right, Scope around) {
    List<Column> both = new ArrayList<>(left.columns());
    both.addAll(right.columns());
    String equality = equality(left.columns(), right.columns());
    Scope scope = new Scope(both, around.outer());
    String more = chance(35) ? " AND " + condition(scope, 0) : "";
    String on = equality.isEmpty() ? " ON " + condition(scope, 0) : " ON " + equality + more;
    String sql =
        right.lateral()
            ? switch (random.nextInt(6)) {
              case 0, 1 -> " CROSS JOIN " + right.sql();
              case 2 -> " JOIN " + right.sql() + on;
              case 3 -> " LEFT JOIN " + right.sql() + on;
              default -> " LEFT JOIN " + right.sql() + " ON true";
            }
            : switch (random.nextInt(12)) {
              case 0, 1, 2 -> " LEFT JOIN " + right.sql() + on;
              case 3, 4 -> " RIGHT JOIN " + right.sql() + on;
              // The server joins fully by equalities only.
              case 5 ->
                  " FULL JOIN " + right.sql() + " ON " + (equality.isEmpty() ? "true" : equality);
              case 6 -> " CROSS JOIN " + right.sql();
              default -> " JOIN " + right.sql() + on;
            };
    return new From(left.sql() + sql, both, left.lateral());
  }

  /// An equality between columns of two sides, where they have columns of one kind.
  private String equality(List<Column> left, List<Column> right) {
    for (int attempt = 0; attempt < 8; attempt++) {
      Column l = values.pick(left);
      List<Column> partners = right.stream().filter(c -> c.kind() == l.kind()).toList();
      if (!partners.isEmpty() && (l.kind() != Kind.BOOL || attempt > 5)) {
        return l.sql() + " = " + values.pick(partners).sql();
      }
    }
    return "";
  }

  private String where(Scope scope, int depth) {
    if (depth == DEPTH && chance(5)) {
      List<Column> dates =
          scope.local().stream().filter(column -> column.kind() == Kind.DATE).toList();
      if (!dates.isEmpty()) {
        // Nothing in the data is near either bound.
        return " WHERE "
            + values.pick(dates).sql()
            + values.one(" >= current_date - 7000", " < current_date + 400");
      }
    }
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
      default -> values.test(scope);
    };
  }

  private String subqueryCondition(Scope scope, int depth) {
    Kind kind = values.pick(List.of(Kind.INT, Kind.INT, Kind.TEXT, Kind.TEXT, Kind.NUM, Kind.DATE));
    if (chance(10)) {
      kind = values.kind();
    }
    return switch (random.nextInt(8)) {
      case 0, 1, 2 ->
          values.one("EXISTS (", "NOT EXISTS (")
              + correlated(List.of(Kind.INT), scope, depth - 1)
              + ")";
      case 3, 4 ->
          values.value(kind, scope)
              + values.one(" IN (", " NOT IN (")
              + correlated(List.of(kind), scope, depth - 1)
              + ")";
      case 5 ->
          values.value(kind, scope)
              + " "
              + values.pick(COMPARISONS)
              + values.one(" ANY (", " ALL (")
              + correlated(List.of(kind), scope, depth - 1)
              + ")";
      case 6 ->
          "("
              + values.value(kind, scope)
              + ", "
              + values.value(Kind.INT, scope)
              + values.one(") IN (", ") NOT IN (")
              + correlated(List.of(kind, Kind.INT), scope, depth - 1)
              + ")";
      default ->
          values.value(kind, scope)
              + " "
              + values.pick(COMPARISONS)
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
    List<String> columns = new ArrayList<>();
    for (Kind kind : kinds) {
      columns.add(values.value(kind, within));
    }
    return "SELECT "
        + list(columns)
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
        + calls.aggregate(kind, within, 1)
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
          + values.value(kind, scope)
          + (chance(30) ? "" : " ELSE " + values.value(kind, scope))
          + " END";
    }
    if (kind == Kind.BOOL && depth > 0 && chance(30)) {
      return "(" + condition(scope, depth - 1) + ")";
    }
    return values.value(kind, scope);
  }

  private static List<Column> columns(String alias, List<Kind> kinds) {
    List<Column> columns = new ArrayList<>();
    for (int i = 0; i < kinds.size(); i++) {
      columns.add(new Column(alias + ".c" + i, kinds.get(i)));
    }
    return columns;
  }

  private static String list(List<String> columns) {
    StringJoiner list = new StringJoiner(", ");
    for (int i = 0; i < columns.size(); i++) {
      list.add(columns.get(i) + " AS c" + i);
    }
    return list.toString();
  }

  private String alias() {
    return "r" + aliases++;
  }

  private boolean chance(int percent) {
    return values.chance(percent);
  }
}
