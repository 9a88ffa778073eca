package io.pgtrickle.bench;

import io.pgtrickle.engine.DatabaseUrl;
import io.pgtrickle.engine.cli.Main;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// `pgtrickle run` in a JVM of its own, from this JVM's class path and with the launcher's options.
final class SidecarProcess implements AutoCloseable {
  private static final Pattern ENDPOINT = Pattern.compile("http://[^:/]+:\\d+");
  private static final String HEAP = System.getProperty("bench.heap", "4g");
  private static final String MORE_OPTIONS = System.getProperty("bench.sidecar.options", "");
  private static final int PATIENCE_SECONDS = 60;

  private final Process process;
  private final Path log;
  private final HttpClient client = HttpClient.newHttpClient();
  private final URI metrics;

  private SidecarProcess(Process process, Path log, URI metrics) {
    this.process = process;
    this.log = log;
    this.metrics = metrics;
  }

  static SidecarProcess start(DatabaseUrl database) throws IOException {
    Path directory = Files.createTempDirectory("pgtrickle-bench-");
    Path log = directory.resolve("sidecar.log");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "-Xmx" + HEAP,
            "-XX:+UseCompactObjectHeaders",
            "-XX:+ExitOnOutOfMemoryError",
            "--enable-native-access=ALL-UNNAMED"));
    for (String option : MORE_OPTIONS.split(" ", -1)) {
      if (!option.isEmpty()) {
        command.add(option);
      }
    }
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    command.addAll(
        List.of(
            "run",
            "--url",
            database.toString(),
            "--http-port",
            "0",
            "--state-dir",
            directory.toString(),
            "--log-level",
            "warn"));
    Process process = new ProcessBuilder(command).redirectError(Redirect.to(log.toFile())).start();
    try {
      return new SidecarProcess(process, log, endpoint(process, log));
    } catch (IOException | RuntimeException e) {
      process.destroyForcibly();
      throw e;
    }
  }

  private static URI endpoint(Process process, Path log) throws IOException {
    BufferedReader output = process.inputReader();
    String line = output.readLine();
    Matcher matcher = ENDPOINT.matcher(line == null ? "" : line);
    if (!matcher.find()) {
      throw new IllegalStateException("the sidecar did not start: " + Files.readString(log));
    }
    return URI.create(matcher.group() + "/metrics");
  }

  Metrics metrics() throws IOException, InterruptedException {
    return Metrics.parse(
        client.send(HttpRequest.newBuilder(metrics).build(), BodyHandlers.ofString()).body());
  }

  /// Stops it as a service manager would; what it warned of is shown, since it may explain a
  /// figure.
  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
      client.close();
      String warnings = Files.readString(log);
      if (!warnings.isBlank()) {
        System.err.println("the sidecar's log:\n" + warnings);
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
