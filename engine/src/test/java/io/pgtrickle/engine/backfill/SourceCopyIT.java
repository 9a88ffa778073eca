package io.pgtrickle.engine.backfill;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.cdc.Oid;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.TableName;
import io.pgtrickle.cdc.slot.Blocker;
import io.pgtrickle.cdc.slot.LockPolicy;
import io.pgtrickle.cdc.slot.Publications;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.KeptColumns;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.engine.embedded.EmbeddedServer;
import io.pgtrickle.engine.intake.Attachment;
import io.pgtrickle.engine.intake.SourceShape;
import io.pgtrickle.engine.intake.SourceTable;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class SourceCopyIT {
  private static final Schema SCHEMA = Schema.of(new Column("id", SqlType.INT4));
  private static final String PUBLICATION = "copied";

  /// What it holds for decides after a crash whether it is trusted.
  @Test
  void aCopyHoldsForTheEntryOfThePublicationByWhichItBegan() throws SQLException {
    try (EmbeddedServer server = EmbeddedServer.start(EmbeddedServer.Options.throwaway());
        Connection connection = server.connect();
        Statement statement = connection.createStatement()) {
      statement.execute("CREATE TABLE t (id int PRIMARY KEY)");
      statement.execute("INSERT INTO t VALUES (1), (2)");
      Publications.create(connection, PUBLICATION);
      SourceDatabase database =
          SourceDatabase.of(
              "jdbc:postgresql://127.0.0.1:" + server.port() + "/postgres",
              Map.of("user", "postgres"));
      int relation = relation(statement);
      SourceTable table =
          new SourceTable(
              relation,
              "public.t",
              KeptColumns.all(SCHEMA),
              new int[] {0},
              List.of("id"),
              SourceShape.ANY,
              Map.of(),
              Storage.onHeap(Runnable::run));
      PublicationWatch watch = new PublicationWatch(PUBLICATION);
      String[] began = new String[1];
      new SourceCopy(
              database,
              watch,
              LockPolicy.POLITE,
              new SourceCopy.Report() {
                @Override
                public void blocked(List<Blocker> blockers) {}

                @Override
                public void copied(long rows, long expected) {
                  if (rows == 0) {
                    return;
                  }
                  assertThat(rows).isEqualTo(2);
                  began[0] = entry(connection, relation);
                  execute(
                      statement,
                      "ALTER PUBLICATION copied DROP TABLE t",
                      "INSERT INTO t VALUES (3)",
                      "ALTER PUBLICATION copied ADD TABLE t");
                }
              })
          .run(
              connection,
              List.of(
                  new SourceCopy.Source(
                      new TableName("public", "t"), List.of("id"), new Attachment(table))),
              Set.of());
      assertThat(entry(connection, relation)).isNotEqualTo(began[0]);
      assertThat(table.membership()).isEqualTo(began[0]);
      assertThat(watch.altered(connection, Set.of(relation))).contains(Set.of(relation));
      table.close();
    }
  }

  private static int relation(Statement statement) throws SQLException {
    try (ResultSet row = statement.executeQuery("SELECT 't'::regclass::oid")) {
      row.next();
      return Oid.of(row.getLong(1)).value();
    }
  }

  private static String entry(Connection connection, int relation) {
    return Publications.entries(connection, PUBLICATION)
        .orElseThrow()
        .getOrDefault(new Oid(relation), "none");
  }

  private static void execute(Statement statement, String... all) {
    try {
      for (String sql : all) {
        statement.execute(sql);
      }
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }
}
