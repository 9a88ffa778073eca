package io.pgtrickle.cdc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class StreamSocketsTest {
  @Test
  void aLookForAMessageWaitsLongerThanTheDriverAsksForUnlessOneComes() throws Exception {
    try (ServerSocket server = new ServerSocket(0);
        Socket socket = new StreamSockets().createSocket()) {
      socket.connect(server.getLocalSocketAddress());
      try (Socket other = server.accept()) {
        socket.setSoTimeout(1);
        long begin = System.nanoTime();
        assertThatThrownBy(() -> socket.getInputStream().read())
            .isInstanceOf(SocketTimeoutException.class);
        assertThat(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin))
            .isGreaterThanOrEqualTo(20);
        other.getOutputStream().write(7);
        assertThat(socket.getInputStream().read()).isEqualTo(7);
      }
    }
  }

  @Test
  void anyOtherTimeoutIsTheDrivers() throws Exception {
    try (Socket socket = new StreamSockets().createSocket()) {
      socket.setSoTimeout(3_000);
      assertThat(socket.getSoTimeout()).isEqualTo(3_000);
      assertThat(socket.getKeepAlive()).isTrue();
    }
  }
}
