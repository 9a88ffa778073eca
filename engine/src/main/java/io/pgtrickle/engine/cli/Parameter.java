package io.pgtrickle.engine.cli;

import io.pgtrickle.engine.DatabaseUrl;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;

/// One thing the operator of the process may set, under one name in three spellings:
/// `http-port` in the file, `PGTRICKLE_HTTP_PORT` in the environment, `--http-port` as a flag.
///
/// @param fallback what holds when it is set nowhere; empty: it must be set
/// @param secret never a flag, because command lines are visible to every user of the machine
/// @param reader text to value; throws IllegalArgumentException with what it wanted instead
record Parameter<T>(
    String name,
    String placeholder,
    String description,
    Class<T> type,
    Optional<String> fallback,
    boolean secret,
    Function<String, T> reader) {

  static final Parameter<DatabaseUrl> URL =
      new Parameter<>(
          "url",
          "postgresql://USER@HOST:PORT/DB",
          "The database to follow.",
          DatabaseUrl.class,
          Optional.empty(),
          false,
          DatabaseUrl::parse);

  static final Parameter<String> PASSWORD =
      new Parameter<>(
          "password",
          "TEXT",
          "Password for the database, unless it is in the URL or in ~/.pgpass.",
          String.class,
          Optional.of(""),
          true,
          text -> text);

  static final Parameter<String> PASSWORD_FILE =
      new Parameter<>(
          "password-file",
          "FILE",
          "File with nothing but the password, read for each connection: it may be replaced.",
          String.class,
          Optional.of(""),
          false,
          text -> text);

  static final Parameter<String> ROLE =
      new Parameter<>(
          "role",
          "NAME",
          "The role that is to own the schema and run the sidecar; the connected one if not set.",
          String.class,
          Optional.of(""),
          false,
          text -> text);

  static final Parameter<String> HTTP_HOST =
      text("http-host", "ADDRESS", "Address of the HTTP endpoints.", "127.0.0.1");

  static final Parameter<Integer> HTTP_PORT =
      integer("http-port", "Port of the HTTP endpoints; 0 takes any free one.", 8099, 0, 65_535);

  static final Parameter<Path> STATE_DIR =
      path("state-dir", "Where operator state may live on disk.", Directories.state().toString());

  static final Parameter<Integer> PORT =
      integer("port", "Port of the embedded PostgreSQL; 0 takes any free one.", 5499, 0, 65_535);

  static final Parameter<Path> DATA_DIR =
      path(
          "data-dir",
          "Data of the embedded PostgreSQL; @ in the last name stands for its version.",
          Directories.data().resolve("postgresql-@").toString());

  static final Parameter<Integer> PG_VERSION =
      integer("pg-version", "Major version of the embedded PostgreSQL.", 18, 14, 18);

  static final Parameter<Integer> RATE =
      integer("rate", "Orders that the demo writes per second.", 20, 1, 10_000);

  static final Parameter<LogFormat> LOG_FORMAT =
      choice("log-format", "How log lines look.", LogFormat.class, LogFormat.TEXT);

  static final Parameter<LogLevel> LOG_LEVEL =
      choice("log-level", "What is logged.", LogLevel.class, LogLevel.INFO);

  /// Every parameter there is; a name outside this list is refused wherever it stands.
  static final List<Parameter<?>> ALL =
      List.of(
          URL,
          PASSWORD,
          PASSWORD_FILE,
          ROLE,
          HTTP_HOST,
          HTTP_PORT,
          STATE_DIR,
          PORT,
          DATA_DIR,
          PG_VERSION,
          RATE,
          LOG_FORMAT,
          LOG_LEVEL);

  String flag() {
    return "--" + name;
  }

  String environmentVariable() {
    return "PGTRICKLE_" + name.replace('-', '_').toUpperCase(Locale.ROOT);
  }

  private static Parameter<String> text(
      String name, String placeholder, String description, String fallback) {
    return new Parameter<>(
        name,
        placeholder,
        description,
        String.class,
        Optional.of(fallback),
        false,
        text -> {
          if (text.isBlank()) {
            throw new IllegalArgumentException("is empty");
          }
          return text;
        });
  }

  private static Parameter<Path> path(String name, String description, String fallback) {
    return new Parameter<>(
        name,
        "DIR",
        description,
        Path.class,
        Optional.of(fallback),
        false,
        text -> {
          if (text.isBlank()) {
            throw new IllegalArgumentException("is empty");
          }
          return Path.of(text).toAbsolutePath().normalize();
        });
  }

  private static Parameter<Integer> integer(
      String name, String description, int fallback, int least, int most) {
    return new Parameter<>(
        name,
        "N",
        description,
        Integer.class,
        Optional.of(Integer.toString(fallback)),
        false,
        text -> {
          int value;
          try {
            value = Integer.parseInt(text);
          } catch (NumberFormatException e) {
            throw new IllegalArgumentException("'" + text + "' is not a whole number", e);
          }
          if (value < least || value > most) {
            throw new IllegalArgumentException(value + " is not between " + least + " and " + most);
          }
          return value;
        });
  }

  private static <E extends Enum<E>> Parameter<E> choice(
      String name, String description, Class<E> type, E fallback) {
    List<String> words =
        List.of(type.getEnumConstants()).stream()
            .map(constant -> constant.name().toLowerCase(Locale.ROOT))
            .toList();
    return new Parameter<>(
        name,
        String.join("|", words),
        description,
        type,
        Optional.of(fallback.name().toLowerCase(Locale.ROOT)),
        false,
        text -> {
          if (!words.contains(text)) {
            throw new IllegalArgumentException(
                "'" + text + "' is none of " + String.join(", ", words));
          }
          return Enum.valueOf(type, text.toUpperCase(Locale.ROOT));
        });
  }

  /// How log lines look.
  enum LogFormat {
    TEXT,
    JSON
  }

  /// What is logged.
  enum LogLevel {
    ERROR,
    WARN,
    INFO,
    DEBUG,
    TRACE
  }
}
