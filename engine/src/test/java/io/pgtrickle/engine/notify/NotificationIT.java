package io.pgtrickle.engine.notify;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.engine.catalog.CatalogDatabase;
import io.pgtrickle.engine.catalog.Definition;
import io.pgtrickle.engine.catalog.Pipeline;
import io.pgtrickle.engine.catalog.StreamTableState;
import io.pgtrickle.engine.catalog.StreamTableState.Refreshed;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

final class NotificationIT {
  private static final Instant NOON = Instant.parse("2026-03-01T12:00:00Z");

  private CatalogDatabase database;
  private Connection apply;
  private Connection listener;
  private long table;

  @BeforeEach
  void install() throws SQLException {
    database = CatalogDatabase.installed();
    table = define("\"Sales Table\"");
    database.execute("SELECT pgtrickle.subscribe('\"Sales Table\"', 'Chan-1')");
    listener = database.connect();
    CatalogDatabase.execute(listener, "LISTEN \"Chan-1\"; LISTEN chan2");
    apply = database.connect();
    apply.setAutoCommit(false);
  }

  @AfterEach
  void close() throws SQLException {
    apply.close();
    listener.close();
    database.close();
  }

  private long define(String name) throws SQLException {
    database.execute("SELECT pgtrickle.create_stream_table('" + name + "', 'SELECT 1 AS a')");
    Definition definition = Definition.readAll(database.connection()).getLast();
    StreamTableState.initializing(definition).put(database.connection());
    return definition.pgtId();
  }

  private void refresh(long pgtId, String frontier, long inserted, long deleted)
      throws SQLException {
    Pipeline pipeline = new Pipeline();
    StreamTableState.refreshed(
        pipeline, List.of(new Refreshed(pgtId, inserted, deleted, Lsn.parse(frontier), NOON)));
    pipeline.run(apply);
  }

  private long send(Set<Long> pgtIds) throws SQLException {
    AtomicLong sent = new AtomicLong();
    Pipeline pipeline = new Pipeline();
    Notification.send(pipeline, pgtIds, sent::set);
    pipeline.run(apply);
    return sent.get();
  }

  /// What has arrived; delivery is synchronous with a statement of the listener.
  private List<String> heard() throws SQLException {
    CatalogDatabase.execute(listener, "SELECT 1");
    List<String> heard = new ArrayList<>();
    PGNotification[] notifications = listener.unwrap(PGConnection.class).getNotifications();
    if (notifications != null) {
      for (PGNotification notification : notifications) {
        heard.add(notification.getName() + " " + notification.getParameter().replace(" ", ""));
      }
    }
    return heard;
  }

  @Test
  void listenersAreToldWhenTheRowsAreVisible() throws SQLException {
    refresh(table, "0/A1", 3, 1);
    assertThat(send(Set.of(table))).isEqualTo(1);
    assertThat(heard()).as("before the commit").isEmpty();
    apply.commit();
    assertThat(heard())
        .containsExactly(
            "Chan-1 {\"name\":\"public.\\\"SalesTable\\\"\",\"refresh_id\":1,"
                + "\"inserted_count\":3,\"deleted_count\":1,\"frontier\":\"0/A1\"}");
    assertThat(send(Set.of(table))).as("once").isZero();
    apply.commit();
  }

  @Test
  void refreshesThatWereNotToldAreSummed() throws SQLException {
    refresh(table, "0/A1", 3, 1);
    apply.commit();
    refresh(table, "0/A2", 4, 0);
    apply.commit();
    refresh(table, "0/A3", 0, 0);
    apply.commit();
    assertThat(Notification.untold(database.connection())).as("after a restart").contains(table);
    assertThat(send(Notification.untold(apply))).isEqualTo(1);
    apply.commit();
    assertThat(heard())
        .singleElement()
        .asString()
        .contains(
            "\"refresh_id\":2,\"inserted_count\":7,\"deleted_count\":1,\"frontier\":\"0/A3\"");
    assertThat(Notification.untold(database.connection())).isEmpty();
  }

  @Test
  void rolledBackNotificationIsStillToBeTold() throws SQLException {
    refresh(table, "0/A1", 1, 0);
    apply.commit();
    send(Set.of(table));
    apply.rollback();
    assertThat(heard()).isEmpty();
    assertThat(Notification.untold(database.connection())).containsExactly(table);
  }

  @Test
  void everyChannelIsToldAndWhoSubscribesLaterHearsOnlyLaterThings() throws SQLException {
    long quiet = define("quiet");
    refresh(quiet, "0/A1", 5, 0);
    assertThat(send(Set.of(quiet))).isZero();
    apply.commit();
    database.execute(
        "SELECT pgtrickle.subscribe('quiet', 'chan2'), pgtrickle.subscribe('quiet', 'Chan-1')");
    refresh(quiet, "0/A2", 1, 0);
    assertThat(send(Set.of(quiet))).isEqualTo(2);
    apply.commit();
    assertThat(heard())
        .hasSize(2)
        .allMatch(text -> text.contains("\"inserted_count\":1,"))
        .anyMatch(text -> text.startsWith("Chan-1"))
        .anyMatch(text -> text.startsWith("chan2"));
  }

  @Test
  void longestNameStaysFarBelowTheLimit() throws SQLException {
    String schema = "\u0007".repeat(63);
    database.execute("CREATE SCHEMA \"" + schema + "\"");
    database.execute(
        "SELECT pgtrickle.create_stream_table('\""
            + schema
            + "\".\""
            + schema
            + "\"', 'SELECT 1')");
    Definition definition = Definition.readAll(database.connection()).getLast();
    StreamTableState.initializing(definition).put(database.connection());
    database.execute(
        "UPDATE pgtrickle.pgt_state SET refresh_id = 9e18, inserted_total = 9e18,"
            + " deleted_total = 9e18, frontier = 'FFFFFFFF/FFFFFFFF' WHERE pgt_id = "
            + definition.pgtId()
            + "; INSERT INTO pgtrickle_internal.pgt_subscriptions (pgt_id, channel) VALUES ("
            + definition.pgtId()
            + ", 'chan2')");
    assertThat(send(Set.of(definition.pgtId()))).isEqualTo(1);
    apply.commit();
    assertThat(heard()).singleElement().asString().hasSizeBetween(700, 2000);
  }
}
