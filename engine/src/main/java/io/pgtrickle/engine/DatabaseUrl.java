package io.pgtrickle.engine;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Where a database is and who connects, as people write it: `postgresql://user@host:5432/name`.
///
/// The password is kept apart from everything that is ever printed: [#toString] and the messages of
/// [#parse] leave it out, [#jdbcUrl] carries no credentials.
public record DatabaseUrl(
    String host,
    int port,
    String database,
    String user,
    @Nullable String password,
    Map<String, String> parameters) {

  private static final int DEFAULT_PORT = 5432;

  /// Spellings of libpq for which the driver has another name.
  private static final Map<String, String> DRIVER_NAMES =
      Map.of(
          "application_name", "ApplicationName",
          "connect_timeout", "connectTimeout",
          "target_session_attrs", "targetServerType");

  public DatabaseUrl(
      String host,
      int port,
      String database,
      String user,
      @Nullable String password,
      Map<String, String> parameters) {
    if (host.isEmpty() || database.isEmpty() || user.isEmpty()) {
      throw new IllegalArgumentException("a database URL names a host, a database and a user");
    }
    if (port < 1 || port > 65_535) {
      throw new IllegalArgumentException("port " + port + " is not between 1 and 65535");
    }
    this.host = host;
    this.port = port;
    this.database = database;
    this.user = user;
    this.password = password;
    this.parameters = Map.copyOf(parameters);
  }

  /// Reads `postgresql://`, `postgres://` and `jdbc:postgresql://` URLs; what is missing defaults
  /// as
  /// in libpq, except that the host is never a socket directory.
  ///
  /// @throws IllegalArgumentException saying what is wrong, without quoting the credentials
  public static DatabaseUrl parse(String text) {
    String rest = afterScheme(text.strip());
    String query = "";
    int question = rest.indexOf('?');
    if (question >= 0) {
      query = rest.substring(question + 1);
      rest = rest.substring(0, question);
    }
    Map<String, String> parameters = parameters(query);

    int slash = rest.indexOf('/');
    String authority = slash < 0 ? rest : rest.substring(0, slash);
    String path = slash < 0 ? "" : decode(rest.substring(slash + 1));

    int at = authority.lastIndexOf('@');
    String credentials = at < 0 ? "" : authority.substring(0, at);
    int colon = credentials.indexOf(':');
    String user = decode(colon < 0 ? credentials : credentials.substring(0, colon));
    String password = colon < 0 ? null : decode(credentials.substring(colon + 1));

    String fallbackUser = parameters.remove("user");
    String fallbackPassword = parameters.remove("password");
    if (user.isEmpty()) {
      user = fallbackUser == null ? System.getProperty("user.name", "postgres") : fallbackUser;
    }
    if (password == null) {
      password = fallbackPassword;
    }

    String address = authority.substring(at + 1);
    if (address.indexOf(',') >= 0) {
      throw new IllegalArgumentException(
          "several hosts are given; the sidecar follows one server, name the primary");
    }
    int portColon = address.lastIndexOf(':');
    boolean hasPort = portColon > address.lastIndexOf(']');
    String host = hasPort ? address.substring(0, portColon) : address;
    int port = hasPort ? port(address.substring(portColon + 1)) : DEFAULT_PORT;

    return new DatabaseUrl(
        host.isEmpty() ? "localhost" : host,
        port,
        path.isEmpty() ? user : path,
        user,
        password,
        parameters);
  }

  /// The same place with another password; the one of the URL wins when there is one.
  public DatabaseUrl orPassword(@Nullable String fallback) {
    return password != null || fallback == null
        ? this
        : new DatabaseUrl(host, port, database, user, fallback, parameters);
  }

  /// The same place with the password that stands in a file at the time of each connection,
  /// whatever
  /// else is given.
  public DatabaseUrl withPasswordFile(Path file) {
    return PasswordFile.of(this, file);
  }

  /// The same place with one more parameter for the driver.
  DatabaseUrl with(String parameter, String value) {
    Map<String, String> more = new LinkedHashMap<>(parameters);
    more.put(parameter, value);
    return new DatabaseUrl(host, port, database, user, password, more);
  }

  /// The same place for sessions of ours: what stands in a schema that others may write is never
  /// meant by a name or an operator without one; temporary objects, which code of others may make
  /// in
  /// a session of ours, are looked at last.
  public DatabaseUrl onOwnPath() {
    return with("currentSchema", "pg_catalog,pg_temp");
  }

  /// For the driver, without credentials and parameters; those are in [#properties].
  public String jdbcUrl() {
    return "jdbc:postgresql://" + host + ":" + port + "/" + database;
  }

  /// Credentials and parameters for the driver. Not for printing.
  public Properties properties() {
    Properties properties = new Properties();
    parameters.forEach(
        (name, value) -> properties.setProperty(DRIVER_NAMES.getOrDefault(name, name), value));
    properties.setProperty("user", user);
    if (password != null) {
      properties.setProperty("password", password);
    }
    return properties;
  }

  /// The URL as it may be shown.
  @Override
  public String toString() {
    return "postgresql://"
        + user
        + (password == null ? "" : ":***")
        + "@"
        + host
        + ":"
        + port
        + "/"
        + database
        + (parameters.isEmpty()
            ? ""
            : parameters.keySet().stream()
                .sorted()
                .map(name -> name + "=" + shown(name))
                .collect(Collectors.joining("&", "?", "")));
  }

  private String shown(String parameter) {
    return parameter.contains("pass") ? "***" : String.valueOf(parameters.get(parameter));
  }

  private static String afterScheme(String text) {
    String url = text.startsWith("jdbc:") ? text.substring("jdbc:".length()) : text;
    for (String scheme : new String[] {"postgresql://", "postgres://"}) {
      if (url.startsWith(scheme)) {
        return url.substring(scheme.length());
      }
    }
    throw new IllegalArgumentException(
        "it does not begin with postgresql://, as in postgresql://user@host:5432/database");
  }

  private static Map<String, String> parameters(String query) {
    Map<String, String> parameters = new LinkedHashMap<>();
    for (String part : query.split("&", -1)) {
      if (part.isEmpty()) {
        continue;
      }
      int equals = part.indexOf('=');
      if (equals < 1) {
        throw new IllegalArgumentException("what follows the ? is not name=value&name=value");
      }
      parameters.put(decode(part.substring(0, equals)), decode(part.substring(equals + 1)));
    }
    return parameters;
  }

  private static int port(String text) {
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("the port is not a number", e);
    }
  }

  /// Percent-decoding only: a plus sign is a plus sign here.
  private static String decode(String text) {
    return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
  }
}
