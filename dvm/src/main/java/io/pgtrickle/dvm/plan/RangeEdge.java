package io.pgtrickle.dvm.plan;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.type.SqlType;
import java.util.List;
import java.util.Optional;

/// Where the frame of a row begins or ends by RANGE over dates, times or intervals: at a value that
/// its own value and the offset give by the arithmetic of the type.
///
/// A frame over dates is one over timestamps.
///
/// @param value what the rows are compared by
/// @param edge the value that the frame of a row reaches to, over the same columns
public record RangeEdge(Expr value, Expr edge) {
  /// The edge of one bound; empty for other types, whose distances are numbers.
  public static Optional<RangeEdge> of(Plan.SortKey key, Expr offset, boolean preceding) {
    boolean less = preceding != key.descending();
    Expr by = key.value();
    String change = less ? "mi" : "pl";
    return switch (by.type().kind()) {
      case DATE ->
          Optional.of(
              new RangeEdge(
                  call("timestamp", SqlType.TIMESTAMP, 'i', by),
                  call("date_" + change + "_interval", SqlType.TIMESTAMP, 'i', by, offset)));
      case TIMESTAMP ->
          Optional.of(
              new RangeEdge(
                  by,
                  call("timestamp_" + change + "_interval", SqlType.TIMESTAMP, 'i', by, offset)));
      case TIMESTAMPTZ ->
          Optional.of(
              new RangeEdge(
                  by,
                  call(
                      "timestamptz_" + change + "_interval",
                      SqlType.TIMESTAMPTZ,
                      's',
                      by,
                      offset)));
      case INTERVAL ->
          Optional.of(
              new RangeEdge(by, call("interval_" + change, SqlType.INTERVAL, 'i', by, offset)));
      case BOOL,
          INT2,
          INT4,
          INT8,
          NUMERIC,
          FLOAT4,
          FLOAT8,
          TEXT,
          VARCHAR,
          BPCHAR,
          UUID,
          BYTEA,
          OPAQUE,
          LABELED ->
          Optional.empty();
    };
  }

  // The OID is of no matter: functions of `pg_catalog` are found by name and types.
  private static Expr call(String name, SqlType result, char volatility, Expr... arguments) {
    List<Expr> all = List.of(arguments);
    List<Integer> types = all.stream().map(argument -> argument.type().oid()).toList();
    return new Expr.Call(
        new Signature(0, "pg_catalog", name, types, result.oid(), true, volatility),
        all,
        result,
        0);
  }
}
