package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// The types and functions of everyday queries are computed here, without a question to the server.
final class TiersIT {
  private static final List<String> COLUMNS =
      List.of("b", "i2", "i4", "i8", "n", "f4", "f8", "t", "vc", "bc", "d", "ts", "tz", "u", "y");
  private static final List<String> NUMBERS = List.of("i2", "i4", "i8", "n", "f4", "f8");
  private static final List<String> TEXTS = List.of("t", "vc", "bc");

  private static LiveDatabase database;
  private static Connection connection;

  @BeforeAll
  static void start() throws SQLException, InterruptedException {
    database = LiveDatabase.start();
    connection = database.connect();
    run(
        connection,
        "CREATE TABLE every (b bool, i2 int2, i4 int4, i8 int8, n numeric, f4 float4, f8 float8,"
            + " t text, vc varchar(9), bc char(4), d date, ts timestamp, tz timestamptz, u uuid,"
            + " y bytea)");
  }

  @AfterAll
  static void stop() throws SQLException {
    connection.close();
    database.close();
  }

  /// The mode, and the tiers of all expressions, of a query that shows one.
  private static Set<String> tiers(String expression) throws SQLException {
    Set<String> tiers = new TreeSet<>();
    try (PreparedStatement query =
        connection.prepareStatement(
            "SELECT coalesce(tier, CASE WHEN result = 'FULL' THEN 'full' END)"
                + " FROM pgtrickle.validate_query(?)")) {
      query.setString(1, "SELECT " + expression + " AS x FROM every");
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          if (row.getString(1) != null) {
            tiers.add(row.getString(1));
          }
        }
      }
    }
    return tiers;
  }

  private static void assertTier(String tier, List<String> expressions) throws SQLException {
    var others = new TreeMap<String, Set<String>>();
    for (String expression : expressions) {
      Set<String> tiers = tiers(expression);
      if (!tiers.equals(Set.of(tier))) {
        others.put(expression, tiers);
      }
    }
    assertThat(others).as("not %s", tier).isEmpty();
  }

  @Test
  void comparisonsAndConditionsAreNative() throws SQLException {
    List<String> expressions = new ArrayList<>();
    for (String c : COLUMNS) {
      for (String operator : List.of("=", "<>", "<", "<=", ">", ">=")) {
        expressions.add(c + " " + operator + " " + c);
      }
      expressions.add(c + " IS DISTINCT FROM " + c);
      expressions.add(c + " IS NOT DISTINCT FROM " + c);
      expressions.add(c + " IS NULL");
      expressions.add("coalesce(" + c + ", " + c + ")");
      expressions.add("nullif(" + c + ", " + c + ")");
      expressions.add("CASE WHEN b THEN " + c + " ELSE " + c + " END");
      expressions.add("CASE " + c + " WHEN " + c + " THEN 1 END");
      expressions.add(c + " BETWEEN " + c + " AND " + c);
      expressions.add(c + " IN (" + c + ", " + c + ")");
    }
    expressions.addAll(
        List.of(
            "b AND NOT b OR b",
            "b IS TRUE",
            "b IS NOT FALSE",
            "i4 IN (1, 2, 3)",
            "i4 NOT IN (1, 2)",
            "t IN ('a', 'b')",
            "d BETWEEN DATE '2020-01-01' AND DATE '2021-01-01'",
            "t LIKE 'a%'",
            "t NOT LIKE '_b%c'",
            "vc LIKE t",
            "i4 = i8",
            "i2 < i4",
            "f4 = f8",
            "d < ts"));
    assertTier("native", expressions);
  }

  @Test
  void arithmeticIsNative() throws SQLException {
    List<String> expressions = new ArrayList<>();
    for (String c : NUMBERS) {
      for (String operator : List.of("+", "-", "*", "/")) {
        expressions.add(c + " " + operator + " " + c);
      }
      expressions.add("- " + c);
      expressions.add("abs(" + c + ")");
    }
    expressions.addAll(
        List.of("i2 % i2", "i4 % i4", "i8 % i8", "n % n", "i4 + i8", "i4 + n", "d + 1", "d - d"));
    assertTier("native", expressions);
  }

  @Test
  void castsBetweenTheseTypesAreNative() throws SQLException {
    List<String> expressions = new ArrayList<>();
    for (String from : NUMBERS) {
      for (String to : List.of("int2", "int4", "int8", "numeric", "float4", "float8", "text")) {
        expressions.add(from + "::" + to);
      }
    }
    for (String from : TEXTS) {
      for (String to : List.of("text", "varchar", "varchar(3)", "char(3)", "int4", "numeric")) {
        expressions.add(from + "::" + to);
      }
    }
    expressions.addAll(
        List.of(
            "b::text",
            "b::int4",
            "i4::bool",
            "t::bool",
            "t::uuid",
            "u::text",
            "d::text",
            "d::timestamp",
            "d::timestamptz",
            "ts::date",
            "ts::timestamptz",
            "ts::text",
            "tz::date",
            "tz::timestamp",
            "tz::text",
            "n::numeric(9,2)"));
    // A column's own type is no cast, and needs no tier.
    expressions.removeAll(
        List.of("i2::int2", "i4::int4", "i8::int8", "n::numeric", "f4::float4", "f8::float8"));
    expressions.removeAll(List.of("t::text"));
    assertTier("native", expressions);
  }

  /// How PostgreSQL reads a text as a time depends on the zone abbreviations of the server, so only
  /// texts in the ISO form are read here.
  @Test
  void textsAreReadAsTimesByBoth() throws SQLException {
    assertTier(
        "mixed", List.of("t::date", "t::timestamp", "t::timestamptz", "vc::date", "bc::timestamp"));
  }

  @Test
  void functionsOfTextsAndTimesAreNative() throws SQLException {
    List<String> expressions = new ArrayList<>();
    for (String c : List.of("t", "vc")) {
      expressions.addAll(
          List.of(
              c + " || " + c,
              c + " || 'x'",
              "lower(" + c + ")",
              "upper(" + c + ")",
              "length(" + c + ")",
              "substring(" + c + " from 2 for 3)",
              "substring(" + c + " from 2)"));
    }
    for (String c : List.of("ts", "tz")) {
      for (String field : List.of("year", "month", "day", "hour", "minute", "dow", "epoch")) {
        expressions.add("extract(" + field + " from " + c + ")");
      }
      for (String field : List.of("year", "month", "week", "day", "hour", "minute")) {
        expressions.add("date_trunc('" + field + "', " + c + ")");
      }
    }
    expressions.addAll(
        List.of("length(bc)", "length(y)", "y || y", "t || i4", "extract(year from d)"));
    assertTier("native", expressions);
  }
}
