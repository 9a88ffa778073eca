package io.pgtrickle.cdc;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class SourceDatabaseIT {
  private final SourceDatabase database = TestServer.createDatabase();

  @Test
  void noTimeOutOfADatabaseEndsASessionOfOurs() throws SQLException {
    List<String> settings =
        new ArrayList<>(
            List.of(
                "statement_timeout",
                "idle_in_transaction_session_timeout",
                "idle_session_timeout"));
    if (TestServer.version() >= 17) {
      settings.add("transaction_timeout");
    }
    String name = TestServer.query(database, "SELECT current_database()");
    for (String setting : settings) {
      TestServer.execute(database, "ALTER DATABASE " + name + " SET " + setting + " = '1h'");
    }
    try (Connection connection = database.connect("tests");
        Connection replication = database.connectForReplication("tests")) {
      for (String setting : settings) {
        assertThat(show(connection, setting)).as(setting).isEqualTo("0");
        assertThat(show(replication, setting)).as("%s, replication", setting).isEqualTo("0");
      }
    }
  }

  private static String show(Connection connection, String setting) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery("SHOW " + setting)) {
      row.next();
      return row.getString(1);
    }
  }
}
