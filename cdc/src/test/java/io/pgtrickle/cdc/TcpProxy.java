package io.pgtrickle.cdc;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Arrays;
import java.util.concurrent.Semaphore;

/// A network between the tests and the server that can stop carrying anything from the server, in
/// the middle of a message, without either side learning of it, and that can falsify what it
/// carries.
public final class TcpProxy implements AutoCloseable {
  private static final int UNLIMITED = Integer.MAX_VALUE / 2;

  private final ServerSocket listener;
  private final int target;

  /// How many more bytes from the server may pass.
  private final Semaphore allowance = new Semaphore(UNLIMITED);

  private volatile byte[] original = {};
  private volatile byte[] falsified = {};

  public TcpProxy(int target) throws IOException {
    this.target = target;
    this.listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::accept);
  }

  public int port() {
    return listener.getLocalPort();
  }

  /// Lets this many more bytes through, and then none.
  public void cutAfter(int bytes) {
    allowance.drainPermits();
    allowance.release(bytes);
  }

  /// Whether all that may pass has passed.
  public boolean isCut() {
    return allowance.availablePermits() == 0;
  }

  /// Replaces some bytes from the server wherever they come in one piece, by as many others.
  public void falsify(byte[] original, byte[] falsified) {
    this.falsified = falsified;
    this.original = original;
  }

  private void falsify(byte[] buffer, int length) {
    byte[] wanted = original;
    for (int at = 0; wanted.length > 0 && at + wanted.length <= length; at++) {
      if (Arrays.equals(buffer, at, at + wanted.length, wanted, 0, wanted.length)) {
        System.arraycopy(falsified, 0, buffer, at, wanted.length);
      }
    }
  }

  private void accept() {
    try {
      while (true) {
        Socket client = listener.accept();
        Socket server = new Socket(InetAddress.getLoopbackAddress(), target);
        Thread.ofVirtual().start(() -> forward(client, server, false));
        Thread.ofVirtual().start(() -> forward(server, client, true));
      }
    } catch (IOException e) {
      // Closed.
    }
  }

  private void forward(Socket from, Socket to, boolean limited) {
    byte[] buffer = new byte[8192];
    try (from;
        to) {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int length = in.read(buffer); length >= 0; length = in.read(buffer)) {
        if (limited) {
          falsify(buffer, length);
        }
        for (int sent = 0; sent < length; ) {
          int part = length - sent;
          if (limited) {
            part = Math.min(part, Math.max(1, allowance.availablePermits()));
            allowance.acquire(part);
          }
          out.write(buffer, sent, part);
          sent += part;
        }
      }
    } catch (IOException e) {
      // One side hung up; so does the other.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() throws IOException {
    listener.close();
    allowance.release(UNLIMITED / 2);
  }
}
