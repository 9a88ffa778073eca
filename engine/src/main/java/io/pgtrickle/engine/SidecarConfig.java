package io.pgtrickle.engine;

import java.nio.file.Path;

/// What a sidecar needs to know before it can ask the database for everything else.
///
/// Behaviour that users tune is in the catalog (`pgtrickle.settings`), not here: it belongs to the
/// database and survives the machine.
///
/// @param database the followed database
/// @param httpHost the address the endpoints listen on
/// @param httpPort their port; 0 lets the system choose
/// @param stateDirectory where operator state may live on local disk
public record SidecarConfig(
    DatabaseUrl database, String httpHost, int httpPort, Path stateDirectory) {
  public SidecarConfig {
    if (httpPort < 0 || httpPort > 65_535) {
      throw new IllegalArgumentException("HTTP port " + httpPort + " is not between 0 and 65535");
    }
  }
}
