package io.pgtrickle.engine.e2e;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;

/// A network between sidecar and server that can be cut, slow, or lose everything without a word.
/// What it carries, it carries in order.
final class FaultProxy implements AutoCloseable {
  private final ServerSocket listener;
  private volatile int target;
  private final Set<Link> links = ConcurrentHashMap.newKeySet();
  private volatile Duration delay = Duration.ZERO;

  FaultProxy(int target) throws IOException {
    this.target = target;
    this.listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::accept);
  }

  int port() {
    return listener.getLocalPort();
  }

  /// Ends every connection at both ends, wherever in a message it is.
  void cut() {
    links.forEach(Link::cut);
  }

  /// Connections from now on lead to another port, those there are end.
  void redirect(int port) {
    target = port;
    cut();
  }

  /// Ends one connection.
  void cutOne(Random random) {
    List<Link> all = List.copyOf(links);
    if (!all.isEmpty()) {
      all.get(random.nextInt(all.size())).cut();
    }
  }

  /// From now on nothing passes on the connections there are, and neither end learns of it.
  void halfOpen() {
    links.forEach(link -> link.silent = true);
  }

  /// The same for one connection.
  ///
  /// @param port from which it comes, as the server sees it
  void halfOpen(int port) {
    links.stream()
        .filter(link -> link.server.getLocalPort() == port)
        .forEach(link -> link.silent = true);
  }

  /// How long to hold back each piece from now on.
  void delay(Duration each) {
    delay = each;
  }

  int connections() {
    return links.size();
  }

  private void accept() {
    try {
      while (true) {
        connect(listener.accept());
      }
    } catch (IOException closed) {
      cut();
    }
  }

  private void connect(Socket client) throws IOException {
    Socket server;
    try {
      server = new Socket(InetAddress.getLoopbackAddress(), target);
    } catch (IOException nobodyThere) {
      client.close();
      return;
    }
    Link link = new Link(client, server);
    links.add(link);
    Thread.ofVirtual().start(() -> link.carry(client, server));
    Thread.ofVirtual().start(() -> link.carry(server, client));
  }

  private final class Link {
    private final Socket client;
    private final Socket server;
    private volatile boolean silent;

    Link(Socket client, Socket server) {
      this.client = client;
      this.server = server;
    }

    void carry(Socket from, Socket to) {
      byte[] buffer = new byte[4096];
      try {
        InputStream in = from.getInputStream();
        OutputStream out = to.getOutputStream();
        for (int length = in.read(buffer); length >= 0; length = in.read(buffer)) {
          if (!delay.isZero()) {
            LockSupport.parkNanos(delay.toNanos());
          }
          if (!silent) {
            out.write(buffer, 0, length);
          }
        }
        if (!silent) {
          cut();
        }
      } catch (IOException hungUp) {
        if (!silent) {
          cut();
        }
      }
    }

    void cut() {
      links.remove(this);
      reset(client);
      reset(server);
    }

    // A reset instead of an orderly end.
    private static void reset(Socket socket) {
      try (socket) {
        socket.setSoLinger(true, 0);
      } catch (IOException alreadyClosed) {
        assert socket.isClosed();
      }
    }
  }

  @Override
  public void close() throws IOException {
    listener.close();
    cut();
  }
}
