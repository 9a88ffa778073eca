package io.pgtrickle.engine.cli;

import java.util.Optional;

/// What is known of releases of the server that matters to whoever reads their log.
final class ServerRelease {
  private ServerRelease() {}

  /// What to do about a release; empty if nothing is known against it.
  ///
  /// @param number as in `server_version_num`
  static Optional<String> advice(int number) {
    int major = number / 10_000;
    int minor = number % 10_000;
    int good =
        switch (major) {
          case 14 -> 19;
          case 15 -> 14;
          case 16 -> 10;
          case 17 -> 6;
          default -> 0;
        };
    if (minor >= good) {
      return Optional.empty();
    }
    // The release before the good one has the mend of the one error, and the other error by it.
    String error =
        minor == good - 1
            ? "in this one, DDL while other transactions are open is told to all of them again and"
                + " again, until there is no memory to read the log"
            : "in earlier ones, changes of transactions that are open during DDL of others, such as"
                + " ALTER PUBLICATION or ALTER TYPE, can be missing from the log that is read";
    return Optional.of("update to %d.%d or later: %s".formatted(major, good, error));
  }
}
