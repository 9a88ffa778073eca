package io.pgtrickle.engine.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.cdc.slot.Slots;
import io.pgtrickle.dvm.TrickleException.ConfigurationInvalid;
import io.pgtrickle.engine.catalog.Installer.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.UUID;
import org.junit.jupiter.api.Test;

final class InstallerIT {
  private static final String OUR_SCHEMAS =
      "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'pgtrickle%'";

  @Test
  void installingTwiceChangesNothing() throws SQLException {
    try (CatalogDatabase database = CatalogDatabase.empty()) {
      assertThat(Installer.installedVersion(database.connection())).isEmpty();
      assertThat(Installer.install(database.connection())).isEqualTo(Outcome.INSTALLED);
      assertThat(Installer.install(database.connection())).isEqualTo(Outcome.UP_TO_DATE);
      assertThat(Installer.installedVersion(database.connection())).contains(Installer.version());
      assertThat(database.value("SELECT pgtrickle.version()")).isEqualTo(Installer.version());
      assertThat(database.rows("SELECT version, script FROM pgtrickle_internal.pgt_schema_version"))
          .containsExactly("0.1.0 | pgtrickle--0.1.0.sql");
      assertThat(database.connection().getAutoCommit()).isTrue();
    }
  }

  @Test
  void failedInstallationLeavesNothing() throws SQLException {
    try (CatalogDatabase database = CatalogDatabase.empty()) {
      database.execute("CREATE SCHEMA pgtrickle_internal");
      assertThatThrownBy(() -> Installer.install(database.connection()))
          .isInstanceOf(SQLException.class)
          .hasMessageContaining("pgtrickle_internal");
      assertThat(database.value(OUR_SCHEMAS)).isEqualTo("1");
      database.execute("DROP SCHEMA pgtrickle_internal");
      assertThat(Installer.install(database.connection())).isEqualTo(Outcome.INSTALLED);
    }
  }

  @Test
  void scriptThatChangedSinceItWasAppliedIsRefused() throws SQLException {
    try (CatalogDatabase database = CatalogDatabase.installed()) {
      database.execute("UPDATE pgtrickle_internal.pgt_schema_version SET checksum = 'other'");
      assertThatThrownBy(() -> Installer.install(database.connection()))
          .isInstanceOf(ConfigurationInvalid.class)
          .hasMessageContaining("pgtrickle--0.1.0.sql")
          .hasMessageContaining("other");
    }
  }

  @Test
  void roleThatInstallsIsTheSidecars() throws SQLException {
    try (CatalogDatabase database = CatalogDatabase.empty()) {
      database.role("install_sidecar");
      database.execute("GRANT CREATE ON DATABASE " + database.name() + " TO install_sidecar");
      Installer.install(database.connection(), "install_sidecar");
      assertThat(database.value("SELECT pgtrickle_internal.sidecar_role()"))
          .isEqualTo("install_sidecar");
      assertThat(
              database.rows(
                  "SELECT DISTINCT relowner::regrole FROM pg_class c JOIN pg_namespace n"
                      + " ON n.oid = relnamespace WHERE nspname LIKE 'pgtrickle%'"))
          .containsExactly("install_sidecar");
      assertThat(database.value("SELECT current_user")).isEqualTo("postgres");
      try (Connection sidecar = database.connectAs("install_sidecar")) {
        assertThat(Installer.install(sidecar)).isEqualTo(Outcome.UP_TO_DATE);
      }
    }
  }

  @Test
  void uninstallRemovesSlotsPublicationsAndDelegatesAndKeepsTheTables() throws SQLException {
    try (CatalogDatabase database = CatalogDatabase.installed();
        Connection owner = database.connectAs("install_owner")) {
      database.execute("GRANT CREATE, USAGE ON SCHEMA public TO install_owner");
      CatalogDatabase.execute(
          owner, "SELECT pgtrickle.create_stream_table('kept', 'SELECT 1 AS a')");
      database.execute("SELECT pgtrickle.subscribe('kept', 'c')");
      database.execute(
          "CREATE PUBLICATION pgtrickle FOR TABLE pgtrickle.pgt_definitions;"
              + "CREATE PUBLICATION others FOR TABLE kept;"
              + "CREATE PUBLICATION pgtrickle_audit FOR TABLE kept");
      String slot = Slots.newName();
      String foreign = "pgtrickle_" + database.name();
      database.execute(
          "SELECT pg_create_logical_replication_slot(s, 'pgoutput')"
              + " FROM unnest(ARRAY['"
              + slot
              + "', '"
              + foreign
              + "']) s");

      assertThat(Installer.uninstall(database.connection())).isTrue();

      assertThat(database.value(OUR_SCHEMAS)).isEqualTo("0");
      assertThat(
              database.rows(
                  "SELECT slot_name FROM pg_replication_slots"
                      + " WHERE database = current_database()"))
          .containsExactly(foreign);
      database.execute("SELECT pg_drop_replication_slot('" + foreign + "')");
      assertThat(database.rows("SELECT pubname FROM pg_publication ORDER BY 1"))
          .containsExactly("others", "pgtrickle_audit");
      assertThat(database.rows("SELECT proname FROM pg_proc WHERE proname LIKE '\\_\\_pgt%'"))
          .isEmpty();
      // No guard any more: an ordinary table.
      database.execute("INSERT INTO kept VALUES (1)");
      assertThat(Installer.uninstall(database.connection())).isFalse();
    }
  }

  @Test
  void uninstallRefusesWhileASidecarRuns() throws SQLException {
    try (CatalogDatabase database = CatalogDatabase.installed();
        Connection sidecar = database.connect()) {
      Lease lease =
          Lease.acquire(sidecar, new Lease.Holder(UUID.randomUUID(), "host-a", 17, "", "test"))
              .orElseThrow();
      assertThatThrownBy(() -> Installer.uninstall(database.connection()))
          .isInstanceOf(ConfigurationInvalid.class)
          .hasMessageContaining("host-a")
          .hasMessageContaining("17");
      lease.release();
      assertThat(Installer.uninstall(database.connection())).isTrue();
    }
  }

  @Test
  void sameFilesInstallAsAnExtension() throws SQLException, IOException {
    try (CatalogDatabase database = CatalogDatabase.empty()) {
      Path extensions =
          Path.of(database.value("SELECT setting FROM pg_config WHERE name = 'SHAREDIR'"))
              .resolve("extension");
      for (String file : new String[] {"pgtrickle.control", "pgtrickle--0.1.0.sql"}) {
        try (var source = InstallerIT.class.getResourceAsStream("/sql/" + file)) {
          assertThat(source).as(file).isNotNull();
          Files.write(extensions.resolve(file), source.readAllBytes());
        }
      }
      database.execute("CREATE EXTENSION pgtrickle");
      assertThat(Installer.install(database.connection())).isEqualTo(Outcome.UP_TO_DATE);
      database.execute("SELECT pgtrickle.create_stream_table('t', 'SELECT 1 AS a')");
      assertThat(
              database.rows(
                  "SELECT c::regclass FROM pg_extension, unnest(extconfig) c"
                      + " WHERE extname = 'pgtrickle' ORDER BY c::regclass::text"))
          .containsExactly(
              "pgtrickle.pgt_definitions",
              "pgtrickle.pgt_definitions_pgt_id_seq",
              "pgtrickle_internal.pgt_settings",
              "pgtrickle_internal.pgt_subscriptions");
      assertThat(Installer.uninstall(database.connection())).isTrue();
      assertThat(database.value(OUR_SCHEMAS)).isEqualTo("0");
    }
  }
}
