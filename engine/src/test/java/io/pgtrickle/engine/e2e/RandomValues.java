package io.pgtrickle.engine.e2e;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/// Random scalar expressions without subqueries: a column, as a rule. None can fail on the data.
///
/// Expressions are generated for a kind, of which a column may have several types, so that implicit
/// casts abound. What is beyond native evaluation (`jsonb`, arrays, enums, regular expressions) is
/// among them.
final class RandomValues {
  /// What values can be compared with each other.
  enum Kind {
    INT,
    NUM,
    TEXT,
    BOOL,
    DATE,
    MOOD,
    INTS,
    JSON
  }

  /// A column as it is referred to.
  record Column(String sql, Kind kind) {
    /// Its name without what it is a column of.
    String name() {
      return sql.substring(sql.indexOf('.') + 1);
    }

    Column of(String alias) {
      return new Column(alias + "." + name(), kind);
    }
  }

  /// The columns that expressions may use: those of the query itself, and those around it.
  record Scope(List<Column> local, List<Column> outer) {
    static final Scope NOTHING = new Scope(List.of(), List.of());

    Scope inside() {
      return inside(local);
    }

    Scope inside(List<Column> rows) {
      List<Column> around = new ArrayList<>(rows);
      around.addAll(outer);
      return new Scope(List.of(), around);
    }

    Scope alone() {
      return new Scope(local, List.of());
    }
  }

  static final List<String> COMPARISONS = List.of("=", "=", "<>", "<", "<=", ">", ">=");
  private static final List<Kind> COMMON =
      List.of(Kind.INT, Kind.NUM, Kind.TEXT, Kind.TEXT, Kind.BOOL, Kind.DATE);

  private final Random random;
  private final List<String> texts;

  /// @param texts literals
  RandomValues(Random random, List<String> texts) {
    this.random = random;
    this.texts = texts;
  }

  boolean chance(int percent) {
    return random.nextInt(100) < percent;
  }

  int below(int bound) {
    return random.nextInt(bound);
  }

  <T> T pick(List<T> from) {
    return from.get(random.nextInt(from.size()));
  }

  String one(String... of) {
    return of[random.nextInt(of.length)];
  }

  Kind kind() {
    return chance(80) ? pick(COMMON) : pick(List.of(Kind.MOOD, Kind.INTS, Kind.JSON));
  }

  String value(Kind kind, Scope scope) {
    if (chance(9)) {
      String derived = derived(kind, scope);
      if (!derived.isEmpty()) {
        return derived;
      }
    }
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
          switch (below(7)) {
            case 0 -> "(" + column + " + " + other + ")";
            case 1 -> "(" + column + " - 1)";
            case 2 -> "(" + column + " * " + (below(5) - 2) + ")";
            case 3 -> "coalesce(" + column + ", " + literal(kind) + ")";
            case 4 -> "nullif(" + column + ", " + literal(kind) + ")";
            case 5 -> one("greatest(", "least(") + column + ", " + other + ")";
            // Of sums, which are numeric, too: integers, whatever their type.
            default -> "(" + column + "::bigint / nullif(" + other + "::bigint, 0))";
          };
      case NUM ->
          switch (below(4)) {
            case 0 -> "(" + column + " + " + other + ")";
            case 1 -> "(" + column + " * 2)";
            case 2 -> "coalesce(" + column + ", " + literal(kind) + ")";
            default -> "round(" + column + ", 1)";
          };
      case TEXT ->
          switch (below(7)) {
            case 0 -> "(" + column + " || " + other + ")";
            case 1 -> one("upper(", "lower(", "initcap(") + column + ")";
            case 2 -> "coalesce(" + column + ", 'z')";
            case 3 -> "substring(" + column + " from 1 for 1)";
            case 4 -> "regexp_replace(" + column + ", '[aáb]', '_')";
            case 5 -> one("greatest(", "least(") + column + ", " + other + ")";
            default -> "nullif(" + column + ", 'a')";
          };
      case DATE -> "coalesce(" + column + ", " + literal(kind) + ")";
      case BOOL -> "(" + column + " IS TRUE)";
      case MOOD ->
          switch (below(2)) {
            case 0 -> "coalesce(" + column + ", 'ok')";
            default -> one("greatest(", "least(") + column + ", " + other + ")";
          };
      case INTS ->
          switch (below(3)) {
            case 0 -> "(" + column + " || 3)";
            case 1 -> "(" + column + ")[1:2]";
            default -> "array_remove(" + column + ", 1)";
          };
      case JSON ->
          switch (below(3)) {
            case 0 -> "(" + column + " -> 'c')";
            case 1 -> "(" + column + " || '{\"a\": 2}')";
            default -> "coalesce(" + column + ", " + literal(kind) + ")";
          };
    };
  }

  /// A value that is computed from one of another kind; empty when there is none.
  private String derived(Kind kind, Scope scope) {
    return switch (kind) {
      case INT ->
          switch (below(5)) {
            case 0 -> from(Kind.TEXT, scope, one("length(%s)", "strpos(%s, 'b')"));
            case 1 -> from(Kind.INTS, scope, one("(%s)[1]", "cardinality(%s)"));
            case 2 -> from(Kind.DATE, scope, "extract(day FROM %s)::int");
            case 3 -> from(Kind.MOOD, scope, "(CASE %s WHEN 'sad' THEN 1 ELSE 2 END)");
            default -> from(Kind.JSON, scope, "(%s ->> 'a')::int");
          };
      case NUM -> from(Kind.JSON, scope, "(%s ->> 'a')::numeric(20,2)");
      case TEXT ->
          switch (below(4)) {
            case 0 -> from(Kind.MOOD, scope, "%s::text");
            case 1 -> from(Kind.INTS, scope, "array_to_string(%s, ',')");
            default -> from(Kind.JSON, scope, one("(%s ->> 'b')", "(%s #>> '{l,0}')"));
          };
      case BOOL ->
          switch (below(4)) {
            case 0 -> from(Kind.MOOD, scope, "(%s > 'sad')");
            case 1 -> from(Kind.INTS, scope, one("(2 = ANY (%s))", "(%s && '{1,3}')"));
            case 2 -> from(Kind.TEXT, scope, one("(%s ~ '^[ab]')", "(%s ~* 'B')"));
            default -> from(Kind.JSON, scope, one("(%s ? 'a')", "(%s @> '{\"a\": 1}')"));
          };
      case INTS -> from(Kind.INT, scope, "ARRAY[%s::int, 1]");
      case DATE, MOOD, JSON -> "";
    };
  }

  private String from(Kind kind, Scope scope, String form) {
    List<Column> of = scope.local().stream().filter(column -> column.kind() == kind).toList();
    return of.isEmpty() ? "" : form.formatted(pick(of).sql());
  }

  /// A truth value that is no AND, OR or NOT.
  String test(Scope scope) {
    return switch (below(8)) {
      case 0 -> value(kind(), scope) + one(" IS NULL", " IS NOT NULL");
      case 1 -> {
        Kind kind = pick(List.of(Kind.INT, Kind.TEXT, Kind.NUM, Kind.MOOD));
        yield value(kind, scope)
            + one(" IN (", " NOT IN (")
            + literal(kind)
            + ", "
            + literal(kind)
            + (chance(20) ? ", NULL)" : ")");
      }
      case 2 ->
          value(Kind.TEXT, scope)
              + one(" LIKE ", " NOT LIKE ", " ILIKE ")
              + one("'a%'", "'_'", "'%b'", "'á%'");
      case 3 -> value(Kind.BOOL, scope);
      default -> {
        Kind kind =
            chance(15)
                ? kind()
                : pick(List.of(Kind.INT, Kind.INT, Kind.NUM, Kind.TEXT, Kind.DATE, Kind.BOOL));
        yield value(kind, scope)
            + " "
            + (chance(10) ? "IS DISTINCT FROM" : pick(COMPARISONS))
            + " "
            + value(kind, scope);
      }
    };
  }

  /// Numerics at one scale, so that equal ones look alike.
  static String settled(String value, Kind kind) {
    return switch (kind) {
      case NUM -> "(" + value + ")::numeric(20,2)";
      case TEXT -> "(" + value + ")::text";
      case INT, BOOL, DATE, MOOD, INTS, JSON -> value;
    };
  }

  String literal(Kind kind) {
    if (chance(6)) {
      return "NULL::" + type(kind);
    }
    return switch (kind) {
      case INT -> String.valueOf(below(8) - 1);
      case NUM -> one("0", "1.50", "2.5", "-1.25", "3.00");
      case TEXT -> pick(texts) + "::text";
      case BOOL -> String.valueOf(random.nextBoolean());
      case DATE -> "date '2024-01-0" + (1 + below(4)) + "'";
      case MOOD -> one("'sad'", "'ok'", "'happy'") + "::public.mood";
      case INTS -> one("'{1,2}'", "'{}'", "'{3}'", "'{1,NULL}'") + "::int[]";
      case JSON -> one("'{\"a\": 1}'", "'{}'", "'[1]'", "'{\"b\": \"x\"}'") + "::jsonb";
    };
  }

  private static String type(Kind kind) {
    return switch (kind) {
      case INT -> "int";
      case NUM -> "numeric";
      case TEXT -> "text";
      case BOOL -> "bool";
      case DATE -> "date";
      case MOOD -> "public.mood";
      case INTS -> "int[]";
      case JSON -> "jsonb";
    };
  }
}
