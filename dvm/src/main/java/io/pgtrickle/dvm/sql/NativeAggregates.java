package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.plan.AggregateCall.Kind;
import io.pgtrickle.dvm.type.TypeKind;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// The aggregates of `pg_catalog` of one argument that are computed here, and of which types. All
/// others are the server's. The support matrix is made of it.
final class NativeAggregates {
  private static final Set<TypeKind> INTEGERS =
      EnumSet.of(TypeKind.INT2, TypeKind.INT4, TypeKind.INT8);
  private static final Set<TypeKind> NUMBERS =
      with(INTEGERS, TypeKind.NUMERIC, TypeKind.FLOAT4, TypeKind.FLOAT8);
  private static final Set<TypeKind> SUMMABLE = with(NUMBERS, TypeKind.INTERVAL);
  private static final Set<TypeKind> TRUTH = EnumSet.of(TypeKind.BOOL);
  private static final Set<TypeKind> ALL = EnumSet.allOf(TypeKind.class);
  private static final Set<TypeKind> UNDERSTOOD = EnumSet.complementOf(EnumSet.of(TypeKind.OPAQUE));

  /// What is a number, a string or a truth value in JSON without regard to settings.
  private static final Set<TypeKind> PLAIN_JSON =
      with(
          INTEGERS,
          TypeKind.BOOL,
          TypeKind.NUMERIC,
          TypeKind.TEXT,
          TypeKind.VARCHAR,
          TypeKind.BPCHAR,
          TypeKind.UUID);

  /// An aggregate and the types of which it is computed here.
  record Aggregate(String name, Kind kind, Set<TypeKind> types) {
    boolean takesAll() {
      return types.size() == TypeKind.values().length;
    }

    boolean overWindows() {
      return !kind.collects() && !kind.isOrderedSet();
    }
  }

  private static final List<Aggregate> AGGREGATES =
      List.of(
          new Aggregate("any_value", Kind.ANY_VALUE, ALL),
          new Aggregate("array_agg", Kind.ARRAY_AGG, UNDERSTOOD),
          new Aggregate("avg", Kind.AVG, SUMMABLE),
          new Aggregate("bit_and", Kind.BIT_AND, INTEGERS),
          new Aggregate("bit_or", Kind.BIT_OR, INTEGERS),
          new Aggregate("bit_xor", Kind.BIT_XOR, INTEGERS),
          new Aggregate("bool_and", Kind.BOOL_AND, TRUTH),
          new Aggregate("bool_or", Kind.BOOL_OR, TRUTH),
          new Aggregate("count", Kind.COUNT, ALL),
          new Aggregate("every", Kind.BOOL_AND, TRUTH),
          // Floats as they are printed, where the settings print them exactly.
          new Aggregate(
              "json_agg", Kind.JSON_AGG, with(PLAIN_JSON, TypeKind.FLOAT4, TypeKind.FLOAT8)),
          new Aggregate("jsonb_agg", Kind.JSONB_AGG, PLAIN_JSON),
          new Aggregate("max", Kind.MAX, ALL),
          new Aggregate("min", Kind.MIN, ALL),
          new Aggregate("stddev", Kind.STDDEV_SAMP, NUMBERS),
          new Aggregate("stddev_pop", Kind.STDDEV_POP, NUMBERS),
          new Aggregate("stddev_samp", Kind.STDDEV_SAMP, NUMBERS),
          new Aggregate("sum", Kind.SUM, SUMMABLE),
          new Aggregate("var_pop", Kind.VAR_POP, NUMBERS),
          new Aggregate("var_samp", Kind.VAR_SAMP, NUMBERS),
          new Aggregate("variance", Kind.VAR_SAMP, NUMBERS));

  private NativeAggregates() {}

  private static Set<TypeKind> with(Set<TypeKind> kinds, TypeKind... more) {
    Set<TypeKind> all = EnumSet.copyOf(kinds);
    all.addAll(Arrays.asList(more));
    return all;
  }

  static List<Aggregate> all() {
    return AGGREGATES;
  }

  /// How an aggregate of a type is computed here; empty when it is not.
  static Optional<Kind> find(String name, TypeKind type) {
    return AGGREGATES.stream()
        .filter(each -> each.name.equals(name) && each.types.contains(type))
        .map(Aggregate::kind)
        .findFirst();
  }
}
