package io.pgtrickle.engine.http;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.pgtrickle.dvm.TrickleException.ConfigurationInvalid;
import java.io.IOException;
import java.io.OutputStream;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.nio.channels.UnresolvedAddressException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Serves `/health`, `/ready` and `/metrics`, one virtual thread per request.
///
/// Used by many threads; it holds no state but its routes.
public final class StatusServer implements AutoCloseable {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final String JSON_TYPE = "application/json; charset=utf-8";
  private static final String PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";
  private static final int BACKLOG = 64;

  private final HttpServer server;
  private final ExecutorService threads;
  private final Map<String, Supplier<Response>> routes;

  private StatusServer(
      HttpServer server, ExecutorService threads, Map<String, Supplier<Response>> routes) {
    this.server = server;
    this.threads = threads;
    this.routes = routes;
  }

  /// Listens from now on.
  ///
  /// @param port 0 lets the system choose
  /// @param metrics the text of `/metrics`, made anew for each request
  public static StatusServer start(
      String host, int port, Readiness readiness, Supplier<String> metrics) {
    HttpServer server = bind(host, port);
    ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    StatusServer status =
        new StatusServer(
            server,
            threads,
            Map.of(
                "/health", () -> health(readiness.report()),
                "/ready", () -> ready(readiness.report()),
                "/metrics", () -> new Response(200, PROMETHEUS_TYPE, metrics.get())));
    server.setExecutor(threads);
    server.createContext("/", status::answer);
    server.start();
    return status;
  }

  /// The port in use, also where the system chose it.
  public int port() {
    return server.getAddress().getPort();
  }

  /// Stops listening; requests under way get no more than a moment.
  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      Supplier<Response> route = routes.get(exchange.getRequestURI().getPath());
      String method = exchange.getRequestMethod();
      if (route == null) {
        send(exchange, error(404, "not_found", "there is " + String.join(", ", sortedPaths())));
      } else if (method.equals("GET") || method.equals("HEAD")) {
        send(exchange, route.get());
      } else {
        exchange.getResponseHeaders().set("Allow", "GET, HEAD");
        send(exchange, error(405, "method_not_allowed", "use GET"));
      }
    }
  }

  private List<String> sortedPaths() {
    return routes.keySet().stream().sorted().toList();
  }

  private static Response health(Readiness.Report report) {
    ObjectNode body = JSON.createObjectNode();
    body.put("status", "alive");
    if (!report.started()) {
      report.capture().ifPresent(obstacle -> body.put("waiting", obstacle));
    }
    return json(200, body);
  }

  private static Response ready(Readiness.Report report) {
    ObjectNode body = JSON.createObjectNode();
    body.put("status", report.status());
    report.capture().ifPresent(problem -> body.put("capture", problem));
    ArrayNode tables = body.putArray("tables");
    for (Readiness.Table table : report.tables()) {
      ObjectNode entry = tables.addObject();
      entry.put("name", table.name());
      entry.put("state", table.state().name().toLowerCase(Locale.ROOT));
      if (table.progress().isPresent()) {
        entry.put("progress", table.progress().getAsDouble());
      }
      entry.put("lag_ms", table.lag().toMillis());
      if (table.problem() != null) {
        entry.put("problem", table.problem());
      }
    }
    return json(report.ready() ? 200 : 503, body);
  }

  private static Response error(int status, String code, String message) {
    ObjectNode body = JSON.createObjectNode();
    body.put("error", code);
    body.put("message", message);
    return json(status, body);
  }

  private static Response json(int status, ObjectNode body) {
    return new Response(status, JSON_TYPE, JSON.writeValueAsString(body) + "\n");
  }

  private static void send(HttpExchange exchange, Response response) throws IOException {
    byte[] body = response.body.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", response.contentType);
    exchange.getResponseHeaders().set("Cache-Control", "no-store");
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.getResponseHeaders().set("Content-Length", Integer.toString(body.length));
      exchange.sendResponseHeaders(response.status, -1);
      return;
    }
    exchange.sendResponseHeaders(response.status, body.length);
    try (OutputStream out = exchange.getResponseBody()) {
      out.write(body);
    }
  }

  private static HttpServer bind(String host, int port) {
    try {
      return HttpServer.create(new InetSocketAddress(host, port), BACKLOG);
    } catch (BindException | UnresolvedAddressException e) {
      throw new ConfigurationInvalid(
          List.of(
              "http-port: cannot listen on %s:%d (%s); choose another with --http-port, 0 for any free one"
                  .formatted(host, port, e.getMessage())));
    } catch (IOException e) {
      throw new ConfigurationInvalid(
          List.of("http-host: cannot listen on %s:%d (%s)".formatted(host, port, e.getMessage())));
    }
  }

  private record Response(int status, String contentType, String body) {}
}
