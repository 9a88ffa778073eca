package io.pgtrickle.engine;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/// What the build wrote into the jar: versions, which stand in the root POM and nowhere else.
public final class Build {
  private static final Properties PROPERTIES = load();

  private Build() {}

  /// The version of pgtrickle.
  public static String version() {
    return property("version");
  }

  /// The version of the server binaries used for a PostgreSQL major version.
  public static String serverBinaries(int major) {
    return property("postgresql." + major);
  }

  private static String property(String name) {
    String value = PROPERTIES.getProperty(name);
    if (value == null) {
      throw new IllegalStateException("build.properties has no " + name);
    }
    return value;
  }

  private static Properties load() {
    try (InputStream in = Build.class.getResourceAsStream("build.properties")) {
      if (in == null) {
        throw new IllegalStateException("build.properties is missing from the jar");
      }
      Properties properties = new Properties();
      properties.load(in);
      return properties;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
