package io.pgtrickle.engine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import org.postgresql.plugin.AuthenticationPlugin;
import org.postgresql.plugin.AuthenticationRequestType;
import org.postgresql.util.PSQLException;
import org.postgresql.util.PSQLState;

/// A password in a file of its own, read for each connection.
///
/// Where passwords are rotated, somebody replaces the file, as secret stores that mount files do.
/// The
/// next connection uses the new one; there is nothing to restart, and connections that are open
/// stay
/// open. The driver makes an instance for each connection, by the name of this class.
public final class PasswordFile implements AuthenticationPlugin {
  private static final String PATH = "passwordFile";

  private final Path file;

  /// Called by the driver.
  ///
  /// @param properties of the connection
  public PasswordFile(Properties properties) {
    file = Path.of(properties.getProperty(PATH));
  }

  /// The same place, with the password from a file whenever a connection is opened.
  static DatabaseUrl of(DatabaseUrl url, Path file) {
    return url.with("authenticationPluginClassName", PasswordFile.class.getName())
        .with(PATH, file.toAbsolutePath().toString());
  }

  @Override
  public char[] getPassword(AuthenticationRequestType type) throws PSQLException {
    try {
      return Files.readString(file).strip().toCharArray();
    } catch (IOException e) {
      // It may be about to be replaced, so this is tried again.
      throw new PSQLException(
          "the password file " + file + " cannot be read",
          PSQLState.CONNECTION_UNABLE_TO_CONNECT,
          e);
    }
  }
}
