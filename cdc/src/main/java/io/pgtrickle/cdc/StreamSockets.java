package io.pgtrickle.cdc;

import java.net.Socket;
import java.net.SocketException;

/// Sockets of replication connections, which wait longer for the next message.
///
/// The driver looks whether there is a message by reading for a millisecond, and whoever follows a
/// stream has it look all the time: a thousand system calls a second to learn that nothing happens.
/// A read that waits longer returns as early when something comes.
///
/// The driver makes an instance by the class's name.
public final class StreamSockets extends KeptAliveSockets {
  private static final int LOOK_MILLIS = 1;
  private static final int PATIENCE_MILLIS = 100;

  /// Called by the driver.
  public StreamSockets() {
    super();
  }

  @Override
  Socket newSocket() {
    return new Socket() {
      @Override
      public void setSoTimeout(int millis) throws SocketException {
        super.setSoTimeout(millis == LOOK_MILLIS ? PATIENCE_MILLIS : millis);
      }
    };
  }
}
