package io.pgtrickle.engine;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.slot.Slots;
import io.pgtrickle.dvm.TrickleException.ConfigurationInvalid;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.engine.apply.Identifiers;
import io.pgtrickle.engine.catalog.Installer;
import io.pgtrickle.engine.catalog.SidecarRole;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Whether a database can be followed as it is set up. Changes nothing.
///
/// Finds everything that somebody has to mend, so that it takes one round and not one for each;
/// what
/// may pass by itself ends the search.
final class DatabaseCheck {
  private static final Logger LOG = LoggerFactory.getLogger(DatabaseCheck.class);

  private DatabaseCheck() {}

  /// @throws ConfigurationInvalid with everything that is wrong
  /// @throws SourceUnavailable when the database cannot be looked at now
  static void require(SourceDatabase database) {
    List<String> problems = problems(database);
    if (!problems.isEmpty()) {
      throw new ConfigurationInvalid(problems);
    }
  }

  /// What is wrong, each with its remedy; empty when nothing.
  ///
  /// @throws SourceUnavailable when the database cannot be looked at now
  static List<String> problems(SourceDatabase database) {
    try (Connection connection = database.connect("pgtrickle check")) {
      List<String> problems = new ArrayList<>();
      Slots.obstacles(connection).forEach(found -> problems.add(message(found)));
      problems.addAll(installation(connection));
      replication(database, connection).ifPresent(problems::add);
      return problems;
    } catch (CaptureException.Misconfigured e) {
      return List.of(message(e));
    } catch (CaptureException e) {
      throw new SourceUnavailable(e.sqlState(), message(e), e);
    } catch (SQLException e) {
      throw new SourceUnavailable(
          String.valueOf(e.getSQLState()), "the database was not checked: " + e.getMessage(), e);
    }
  }

  // What the role may is asked in terms of the SQL objects, which have to be those of this version.
  private static List<String> installation(Connection connection) throws SQLException {
    Optional<String> installed = Installer.installedVersion(connection);
    if (installed.equals(Optional.of(Installer.version()))) {
      return SidecarRole.problems(connection);
    }
    return List.of(
        installed
                .map(version -> "the database has the SQL objects of version " + version)
                .orElse("the database has no SQL objects of pgtrickle")
            + ", this sidecar needs version "
            + Installer.version()
            + "; run: pgtrickle install --url …");
  }

  // Managed services allow it by a membership instead of the attribute, so it is tried.
  private static Optional<String> replication(SourceDatabase database, Connection connection)
      throws SQLException {
    try (Connection _ = database.connectForReplication("pgtrickle check")) {
      LOG.debug("the role may stream the log");
      return Optional.empty();
    } catch (CaptureException.Retry e) {
      LOG.debug("whether the role may stream the log shows later: {}", e.getMessage());
      return Optional.empty();
    } catch (CaptureException.Misconfigured e) {
      if (!"42501".equals(e.sqlState())) {
        return Optional.of(message(e));
      }
      String role = connection.getMetaData().getUserName();
      return Optional.of(
          "role \"%s\" may not stream the log: ALTER ROLE %s REPLICATION (on managed services grant the role that stands for it, such as rds_replication)"
              .formatted(role, Identifiers.quoteIfNeeded(role)));
    }
  }

  private static String message(CaptureException e) {
    return String.valueOf(e.getMessage());
  }
}
