package io.pgtrickle.engine.catalog;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// One SQL file of the extension: it brings the schema from one version to another.
///
/// @param from the version it starts from; null if it installs into an empty database
/// @param to the version it arrives at
record Script(@Nullable String from, String to) {

  /// All scripts, which are files of `sql/`. An upgrade is one more entry and one more file.
  static final List<Script> ALL = List.of(new Script(null, "0.1.0"));

  /// The version that this build works with.
  static final String CURRENT = ALL.getLast().to();

  /// The script that leads on from a version, or from nothing.
  static Optional<Script> from(@Nullable String version) {
    return ALL.stream()
        .filter(script -> version == null ? script.from == null : version.equals(script.from))
        .findFirst();
  }

  /// The script that arrives at a version.
  static Optional<Script> to(String version) {
    return ALL.stream().filter(script -> script.to.equals(version)).findFirst();
  }

  /// The file's name as PostgreSQL's extension mechanism wants it.
  String fileName() {
    return "pgtrickle--" + (from == null ? "" : from + "--") + to + ".sql";
  }

  String text() {
    try (InputStream file = Script.class.getResourceAsStream("/sql/" + fileName())) {
      if (file == null) {
        throw new IllegalStateException("the build lacks /sql/" + fileName());
      }
      return new String(file.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// SHA-256 of the text, in hexadecimal.
  String checksum() {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      return HexFormat.of().formatHex(digest.digest(text().getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
