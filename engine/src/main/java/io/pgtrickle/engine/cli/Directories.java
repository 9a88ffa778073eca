package io.pgtrickle.engine.cli;

import java.nio.file.Path;
import java.util.Optional;

/// Where files of a user belong on this machine, by the rules of freedesktop.org.
final class Directories {
  private static final String NAME = "pgtrickle";

  private Directories() {}

  /// What can be made again: unpacked servers, logs of demos.
  static Path cache() {
    return base("XDG_CACHE_HOME", ".cache");
  }

  /// What a user wants to keep: the data of `dev`.
  static Path data() {
    return base("XDG_DATA_HOME", ".local/share");
  }

  /// What lasts between runs but not between machines: operator state.
  static Path state() {
    return base("XDG_STATE_HOME", ".local/state");
  }

  /// The checkout or unpacked archive that the launcher started us from.
  static Optional<Path> home() {
    return Optional.ofNullable(System.getProperty("pgtrickle.home")).map(Path::of);
  }

  private static Path base(String variable, String underHome) {
    String set = System.getenv(variable);
    Path base =
        set != null && Path.of(set).isAbsolute()
            ? Path.of(set)
            : Path.of(
                System.getenv().getOrDefault("HOME", System.getProperty("user.home")), underHome);
    return base.resolve(NAME);
  }
}
