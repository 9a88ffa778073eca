package io.pgtrickle.engine.backfill;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.engine.embedded.EmbeddedServer;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class LockedTablesIT {
  @Test
  void whoHasALockNeedNotHaveASession() throws Exception {
    EmbeddedServer.Options any = EmbeddedServer.Options.throwaway();
    EmbeddedServer.Options options =
        new EmbeddedServer.Options(
            any.major(),
            any.dataDirectory(),
            any.port(),
            any.cache(),
            any.checkout(),
            Map.of("max_prepared_transactions", "4"));
    try (EmbeddedServer server = EmbeddedServer.start(options);
        Connection session = server.connect();
        Connection other = server.connect();
        Statement statement = other.createStatement()) {
      statement.execute("CREATE TABLE prepared (id int)");
      statement.execute("CREATE TABLE locked (id int)");
      statement.execute("CREATE TABLE written (id int)");
      int prepared = oid(statement, "prepared");
      int locked = oid(statement, "locked");
      int written = oid(statement, "written");
      other.setAutoCommit(false);
      statement.execute("LOCK TABLE prepared IN ACCESS EXCLUSIVE MODE");
      statement.execute("PREPARE TRANSACTION 'p'");
      other.commit();
      statement.execute("INSERT INTO written VALUES (1)");
      statement.execute("LOCK TABLE locked IN ACCESS EXCLUSIVE MODE");
      session.setAutoCommit(false);
      assertThat(LockedTables.among(session, Set.of(prepared, locked, written)).relations())
          .containsExactlyInAnyOrder(prepared, locked);
      assertThat(LockedTables.among(session, Set.of(written)).relations()).isEmpty();
      other.commit();
      other.setAutoCommit(true);
      statement.execute("COMMIT PREPARED 'p'");
      LockedTables none = LockedTables.among(session, Set.of(prepared, locked, written));
      assertThat(none.anyOf(Set.of(prepared, locked, written))).isFalse();
    }
  }

  private static int oid(Statement statement, String table) throws SQLException {
    try (ResultSet row = statement.executeQuery("SELECT '" + table + "'::regclass::oid::int8")) {
      assertThat(row.next()).isTrue();
      return (int) row.getLong(1);
    }
  }
}
