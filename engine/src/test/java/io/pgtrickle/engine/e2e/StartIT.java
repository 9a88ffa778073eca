package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.pgtrickle.dvm.TrickleException.ConfigurationInvalid;
import io.pgtrickle.engine.DatabaseUrl;
import io.pgtrickle.engine.Sidecar;
import io.pgtrickle.engine.SidecarConfig;
import io.pgtrickle.engine.catalog.Installer;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.sql.Connection;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What may pass by itself is waited for at a start; what somebody has to do something about is
/// not.
final class StartIT {
  @TempDir Path folder;

  private Sidecar start(DatabaseUrl url) {
    return Sidecar.start(new SidecarConfig(url, "127.0.0.1", 0, folder.resolve("state")));
  }

  private static int freePort() throws Exception {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  @Test
  void aServerThatIsNotUpYetIsWaitedFor() throws Exception {
    int port = freePort();
    Path data = folder.resolve("data");
    try (OwnServer server = OwnServer.start(data, port, Map.of());
        Connection connection = server.connect()) {
      Installer.install(connection);
    }
    try (Sidecar sidecar = start(OwnServer.urlAt(port))) {
      try (HttpClient client = HttpClient.newHttpClient()) {
        URI health = URI.create("http://127.0.0.1:%d/health".formatted(sidecar.httpPort()));
        var said = client.send(HttpRequest.newBuilder(health).build(), BodyHandlers.ofString());
        assertThat(said.statusCode()).isEqualTo(200);
        assertThat(said.body()).contains("alive").contains("waiting").contains("refused");
      }
      try (OwnServer again = OwnServer.start(data, port, Map.of())) {
        assertThat(again.port()).isEqualTo(port);
        assertThat(sidecar.awaitReady(PATIENCE)).isTrue();
      }
    }
  }

  @Test
  void whatDoesNotPassByItselfEndsTheWait() throws Exception {
    int port = freePort();
    try (Sidecar sidecar = start(OwnServer.urlAt(port));
        OwnServer server = OwnServer.start(folder.resolve("data"), port, Map.of())) {
      assertThat(server.port()).isEqualTo(port);
      sidecar.await();
      assertThat(sidecar.failure().orElseThrow())
          .isInstanceOf(ConfigurationInvalid.class)
          .hasMessageContaining("pgtrickle install");
    }
  }

  @Test
  void anUnknownDatabaseIsNoReasonToWait() {
    DatabaseUrl none =
        DatabaseUrl.parse(
            "postgresql://postgres@127.0.0.1:" + LiveDatabase.server().port() + "/nowhere");
    assertThatExceptionOfType(ConfigurationInvalid.class).isThrownBy(() -> start(none).close());
    DatabaseUrl nobody =
        DatabaseUrl.parse(
            "postgresql://nobody_here@127.0.0.1:" + LiveDatabase.server().port() + "/postgres");
    assertThatExceptionOfType(ConfigurationInvalid.class).isThrownBy(() -> start(nobody).close());
  }
}
