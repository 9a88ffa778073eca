package io.pgtrickle.cdc;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketOption;
import java.util.Map;
import javax.net.SocketFactory;
import jdk.net.ExtendedSocketOptions;

/// Sockets that notice within half a minute that the other end is gone without a word.
///
/// Asking for keep-alives alone would have the system ask for the first one after two hours. A
/// session that waits for the answer to a long statement has no other way to tell a busy server
/// from
/// a machine that was unplugged.
///
/// The driver makes an instance by the class's name.
public class KeptAliveSockets extends SocketFactory {
  private static final Map<SocketOption<Integer>, Integer> SECONDS =
      Map.of(
          ExtendedSocketOptions.TCP_KEEPIDLE, 15,
          ExtendedSocketOptions.TCP_KEEPINTERVAL, 5,
          ExtendedSocketOptions.TCP_KEEPCOUNT, 3);

  /// Called by the driver.
  public KeptAliveSockets() {
    super();
  }

  @Override
  public Socket createSocket() throws IOException {
    Socket socket = newSocket();
    socket.setKeepAlive(true);
    for (Map.Entry<SocketOption<Integer>, Integer> option : SECONDS.entrySet()) {
      if (socket.supportedOptions().contains(option.getKey())) {
        socket.setOption(option.getKey(), option.getValue());
      }
    }
    return socket;
  }

  /// A socket without options.
  Socket newSocket() {
    return new Socket();
  }

  // The driver connects what the method above returns; these complete the class.

  @Override
  public Socket createSocket(String host, int port) {
    throw notConnected();
  }

  @Override
  public Socket createSocket(String host, int port, InetAddress localHost, int localPort) {
    throw notConnected();
  }

  @Override
  public Socket createSocket(InetAddress host, int port) {
    throw notConnected();
  }

  @Override
  public Socket createSocket(
      InetAddress address, int port, InetAddress localAddress, int localPort) {
    throw notConnected();
  }

  private static UnsupportedOperationException notConnected() {
    return new UnsupportedOperationException("the driver connects sockets itself");
  }
}
