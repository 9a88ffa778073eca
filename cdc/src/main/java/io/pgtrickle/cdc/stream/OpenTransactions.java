package io.pgtrickle.cdc.stream;

import io.pgtrickle.cdc.CaptureException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;

/// The transactions that the server sends in pieces while they are open.
///
/// Their messages are kept undecoded, in order, until the commit: descriptions of relations hold
/// from there on, and rolled back subtransactions are simply cut off. Everything that was done
/// since
/// a subtransaction's first message was done within it (or within one that it contains), since it
/// was open until it was rolled back; so cutting off at that message undoes exactly it.
///
/// Used by one thread.
final class OpenTransactions implements AutoCloseable {
  // Of the memory, for messages: otherwise millions of subtransactions would have each go to disk
  // alone.
  private static final int LEAST_SHARE = 8;

  private final Path folder;
  private final long memory;
  private final Map<Integer, Pieces> open = new HashMap<>();

  /// The messages of one transaction, and where each of its subtransactions begins.
  private static final class Pieces {
    private final Spool messages;
    private final Subtransactions subtransactions = new Subtransactions();

    Pieces(Spool messages) {
      this.messages = messages;
    }
  }

  /// @param memory how many bytes all of them may occupy before the largest goes to disk
  OpenTransactions(Path folder, long memory) {
    this.folder = folder;
    this.memory = memory;
  }

  /// Takes a message of a transaction.
  ///
  /// @param by the transaction itself or one of its subtransactions
  void add(int xid, int by, ByteBuffer message) {
    Pieces pieces = open.computeIfAbsent(xid, x -> new Pieces(new Spool(folder)));
    pieces.subtransactions.begin(by, pieces.messages.end());
    pieces.messages.add(message);
    if (messageBytes() > Math.max(memory - indexBytes(), memory / LEAST_SHARE)) {
      open.values().stream()
          .map(each -> each.messages)
          .max(Comparator.comparingLong(Spool::heapBytes))
          .ifPresent(Spool::toDisk);
    }
  }

  /// A subtransaction, or the transaction itself, is rolled back.
  void abort(int xid, int subxid) {
    Pieces pieces = open.get(xid);
    if (pieces == null) {
      return;
    }
    if (xid == subxid) {
      open.remove(xid);
      pieces.messages.close();
      return;
    }
    long begin = pieces.subtransactions.beginOf(subxid);
    // One that changed nothing that is published was never heard of.
    if (begin >= 0) {
      pieces.messages.truncate(begin);
      pieces.subtransactions.truncate(begin);
    }
  }

  /// Hands over the messages of a committed transaction, to be closed by the caller.
  Spool commit(int xid) {
    Pieces pieces = open.remove(xid);
    return pieces == null ? new Spool(folder) : pieces.messages;
  }

  private long messageBytes() {
    long bytes = 0;
    for (Pieces pieces : open.values()) {
      bytes += pieces.messages.heapBytes();
    }
    return bytes;
  }

  private long indexBytes() {
    long bytes = 0;
    for (Pieces pieces : open.values()) {
      bytes += pieces.subtransactions.heapBytes();
    }
    return bytes;
  }

  @Override
  public void close() {
    CaptureException failure = null;
    for (Pieces pieces : open.values()) {
      try {
        pieces.messages.close();
      } catch (CaptureException e) {
        failure = e;
      }
    }
    open.clear();
    if (failure != null) {
      throw failure;
    }
  }
}
