package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.type.SqlType;
import java.util.List;

/// One row of `pg_proc`: an exact overload as the server resolved it.
///
/// @param oid `pg_proc.oid`; stable across server versions for built-in functions
/// @param schema the schema's name
/// @param name `proname`
/// @param arguments type OIDs of the declared arguments
/// @param result type OID of the result
/// @param strict whether a NULL argument makes the result NULL without a call
/// @param volatility `i`, `s` or `v`
/// @param equality whether it tells which values the default operator class of a user's type sorts
///     as equal
public record Signature(
    int oid,
    String schema,
    String name,
    List<Integer> arguments,
    int result,
    boolean strict,
    char volatility,
    boolean equality) {
  public Signature {
    arguments = List.copyOf(arguments);
  }

  /// A function of which nothing is known to have to do with an order.
  public Signature(
      int oid,
      String schema,
      String name,
      List<Integer> arguments,
      int result,
      boolean strict,
      char volatility) {
    this(oid, schema, name, arguments, result, strict, volatility, false);
  }

  public SqlType resultType() {
    return SqlType.of(result);
  }

  /// The signature as a user reads it, types by OID: `pg_catalog.int4pl(23,23)`.
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(schema).append('.').append(name).append('(');
    for (int i = 0; i < arguments.size(); i++) {
      text.append(i == 0 ? "" : ",").append(arguments.get(i));
    }
    return text.append(')').toString();
  }
}
