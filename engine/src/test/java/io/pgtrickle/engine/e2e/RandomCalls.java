package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.RandomValues.settled;
import static java.util.stream.Collectors.joining;

import io.pgtrickle.engine.e2e.RandomValues.Column;
import io.pgtrickle.engine.e2e.RandomValues.Kind;
import io.pgtrickle.engine.e2e.RandomValues.Scope;
import java.util.List;

/// Random calls of aggregates and window functions that have one result, whatever the order in
/// which rows are found.
final class RandomCalls {
  /// A window function: `call OVER (definition frame)`.
  record Windowed(String call, String definition, String frame) {
    String sql() {
      return call + " OVER (" + definition + frame + ")";
    }

    /// The same over a window of this definition that has a name.
    String over(String name) {
      return call + " OVER " + (frame.isEmpty() ? name : "(" + name + frame + ")");
    }
  }

  private final RandomValues values;

  RandomCalls(RandomValues values) {
    this.values = values;
  }

  String aggregate(Kind kind, Scope scope, int depth) {
    Scope local = scope.alone();
    String call = values.chance(10) ? ordered(kind, local) : plain(kind, local);
    return depth > 0 && values.chance(20)
        ? call + " FILTER (WHERE " + values.test(local) + ")"
        : call;
  }

  private String ordered(Kind kind, Scope scope) {
    return values.one("mode()", "percentile_disc(0.5)", "percentile_disc(0.9)")
        + " WITHIN GROUP (ORDER BY "
        + settled(values.value(kind, scope), kind)
        + values.one("", " DESC")
        + ")";
  }

  private String plain(Kind kind, Scope scope) {
    String distinct = values.chance(25) ? "DISTINCT " : "";
    return switch (kind) {
      case INT ->
          switch (values.below(5)) {
            case 0 -> "count(*)";
            case 1 -> "count(" + distinct + values.value(values.kind(), scope) + ")";
            case 2 -> "sum(" + distinct + values.value(Kind.INT, scope) + ")";
            default -> values.one("min(", "max(") + values.value(Kind.INT, scope) + ")";
          };
      case NUM ->
          switch (values.below(4)) {
            case 0 -> "avg(" + distinct + values.value(Kind.INT, scope) + ")";
            case 1 -> "sum(" + distinct + settled(values.value(Kind.NUM, scope), kind) + ")";
            case 2 -> "stddev_samp(" + values.value(Kind.INT, scope) + ")";
            default -> values.one("min(", "max(") + settled(values.value(kind, scope), kind) + ")";
          };
      case BOOL -> values.one("bool_and(", "bool_or(") + values.test(scope) + ")";
      case TEXT ->
          values.chance(35)
              ? collected("string_agg", distinct, settled(values.value(kind, scope), kind), ", ','")
              : values.one("min(", "max(") + values.value(kind, scope) + ")";
      case INTS -> collected("array_agg", distinct, values.value(Kind.INT, scope) + "::int", "");
      case JSON -> collected("jsonb_agg", distinct, values.value(Kind.INT, scope) + "::int", "");
      case DATE, MOOD -> values.one("min(", "max(") + values.value(kind, scope) + ")";
    };
  }

  private String collected(String function, String distinct, String value, String more) {
    return function
        + "("
        + distinct
        + value
        + more
        + " ORDER BY "
        + value
        + values.one("", " DESC", " NULLS FIRST")
        + ")";
  }

  /// A window function whose value for each row does not depend on the order of ties: peers share
  /// it, or rows that tie are alike in every column.
  Windowed window(Scope scope) {
    List<Column> columns = scope.local();
    Scope local = scope.alone();
    String partition = values.chance(60) ? "PARTITION BY " + values.pick(columns).sql() + " " : "";
    String direction = values.one("", " DESC", " NULLS FIRST");
    String value = values.value(Kind.INT, local);
    // Computed columns may hold equal values that look different.
    if (values.chance(50) && columns.stream().noneMatch(column -> column.name().matches("c\\d+"))) {
      String all = columns.stream().map(column -> column.sql() + direction).collect(joining(", "));
      String call =
          switch (values.below(6)) {
            case 0 -> "row_number()";
            case 1 -> values.one("lag(", "lead(") + value + values.one(")", ", 2)", ", 1, 0)");
            case 2 -> values.one("first_value(", "last_value(") + value + ")";
            case 3 -> "nth_value(" + value + ", 2)";
            case 4 -> "ntile(2)";
            default -> "sum(" + value + ")";
          };
      String frame =
          values.one(
              "",
              " ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
              " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING",
              " ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING");
      return new Windowed(
          call, partition + "ORDER BY " + all, frame.isEmpty() ? "" : frame + exclusion());
    }
    String call =
        values
            .one("rank()", "dense_rank()", "count(*)", "sum(", "max(")
            .transform(name -> name.endsWith("(") ? name + value + ")" : name);
    if (values.chance(25)) {
      return new Windowed(call, partition, "");
    }
    Column by = values.pick(columns);
    return new Windowed(call, partition + "ORDER BY " + by.sql() + direction, frame(by.kind()));
  }

  /// A frame over peers.
  private String frame(Kind kind) {
    String distance =
        switch (kind) {
          case INT -> "1";
          case NUM -> "1.5";
          case DATE -> "interval '1 day'";
          case TEXT, BOOL, MOOD, INTS, JSON -> "";
        };
    return switch (values.below(4)) {
      case 0 -> " GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING" + exclusion();
      case 1 -> " GROUPS BETWEEN CURRENT ROW AND 2 FOLLOWING" + exclusion();
      case 2 ->
          distance.isEmpty()
              ? " RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING" + exclusion()
              : " RANGE BETWEEN "
                  + distance
                  + " PRECEDING AND "
                  + values.one("CURRENT ROW", distance + " FOLLOWING")
                  + exclusion();
      default -> "";
    };
  }

  private String exclusion() {
    return values.one("", "", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES");
  }
}
