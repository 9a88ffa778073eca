package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.SQLException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// Texts of values are written as the session's settings say that defined the stream table.
final class OutputSettingsIT {
  private static LiveDatabase database;

  @BeforeAll
  static void start() throws SQLException, InterruptedException {
    database = LiveDatabase.start();
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE values_of (id int PRIMARY KEY, f float8, r float4, b bytea)",
          "INSERT INTO values_of VALUES (1, 0.1::float8 + 0.2, 0.1::float4 + 0.7, 'abc')");
    }
  }

  @AfterAll
  static void stop() throws SQLException {
    database.close();
  }

  private static void assertSame(Connection connection, String name, String query)
      throws SQLException {
    streamTable(connection, name, query, "DIFFERENTIAL");
    streamTable(connection, name + "_full", query, "FULL");
    run(
        connection,
        "INSERT INTO values_of SELECT max(id) + 1, 1e22::float8 / 3, 2e5::float4 / 3, '\\x00ff5c'"
            + " FROM values_of");
    sync(connection);
    String all = "SELECT t::text FROM " + name + "%s t ORDER BY 1";
    assertThat(rows(connection, all.formatted("")))
        .isEqualTo(rows(connection, "SELECT t::text FROM (" + query + ") t ORDER BY 1"))
        .isEqualTo(rows(connection, all.formatted("_full")));
  }

  @Test
  void floatsHaveAsManyDigitsAsExtraFloatDigitsSays() throws SQLException {
    for (String digits : new String[] {"0", "-12", "1", "3"}) {
      try (Connection connection = database.connect()) {
        run(connection, "SET extra_float_digits = " + digits);
        String suffix = digits.replace('-', 'm');
        assertSame(
            connection,
            "floats" + suffix,
            "SELECT id, f::text AS t, r::text AS u, concat(f, '/', r) AS c, concat_ws('/', f, r) AS"
                + " w, 'x' || f AS l, r || 'x' AS m, f::varchar(4) AS v FROM values_of WHERE"
                + " f::text <> '0.30000000000000004'");
        assertSame(
            connection,
            "documents" + suffix,
            "SELECT id % 2 AS g, json_agg(f ORDER BY id)::text AS j, json_agg(r ORDER BY id)::text"
                + " AS k, jsonb_agg(f ORDER BY id) AS b, string_agg(f::text, ',' ORDER BY id) AS s,"
                + " max(f::text COLLATE \"C\") AS m FROM values_of GROUP BY id % 2");
      }
    }
  }

  @Test
  void bytesAreEscapedIfByteaOutputSaysSo() throws SQLException {
    for (String format : new String[] {"escape", "hex"}) {
      try (Connection connection = database.connect()) {
        run(connection, "SET bytea_output = " + format);
        assertSame(
            connection,
            "bytes_" + format,
            "SELECT id, b::text AS t, concat(b, '/', id) AS c, concat_ws('/', b, id) AS w, 'x' || b"
                + "::text AS l, length(b::text) AS n, encode(b, 'hex') AS e FROM values_of");
        assertSame(
            connection,
            "groups_" + format,
            "SELECT id % 2 AS g, json_agg(b ORDER BY id)::text AS j, string_agg(b, ''::bytea ORDER"
                + " BY id)::text AS s FROM values_of GROUP BY id % 2");
      }
    }
  }
}
