package io.pgtrickle.dvm.expr;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TestServer;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// Every function that is said to fail for no values, called on the server with many.
final class TotalFunctionsServerTest {
  private static final int REGEX_EQ = 1254;

  private static final Map<Integer, List<String>> VALUES = new TreeMap<>();

  static {
    String deep = "'" + "[".repeat(900) + "]".repeat(900) + "'";
    values(
        "jsonb",
        3802,
        "'{\"a\":[1,null,{\"b\":\"x\"}]}'",
        "'[]'",
        "'5'",
        "'\"a\"'",
        "'null'",
        deep);
    values("text", 25, "''", "'a'", "'0'", "'é'");
    values("text[]", 1009, "'{}'", "'{a,NULL}'", "'{{a,b},{c,d}}'", "'[3:4]={x,y}'");
    values("int4", 23, "0", "-1", "2147483647", "(-2147483648)");
    values("inet", 869, "'10.0.0.1/8'", "'::1'", "'0.0.0.0/0'", "'ffff::/16'");
    values("time", 1083, "'00:00'", "'24:00'");
    values("timetz", 1266, "'00:00+00'", "'24:00-15:59'");
    values("\"char\"", 18, "''", "'a'");
    values("name", 19, "''", "'abc'");
    values("oid", 26, "0", "4294967295");
    values("macaddr", 829, "'08:00:2b:01:02:03'", "'ff:ff:ff:ff:ff:ff'");
    values("bit", 1560, "'0'", "'1'");
    values("varbit", 1562, "''", "'0101'");
    values("pg_temp.mood", 3500, "'sad'", "'ok'");
    values("pg_catalog.int4[]", 2277, "'{}'", "'{1,NULL,-2147483648}'", "'{{1},{2}}'");
    values("int4range", 3831, "'empty'", "'(,)'", "'[1,2147483647)'", "'(,-2147483648)'");
    values("int4", 2283, "0", "2147483647", "(-2147483648)");
  }

  private static void values(String name, int type, String... texts) {
    List<String> values = new ArrayList<>(List.of("NULL::" + name));
    for (String text : texts) {
      values.add(text + "::" + name);
    }
    VALUES.put(type, values);
  }

  @Test
  void noneOfThemFails() throws SQLException {
    try (TestServer server = TestServer.connect()) {
      try (Statement statement = server.connection().createStatement()) {
        statement.execute("CREATE TYPE pg_temp.mood AS ENUM ('sad', 'ok')");
      }
      List<String> calls = new ArrayList<>();
      for (String signature : TotalFunctions.all()) {
        String name = signature.substring(0, signature.indexOf('('));
        List<List<String>> arguments = List.of(List.of());
        for (int type : types(signature)) {
          arguments =
              arguments.stream()
                  .flatMap(
                      before ->
                          Objects.requireNonNull(VALUES.get(type)).stream()
                              .map(value -> with(before, value)))
                  .toList();
        }
        arguments.forEach(each -> calls.add(name + "(" + String.join(", ", each) + ")"));
      }
      List<String> answers = server.evaluate(calls);
      List<String> failures = new ArrayList<>();
      for (int i = 0; i < calls.size(); i++) {
        if (answers.get(i).matches("[0-9A-Z]{5} .*")) {
          failures.add(calls.get(i) + ": " + answers.get(i));
        }
      }
      assertThat(failures).isEmpty();
    }
  }

  private static List<String> with(List<String> before, String value) {
    List<String> all = new ArrayList<>(before);
    all.add(value);
    return all;
  }

  private static List<Integer> types(String signature) {
    String list = signature.substring(signature.indexOf('(') + 1, signature.length() - 1);
    return Arrays.stream(list.split(",", -1)).map(Integer::valueOf).toList();
  }

  @Test
  void theServerHasThemAsTheyAre() throws SQLException {
    try (TestServer server = TestServer.connect()) {
      List<@Nullable String[]> rows =
          server.query(
              "SELECT 'pg_catalog.' || proname || '(' || replace(proargtypes::text, ' ', ',') ||"
                  + " ')' FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND"
                  + " provolatile = 'i' AND proisstrict AND NOT proretset");
      assertThat(rows.stream().map(row -> String.valueOf(row[0])).collect(Collectors.toSet()))
          .containsAll(TotalFunctions.all());
    }
  }

  @Test
  void elementsOfOwnTypesMayFail() {
    Signature equal =
        new Signature(744, "pg_catalog", "array_eq", List.of(2277, 2277), 16, true, 'i');
    Expr numbers = new Expr.Literal(null, SqlType.of(1007));
    Expr own = new Expr.Literal(null, SqlType.of(70_000));
    assertThat(TotalFunctions.contains(equal, List.of(numbers, numbers), 0)).isTrue();
    assertThat(TotalFunctions.contains(equal, List.of(own, own), 0)).isFalse();
  }

  @Test
  void onlyPlainPatternsAreKnownToBeWellFormed() {
    assertThat(List.of("^abc", "a.*b.+c$", "", "^$", "user-\\d", "(a", "a**", "[a", "***:a", "a{"))
        .filteredOn(TotalFunctionsServerTest::isTotalMatch)
        .containsExactly("^abc", "a.*b.+c$", "", "^$");
  }

  private static boolean isTotalMatch(String pattern) {
    Signature match =
        new Signature(REGEX_EQ, "pg_catalog", "textregexeq", List.of(25, 25), 16, true, 'i');
    Expr text = new Expr.Column(0, SqlType.TEXT);
    return TotalFunctions.contains(
        match, List.of(text, new Expr.Literal(pattern, SqlType.TEXT)), SqlType.DEFAULT_COLLATION);
  }

  @Test
  void constructedArraysAndConstantsAreTotal() {
    Expr made =
        new Expr.Verbatim(
            List.of("ARRAY[", "]::int4[]"),
            List.of(new Expr.Literal(1L, SqlType.INT4)),
            SqlType.of(1007));
    assertThat(Expressions.isTotal(made)).isTrue();
    assertThat(
            Expressions.isTotal(
                new Expr.Verbatim(List.of("JSON_ARRAY()"), List.of(), SqlType.of(114))))
        .isFalse();
  }
}
