package io.pgtrickle.bench;

import io.pgtrickle.engine.DatabaseUrl;
import io.pgtrickle.engine.cli.Main;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
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
  private static final int READY_SECONDS = 600;
  private static final int OK = 200;

  private final Process process;
  private final Path log;
  private final HttpClient client = HttpClient.newHttpClient();
  private final URI endpoint;

  private SidecarProcess(Process process, Path log, URI endpoint) {
    this.process = process;
    this.log = log;
    this.endpoint = endpoint;
  }

  /// Starts it and waits until every stream table is live.
  ///
  /// @param directory for its state and log
  static SidecarProcess start(DatabaseUrl database, Path directory)
      throws IOException, InterruptedException {
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
      SidecarProcess sidecar = new SidecarProcess(process, log, endpoint(process, log));
      sidecar.awaitReady();
      return sidecar;
    } catch (IOException | RuntimeException e) {
      process.destroyForcibly();
      throw e;
    }
  }

  private static URI endpoint(Process process, Path log) throws IOException {
    BufferedReader output = process.inputReader();
    for (String line = output.readLine(); line != null; line = output.readLine()) {
      Matcher matcher = ENDPOINT.matcher(line);
      if (matcher.find()) {
        return URI.create(matcher.group());
      }
    }
    throw new IllegalStateException("the sidecar did not start: " + Files.readString(log));
  }

  private void awaitReady() throws IOException, InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(READY_SECONDS);
    while (ask("/ready").statusCode() != OK) {
      if (!process.isAlive() || System.nanoTime() > deadline) {
        throw new IllegalStateException("the sidecar is not ready: " + Files.readString(log));
      }
      TimeUnit.MILLISECONDS.sleep(20);
    }
  }

  Metrics metrics() throws IOException, InterruptedException {
    return Metrics.parse(ask("/metrics").body());
  }

  /// A field of `/proc/…/status` that is a size, in bytes; 0 where there is no such file.
  long memory(String field) throws IOException {
    Path status = Path.of("/proc/" + process.pid() + "/status");
    if (!Files.isReadable(status)) {
      return 0;
    }
    return Files.readAllLines(status).stream()
        .filter(line -> line.startsWith(field + ":"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
        .sum();
  }

  /// The processor time taken so far.
  double seconds() {
    return process.info().totalCpuDuration().map(Duration::toMillis).orElse(0L) / 1e3;
  }

  private HttpResponse<String> ask(String path) throws IOException, InterruptedException {
    return client.send(
        HttpRequest.newBuilder(endpoint.resolve(path)).build(), BodyHandlers.ofString());
  }

  /// Ends it without a chance to do anything about it.
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
    client.close();
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
