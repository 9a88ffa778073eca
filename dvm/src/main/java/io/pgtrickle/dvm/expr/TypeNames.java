package io.pgtrickle.dvm.expr;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/// The names of types: SQL names for people, and the short ones in which the library is written.
final class TypeNames {
  static final int ANY = 2276;
  static final int ANY_NON_ARRAY = 2776;
  static final int ANY_ARRAY = 2277;
  static final int ANY_ELEMENT = 2283;
  static final int ANY_COMPATIBLE = 5077;
  static final int ANY_COMPATIBLE_ARRAY = 5078;

  private static final Map<String, Integer> OIDS =
      Map.ofEntries(
          Map.entry("bool", 16),
          Map.entry("bytea", 17),
          Map.entry("int8", 20),
          Map.entry("int2", 21),
          Map.entry("int4", 23),
          Map.entry("text", 25),
          Map.entry("float4", 700),
          Map.entry("float8", 701),
          Map.entry("bpchar", 1042),
          Map.entry("varchar", 1043),
          Map.entry("date", 1082),
          Map.entry("timestamp", 1114),
          Map.entry("timestamptz", 1184),
          Map.entry("interval", 1186),
          Map.entry("numeric", 1700),
          Map.entry("uuid", 2950),
          Map.entry("json", 114),
          Map.entry("jsonb", 3802),
          Map.entry("text[]", 1009),
          Map.entry("anyarray", ANY_ARRAY),
          Map.entry("anyelement", ANY_ELEMENT),
          Map.entry("anycompatible", ANY_COMPATIBLE),
          Map.entry("anycompatiblearray", ANY_COMPATIBLE_ARRAY),
          Map.entry("anyenum", TotalFunctions.ANY_ENUM),
          Map.entry("any", ANY),
          Map.entry("anynonarray", ANY_NON_ARRAY));

  private static final Map<Integer, String> NAMES =
      Map.ofEntries(
          Map.entry(16, "boolean"),
          Map.entry(17, "bytea"),
          Map.entry(18, "\"char\""),
          Map.entry(19, "name"),
          Map.entry(20, "bigint"),
          Map.entry(21, "smallint"),
          Map.entry(23, "integer"),
          Map.entry(25, "text"),
          Map.entry(26, "oid"),
          Map.entry(114, "json"),
          Map.entry(700, "real"),
          Map.entry(701, "double precision"),
          Map.entry(869, "inet"),
          Map.entry(1009, "text[]"),
          Map.entry(1042, "character"),
          Map.entry(1043, "character varying"),
          Map.entry(1082, "date"),
          Map.entry(1083, "time without time zone"),
          Map.entry(1114, "timestamp without time zone"),
          Map.entry(1184, "timestamp with time zone"),
          Map.entry(1186, "interval"),
          Map.entry(1266, "time with time zone"),
          Map.entry(1700, "numeric"),
          Map.entry(ANY, "\"any\""),
          Map.entry(ANY_ARRAY, "anyarray"),
          Map.entry(ANY_ELEMENT, "anyelement"),
          Map.entry(ANY_COMPATIBLE, "anycompatible"),
          Map.entry(ANY_COMPATIBLE_ARRAY, "anycompatiblearray"),
          Map.entry(ANY_NON_ARRAY, "anynonarray"),
          Map.entry(2950, "uuid"),
          Map.entry(TotalFunctions.ANY_ENUM, "anyenum"),
          Map.entry(3802, "jsonb"));

  private TypeNames() {}

  /// The OID of a type of the library.
  static int oid(String shortName) {
    Integer oid = OIDS.get(shortName);
    if (oid == null) {
      throw new IllegalArgumentException("no such type: " + shortName);
    }
    return oid;
  }

  /// As `format_type` prints it, or `type 12345`.
  static String name(int oid) {
    return NAMES.getOrDefault(oid, "type " + oid);
  }

  static String signature(String schema, String name, List<Integer> arguments) {
    return arguments.stream()
        .map(TypeNames::name)
        .collect(Collectors.joining(", ", schema + "." + name + "(", ")"));
  }
}
