package io.pgtrickle.engine.cli;

import io.pgtrickle.dvm.TrickleException.ConfigurationInvalid;
import io.pgtrickle.engine.DatabaseUrl;
import io.pgtrickle.engine.SidecarConfig;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// The parameters as they hold for one run:
///
///     defaults < file < environment < flags
///
/// Everything is looked at before anything is refused, so that one run shows all problems; what is
/// set under a name that does not exist is a problem too, because it is a setting that somebody
/// believes to be in force.
final class Configuration {
  private static final String PREFIX = "PGTRICKLE_";

  /// Variables of the launcher and of the tests, which are no parameters.
  private static final Set<String> NOT_OURS =
      Set.of(
          "PGTRICKLE_JAVA_HOME",
          "PGTRICKLE_JAVA_OPTS",
          "PGTRICKLE_CONFIG",
          "PGTRICKLE_HEAP",
          "PGTRICKLE_JVM_DIRS");

  private final Map<String, Object> values;

  private Configuration(Map<String, Object> values) {
    this.values = values;
  }

  /// Where settings come from, the weakest first.
  record Sources(Optional<Path> file, Map<String, String> environment, Map<String, String> flags) {
    public Sources {
      environment = Map.copyOf(environment);
      flags = Map.copyOf(flags);
    }
  }

  /// Reads what is set and checks all of it, and that what this command wants is there.
  static Configuration read(List<Parameter<?>> wanted, Sources sources) {
    List<String> problems = new ArrayList<>();
    Map<String, Setting> set = new HashMap<>();
    sources.file().ifPresent(file -> readFile(file, set, problems));
    readEnvironment(sources.environment(), set, problems);
    sources.flags().forEach((name, text) -> set.put(name, new Setting(text, "--" + name)));

    Map<String, Object> values = new HashMap<>();
    for (Parameter<?> parameter : Parameter.ALL) {
      Setting setting = set.get(parameter.name());
      if (setting == null && parameter.fallback().isPresent()) {
        setting = new Setting(parameter.fallback().get(), "default");
      }
      if (setting != null) {
        readValue(parameter, setting, values, problems);
      } else if (wanted.contains(parameter)) {
        problems.add(
            "%s is not set; use %s, %s or the line %s = … in the configuration file"
                .formatted(
                    parameter.name(),
                    parameter.flag(),
                    parameter.environmentVariable(),
                    parameter.name()));
      }
    }
    if (!problems.isEmpty()) {
      throw new ConfigurationInvalid(problems);
    }
    return new Configuration(values);
  }

  /// The value of a parameter that the command said it wants.
  <T> T value(Parameter<T> parameter) {
    Object value = values.get(parameter.name());
    if (value == null) {
      throw new IllegalStateException("nobody asked for " + parameter.name());
    }
    return parameter.type().cast(value);
  }

  /// The database of `--url`, with the password wherever it was given.
  DatabaseUrl database() {
    String password = value(Parameter.PASSWORD);
    DatabaseUrl url = value(Parameter.URL).orPassword(password.isEmpty() ? null : password);
    String file = value(Parameter.PASSWORD_FILE);
    return file.isEmpty() ? url : url.withPasswordFile(Path.of(file));
  }

  SidecarConfig sidecar(DatabaseUrl database) {
    return sidecar(database, value(Parameter.STATE_DIR));
  }

  /// With its state where the caller says.
  SidecarConfig sidecar(DatabaseUrl database, Path stateDirectory) {
    return new SidecarConfig(
        database, value(Parameter.HTTP_HOST), value(Parameter.HTTP_PORT), stateDirectory);
  }

  private static void readFile(Path file, Map<String, Setting> set, List<String> problems) {
    Properties properties = new Properties();
    try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
      properties.load(reader);
    } catch (IOException | IllegalArgumentException e) {
      problems.add("%s: cannot be read (%s)".formatted(file, e));
      return;
    }
    for (String name : properties.stringPropertyNames().stream().sorted().toList()) {
      if (isParameter(name)) {
        set.put(name, new Setting(properties.getProperty(name).strip(), file + ": " + name));
      } else {
        problems.add("%s: there is no setting %s%s".formatted(file, name, suggestion(name)));
      }
    }
  }

  private static void readEnvironment(
      Map<String, String> environment, Map<String, Setting> set, List<String> problems) {
    Map<String, Parameter<?>> byVariable = new HashMap<>();
    Parameter.ALL.forEach(parameter -> byVariable.put(parameter.environmentVariable(), parameter));
    new TreeMap<>(environment)
        .forEach(
            (variable, text) -> {
              Parameter<?> parameter = byVariable.get(variable);
              if (parameter != null) {
                set.put(parameter.name(), new Setting(text, variable));
              } else if (variable.startsWith(PREFIX) && !NOT_OURS.contains(variable)) {
                String name =
                    variable.substring(PREFIX.length()).toLowerCase(Locale.ROOT).replace('_', '-');
                problems.add(
                    "%s: there is no setting %s%s".formatted(variable, name, suggestion(name)));
              }
            });
  }

  private static <T> void readValue(
      Parameter<T> parameter, Setting setting, Map<String, Object> values, List<String> problems) {
    try {
      values.put(parameter.name(), parameter.reader().apply(setting.text));
    } catch (IllegalArgumentException e) {
      problems.add("%s: %s".formatted(setting.origin, e.getMessage()));
    }
  }

  private static boolean isParameter(String name) {
    return Parameter.ALL.stream().anyMatch(parameter -> parameter.name().equals(name));
  }

  private static String suggestion(String name) {
    @Nullable String best = null;
    int distance = 3;
    for (Parameter<?> parameter : Parameter.ALL) {
      int d = EditDistance.between(name, parameter.name());
      if (d < distance) {
        distance = d;
        best = parameter.name();
      }
    }
    return best == null ? "" : "; did you mean " + best + "?";
  }

  /// A text and where it stands. Never printed with the text, which may be a password.
  private record Setting(String text, String origin) {}
}
