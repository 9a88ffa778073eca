package io.pgtrickle.engine.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.pgtrickle.dvm.TrickleException.ConfigurationInvalid;
import io.pgtrickle.engine.http.Readiness.State;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

final class StatusServerTest {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final AtomicReference<Readiness.Report> report =
      new AtomicReference<>(Readiness.Report.STARTING);
  private final StatusServer server =
      StatusServer.start("127.0.0.1", 0, report::get, () -> "pgtrickle_state_bytes 1.0\n");
  private final HttpClient client = HttpClient.newHttpClient();

  @AfterEach
  void close() {
    client.close();
    server.close();
  }

  @Test
  void healthIsGoodWhateverIsBeingRebuilt() throws Exception {
    HttpResponse<String> response = request("GET", "/health");
    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(json(response).path("status").asString()).isEqualTo("alive");
  }

  @Test
  void nothingIsReadyBeforeTheCatalogIsRead() throws Exception {
    HttpResponse<String> response = request("GET", "/ready");
    assertThat(response.statusCode()).isEqualTo(503);
    assertThat(json(response).path("status").asString()).isEqualTo("starting");
  }

  @Test
  void noStreamTablesAreReady() throws Exception {
    report.set(new Readiness.Report(true, Optional.empty(), List.of()));
    assertThat(request("GET", "/ready").statusCode()).isEqualTo(200);
  }

  @Test
  void nothingIsReadyWhileTheLogIsNotRead() throws Exception {
    report.set(
        new Readiness.Report(
            true, Optional.of("connection lost"), List.of(table("a", State.LIVE))));
    HttpResponse<String> response = request("GET", "/ready");
    assertThat(response.statusCode()).isEqualTo(503);
    assertThat(json(response).path("status").asString()).isEqualTo("disconnected");
    assertThat(json(response).path("capture").asString()).isEqualTo("connection lost");
  }

  @Test
  void suspendedTablesDoNotCount() throws Exception {
    report.set(
        new Readiness.Report(
            true, Optional.empty(), List.of(table("a", State.LIVE), table("b", State.SUSPENDED))));
    HttpResponse<String> response = request("GET", "/ready");
    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(json(response).path("status").asString()).isEqualTo("ready");
  }

  @Test
  void aRebuildingTableShowsItsProgressAndLag() throws Exception {
    report.set(
        new Readiness.Report(
            true,
            Optional.empty(),
            List.of(
                table("public.a", State.LIVE),
                new Readiness.Table(
                    "public.b",
                    State.REBUILDING,
                    OptionalDouble.of(0.25),
                    Duration.ofMillis(1500),
                    null))));
    HttpResponse<String> response = request("GET", "/ready");
    assertThat(response.statusCode()).isEqualTo(503);
    assertThat(json(response))
        .isEqualTo(
            JSON.readTree(
                """
                {"status": "rebuilding", "tables": [
                  {"name": "public.a", "state": "live", "lag_ms": 0},
                  {"name": "public.b", "state": "rebuilding", "progress": 0.25, "lag_ms": 1500}]}
                """));
  }

  @Test
  void aFailedTableOutweighsARebuildingOne() throws Exception {
    report.set(
        new Readiness.Report(
            true,
            Optional.empty(),
            List.of(
                table("a", State.REBUILDING),
                new Readiness.Table(
                    "b", State.FAILED, OptionalDouble.empty(), Duration.ZERO, "source dropped"))));
    HttpResponse<String> response = request("GET", "/ready");
    assertThat(response.statusCode()).isEqualTo(503);
    assertThat(json(response).path("status").asString()).isEqualTo("failed");
    assertThat(json(response).path("tables").path(1).path("problem").asString())
        .isEqualTo("source dropped");
  }

  @Test
  void metricsAreTextForPrometheus() throws Exception {
    HttpResponse<String> response = request("GET", "/metrics");
    assertThat(response.body()).isEqualTo("pgtrickle_state_bytes 1.0\n");
    assertThat(response.headers().firstValue("Content-Type"))
        .hasValue("text/plain; version=0.0.4; charset=utf-8");
  }

  @Test
  void headHasTheHeadersAndNoBody() throws Exception {
    HttpResponse<String> response = request("HEAD", "/metrics");
    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.body()).isEmpty();
  }

  @Test
  void otherMethodsAreNotAllowed() throws Exception {
    HttpResponse<String> response = request("POST", "/ready");
    assertThat(response.statusCode()).isEqualTo(405);
    assertThat(response.headers().firstValue("Allow")).hasValue("GET, HEAD");
    assertThat(json(response).path("error").asString()).isEqualTo("method_not_allowed");
  }

  @Test
  void otherPathsAreNotFoundAlsoBelowKnownOnes() throws Exception {
    for (String path : List.of("/", "/health/x", "/healthy", "/secret")) {
      HttpResponse<String> response = request("GET", path);
      assertThat(response.statusCode()).as(path).isEqualTo(404);
      assertThat(json(response).path("error").asString()).isEqualTo("not_found");
    }
  }

  @Test
  void aTakenPortIsAConfigurationProblem() {
    assertThatExceptionOfType(ConfigurationInvalid.class)
        .isThrownBy(
            () -> StatusServer.start("127.0.0.1", server.port(), report::get, () -> "").close())
        .withMessageContaining("--http-port");
  }

  private HttpResponse<String> request(String method, String path)
      throws IOException, InterruptedException {
    return client.send(
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path))
            .method(method, HttpRequest.BodyPublishers.noBody())
            .build(),
        HttpResponse.BodyHandlers.ofString());
  }

  private static JsonNode json(HttpResponse<String> response) {
    return JSON.readTree(response.body());
  }

  private static Readiness.Table table(String name, State state) {
    return new Readiness.Table(name, state, OptionalDouble.empty(), Duration.ZERO, null);
  }
}
