package io.pgtrickle.cdc.slot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.TableName;
import io.pgtrickle.cdc.TestServer;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class ReplicaIdentitiesIT {
  private final SourceDatabase database = TestServer.createDatabase();
  private final Connection connection = database.connect("tests");
  private Publication publication;

  ReplicaIdentitiesIT() {
    Publications.create(connection, "p");
    publication = Publications.inspect(connection, "p").orElseThrow();
  }

  @BeforeAll
  void createTables() {
    TestServer.execute(
        connection,
        "CREATE TABLE pk (b int8, a int8, v text, PRIMARY KEY (a, b) INCLUDE (v))",
        "CREATE TABLE deferred (id int8 PRIMARY KEY DEFERRABLE)",
        "CREATE TABLE nokey (id int8)",
        "CREATE TABLE nothing (id int8 PRIMARY KEY)",
        "ALTER TABLE nothing REPLICA IDENTITY NOTHING",
        "CREATE TABLE full_ (id int8)",
        "ALTER TABLE full_ REPLICA IDENTITY FULL",
        "CREATE TABLE byindex (id int8 PRIMARY KEY, u int8 NOT NULL, CONSTRAINT uq UNIQUE (u))",
        "ALTER TABLE byindex REPLICA IDENTITY USING INDEX uq",
        "CREATE TABLE lostindex (id int8 PRIMARY KEY, u int8 NOT NULL, CONSTRAINT lq UNIQUE (u))",
        "ALTER TABLE lostindex REPLICA IDENTITY USING INDEX lq",
        "ALTER TABLE lostindex DROP CONSTRAINT lq",
        "CREATE TABLE stored (id int8, g int8 GENERATED ALWAYS AS (id + 1) STORED)",
        "ALTER TABLE stored REPLICA IDENTITY FULL",
        "CREATE TABLE storedkey (id int8, g int8 PRIMARY KEY GENERATED ALWAYS AS (id + 1) STORED)");
    if (TestServer.version() >= 18) {
      TestServer.execute(
          connection,
          "CREATE TABLE virtual (id int8, g int8 GENERATED ALWAYS AS (id + 1) VIRTUAL)",
          "ALTER TABLE virtual REPLICA IDENTITY FULL");
    }
  }

  @AfterAll
  void disconnect() throws SQLException {
    connection.close();
  }

  private static void assumeVirtualColumnsFor(String name) {
    assumeThat(TestServer.version()).isGreaterThanOrEqualTo(name.equals("virtual") ? 18 : 14);
  }

  private static TableName table(String name) {
    return new TableName("public", name);
  }

  private List<TableIdentity> inspect(String name) {
    return ReplicaIdentities.inspect(connection, table(name), publication);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "pk         | Keyed[columns=[a, b]]",
        "deferred   | Unusable[reason=index deferred_pkey is not unique, immediate, valid and"
            + " total]",
        "nokey      | Unusable[reason=it has no primary key]",
        "nothing    | Unusable[reason=its replica identity is NOTHING]",
        "full_      | Full[]",
        "byindex    | Keyed[columns=[u]]",
        "lostindex  | Unusable[reason=the index of its replica identity was dropped]",
        "stored     | Full[]",
        "virtual    | Unusable[reason=its replica identity is FULL and covers the unpublished"
            + " generated columns [g]]"
      })
  void tellsWhatEachTableLogs(String name, String kind) {
    assumeVirtualColumnsFor(name);
    assertThat(inspect(name))
        .singleElement()
        .satisfies(
            identity -> {
              assertThat(identity.table()).isEqualTo(table(name));
              assertThat(identity.kind()).hasToString(kind);
            });
  }

  @Test
  void aKeyThatIsGeneratedTellsRowsApartWhereItIsLogged() {
    assertThat(inspect("storedkey"))
        .singleElement()
        .satisfies(
            identity ->
                assertThat(identity.kind())
                    .hasToString(
                        TestServer.version() >= 18
                            ? "Keyed[columns=[g]]"
                            : "Unusable[reason=index storedkey_pkey covers the unpublished"
                                + " generated columns [g]]"));
  }

  /// The server itself is the judge of what is usable: it refuses updates of any other table.
  @ParameterizedTest
  @CsvSource({
    "pk, a = a + 1",
    "deferred, id = id + 1",
    "nokey, id = id + 1",
    "nothing, id = id + 1",
    "full_, id = id + 1",
    "byindex, id = id + 1",
    "lostindex, id = id + 1",
    "stored, id = id + 1",
    "virtual, id = id + 1"
  })
  void agreesWithTheServerOnWhatUsersCanUpdateOncePublished(String name, String assignment) {
    assumeVirtualColumnsFor(name);
    boolean usable =
        inspect(name).stream()
            .noneMatch(identity -> identity.kind() instanceof TableIdentity.Unusable);
    TestServer.execute(connection, "ALTER PUBLICATION p ADD TABLE " + name);
    try {
      String update = "UPDATE " + name + " SET " + assignment;
      if (usable) {
        TestServer.execute(connection, update);
      } else {
        assertThatThrownBy(() -> TestServer.execute(connection, update))
            .hasMessageContaining("cannot update table");
      }
    } finally {
      TestServer.execute(connection, "ALTER PUBLICATION p DROP TABLE " + name);
    }
  }

  @Test
  void looksAtEveryLeafAndNotAtTheRoot() {
    TestServer.execute(
        connection,
        "CREATE TABLE parted (id int8, v text) PARTITION BY RANGE (id)",
        "ALTER TABLE parted REPLICA IDENTITY FULL",
        "CREATE TABLE leaf1 PARTITION OF parted FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE branch PARTITION OF parted FOR VALUES FROM (10) TO (20)"
            + " PARTITION BY RANGE (id)",
        "CREATE TABLE leaf2 PARTITION OF branch FOR VALUES FROM (10) TO (15)",
        "ALTER TABLE leaf2 ADD PRIMARY KEY (id)");
    assertThat(inspect("parted"))
        .containsExactly(
            new TableIdentity(table("leaf1"), new TableIdentity.Unusable("it has no primary key")),
            new TableIdentity(table("leaf2"), new TableIdentity.Keyed(List.of("id"))));
    assertThat(setFull("parted", LockPolicy.POLITE)).containsExactly(table("leaf1"));
    assertThat(inspect("parted").getFirst().kind()).isEqualTo(new TableIdentity.Full());
    assertThat(setFull("parted", LockPolicy.POLITE)).isEmpty();
  }

  private List<TableName> setFull(String name, LockPolicy policy) {
    return ReplicaIdentities.setFullWhereUnusable(connection, table(name), publication, policy);
  }

  @Test
  void refusesFullWhereItWouldBreakUpdates() {
    assumeVirtualColumnsFor("virtual");
    TestServer.execute(
        connection, "CREATE TABLE hidden (id int8, g int8 GENERATED ALWAYS AS (id + 1) VIRTUAL)");
    assertThatThrownBy(() -> setFull("hidden", LockPolicy.POLITE))
        .isInstanceOf(CaptureException.Misconfigured.class)
        .hasMessageContaining("unpublished generated columns [g]; give it a primary key");
  }

  @Test
  void doesNotQueueForLongBehindAUser() throws SQLException {
    TestServer.execute(connection, "CREATE TABLE busy (id int8)");
    LockPolicy brief = new LockPolicy(Duration.ofMillis(50), 2, Duration.ofMillis(10));
    try (Connection reader = database.connect("reader")) {
      TestServer.execute(reader, "BEGIN", "SELECT * FROM busy");
      assertThatThrownBy(() -> setFull("busy", brief))
          .isInstanceOf(CaptureException.Retry.class)
          .hasMessageContaining("a lock was not free");
    }
    assertThat(setFull("busy", LockPolicy.POLITE)).containsExactly(table("busy"));
  }

  @Test
  void saysThatATableDoesNotExist() {
    assertThatThrownBy(() -> inspect("no such"))
        .isInstanceOf(CaptureException.Misconfigured.class)
        .hasMessageContaining("does not exist");
  }
}
