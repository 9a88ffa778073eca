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
    int first =
        switch (major) {
          case 14 -> 18;
          case 15 -> 13;
          case 16 -> 9;
          case 17 -> 5;
          default -> 0;
        };
    return number % 10_000 >= first
        ? Optional.empty()
        : Optional.of(
            "update to %d.%d or later: in earlier ones, transactions that are open during DDL of others, such as ALTER PUBLICATION or ALTER TYPE, can be missing from the log that is read"
                .formatted(major, first));
  }
}
