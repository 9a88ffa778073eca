package io.pgtrickle.cdc.stream;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.LogicalMessage;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.Transaction;
import io.pgtrickle.cdc.WalEvent;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/// The hand-over from the reader's thread to the consumer's, bounded by number and by bytes.
///
/// Events stay in order, idle positions included: one that is taken out stands for everything
/// before it. Consecutive idle positions melt into the latest.
///
/// After a failure the events already queued are still delivered, because they are whole and
/// committed; only then the failure is thrown.
///
/// Used by one producer and any number of consumers.
final class EventQueue {
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition notEmpty = lock.newCondition();
  private final Condition notFull = lock.newCondition();
  private final ArrayDeque<WalEvent> events = new ArrayDeque<>();
  private final long maxBytes;
  private final int maxEvents;
  private long bytes;
  private boolean closed;
  private boolean woken;
  private @Nullable CaptureException failure;
  private Lsn delivered;

  /// @param start what counts as delivered from the beginning
  EventQueue(long maxBytes, int maxEvents, Lsn start) {
    this.maxBytes = maxBytes;
    this.maxEvents = maxEvents;
    this.delivered = start;
  }

  /// Appends an event, waiting for room; false if there was none in time or the queue was closed.
  boolean offer(WalEvent event, Duration patience) throws InterruptedException {
    long size = size(event);
    long nanos = patience.toNanos();
    lock.lockInterruptibly();
    try {
      while (!closed && !hasRoom(size)) {
        if (nanos <= 0) {
          return false;
        }
        nanos = notFull.awaitNanos(nanos);
      }
      if (closed) {
        return false;
      }
      append(event, size);
      return true;
    } finally {
      lock.unlock();
    }
  }

  /// Appends an idle position, or moves the one at the end on; false if there is no room.
  boolean offerIdle(WalEvent.Idle idle) {
    lock.lock();
    try {
      if (events.peekLast() instanceof WalEvent.Idle) {
        events.removeLast();
      } else if (closed || !hasRoom(0)) {
        return false;
      }
      append(idle, 0);
      return true;
    } finally {
      lock.unlock();
    }
  }

  private void append(WalEvent event, long size) {
    events.addLast(event);
    bytes += size;
    notEmpty.signal();
  }

  /// A single event larger than the bound is let in when nothing else is queued.
  private boolean hasRoom(long size) {
    return events.isEmpty() || (events.size() < maxEvents && bytes + size <= maxBytes);
  }

  /// Takes the next event, or nothing if none came in time.
  Optional<WalEvent> poll(Duration patience) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      return awaitEvent(patience) ? Optional.of(take()) : Optional.empty();
    } finally {
      lock.unlock();
    }
  }

  /// Waits like [#poll] for the first event and takes with it those that are queued behind it, up
  /// to
  /// a number of bytes.
  List<WalEvent> drain(long atMostBytes, Duration patience) throws InterruptedException {
    List<WalEvent> batch = new ArrayList<>();
    lock.lockInterruptibly();
    try {
      if (awaitEvent(patience)) {
        long taken = 0;
        WalEvent next = events.peekFirst();
        while (next != null && (batch.isEmpty() || taken + size(next) <= atMostBytes)) {
          taken += size(next);
          batch.add(take());
          next = events.peekFirst();
        }
      }
      return batch;
    } finally {
      lock.unlock();
    }
  }

  private boolean awaitEvent(Duration patience) throws InterruptedException {
    long nanos = patience.toNanos();
    while (events.isEmpty()) {
      if (closed) {
        throw new CancellationException("the reader was closed");
      }
      if (failure != null) {
        throw failure;
      }
      if (nanos <= 0 || woken) {
        woken = false;
        return false;
      }
      nanos = notEmpty.awaitNanos(nanos);
    }
    return true;
  }

  /// Ends a consumer's wait for an event, or its next one.
  void wake() {
    lock.lock();
    try {
      woken = true;
      notEmpty.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private WalEvent take() {
    WalEvent event = events.removeFirst();
    bytes -= size(event);
    delivered = delivered.max(event.position());
    notFull.signal();
    return event;
  }

  /// The furthest position handed to a consumer.
  Lsn delivered() {
    lock.lock();
    try {
      return delivered;
    } finally {
      lock.unlock();
    }
  }

  /// Nothing will be appended any more, for this reason. The first reason counts.
  void fail(CaptureException reason) {
    lock.lock();
    try {
      if (failure == null) {
        failure = reason;
      }
      notEmpty.signalAll();
    } finally {
      lock.unlock();
    }
  }

  Optional<CaptureException> failure() {
    lock.lock();
    try {
      return Optional.ofNullable(failure);
    } finally {
      lock.unlock();
    }
  }

  /// Drops everything and wakes everybody: what was not taken comes again with the next reader.
  void close() {
    lock.lock();
    try {
      closed = true;
      events.clear();
      bytes = 0;
      notEmpty.signalAll();
      notFull.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private static long size(WalEvent event) {
    return switch (event) {
      case Transaction transaction -> transaction.bytes();
      case LogicalMessage message -> message.content().remaining();
      case WalEvent.Idle _ -> 0;
    };
  }
}
