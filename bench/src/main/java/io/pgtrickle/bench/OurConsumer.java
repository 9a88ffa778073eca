package io.pgtrickle.bench;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.Transaction;
import io.pgtrickle.cdc.WalEvent;
import io.pgtrickle.cdc.slot.SlotState;
import io.pgtrickle.cdc.slot.Slots;
import io.pgtrickle.cdc.stream.LogStream;
import io.pgtrickle.cdc.stream.StreamOptions;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.zset.KeptColumns;
import io.pgtrickle.engine.intake.Intake;
import io.pgtrickle.engine.intake.SourceShape;
import io.pgtrickle.engine.intake.SourceTable;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;

/// The sidecar's own reader: whole transactions in the order of their commits, decoded, each of
/// them confirmed once it was taken.
///
/// What is counted is the rows as the engine gets them. With an intake those are packed, netted and
/// arranged by key too, an epoch per batch, which is all that happens to a row before any query.
final class OurConsumer implements Consumer {
  // As the refresh loop takes them.
  private static final long BATCH_BYTES = 64L << 20;
  private static final Duration PATIENCE = Duration.ofMillis(5);

  private final boolean packing;

  private OurConsumer(boolean packing) {
    this.packing = packing;
  }

  static OurConsumer decoding() {
    return new OurConsumer(false);
  }

  static OurConsumer packing() {
    return new OurConsumer(true);
  }

  @Override
  public String name() {
    return packing ? "ours, packed and arranged by key" : "ours";
  }

  @Override
  public Reading read(Rig rig, String slot, long rows)
      throws SQLException, IOException, InterruptedException {
    Optional<Intake> intake = packing ? Optional.of(intake(rig)) : Optional.empty();
    Lsn start = start(rig, slot);
    Stopwatch watch = Stopwatch.start();
    try (LogStream stream = open(rig, slot, start)) {
      long seen = 0;
      boolean complete = false;
      while (seen < rows || !complete) {
        for (WalEvent event : stream.drain(BATCH_BYTES, PATIENCE)) {
          if (event instanceof Transaction transaction) {
            seen += transaction.changes().size();
            complete = transaction.isComplete();
            intake.ifPresent(packer -> packer.accept(transaction));
          }
          stream.confirm(event.position());
        }
        if (complete) {
          intake.ifPresent(OurConsumer::endEpoch);
        }
      }
      return watch.stop(rig, slot);
    } finally {
      intake.ifPresent(Intake::close);
    }
  }

  private static void endEpoch(Intake intake) {
    intake.settle();
    intake.endEpoch();
  }

  private static Intake intake(Rig rig) throws SQLException {
    Intake intake = new Intake();
    intake.attach(
        new SourceTable(
            Math.toIntExact(rig.number("SELECT '" + Backlog.TABLE + "'::regclass::oid")),
            Backlog.TABLE,
            KeptColumns.all(Samples.ORDERS),
            new int[] {0},
            Samples.ORDERS.columns().stream().map(column -> column.name()).toList(),
            SourceShape.ANY,
            Map.of(),
            Storage.inMemory(Runnable::run)));
    return intake;
  }

  /// Notes when each transaction was there to be taken.
  static void stamp(Rig rig, String slot, long[] received, CountDownLatch streaming)
      throws SQLException, InterruptedException {
    try (LogStream stream = open(rig, slot, start(rig, slot))) {
      streaming.countDown();
      for (int commits = 0; commits < received.length; ) {
        for (WalEvent event : stream.drain(BATCH_BYTES, PATIENCE)) {
          if (event instanceof Transaction) {
            received[commits++] = System.nanoTime();
          }
          stream.confirm(event.position());
        }
      }
    }
  }

  private static Lsn start(Rig rig, String slot) throws SQLException {
    try (Connection connection = rig.connect()) {
      return Slots.inspect(connection, slot).flatMap(SlotState::confirmedFlush).orElseThrow();
    }
  }

  private static LogStream open(Rig rig, String slot, Lsn start) {
    return LogStream.start(
        rig.source(), StreamOptions.of(slot, Backlog.PUBLICATION, start), new Unbroken());
  }

  /// A lost connection would be mended, and the figure be worthless.
  private static final class Unbroken implements LogStream.Listener {
    @Override
    public void lost(CaptureException why, Duration pause) {
      throw new IllegalStateException("the connection was lost", why);
    }

    @Override
    public void connected(Lsn from) {
      throw new IllegalStateException("connected again at " + from);
    }

    @Override
    public void paused() {
      throw new IllegalStateException("nobody asked for a pause");
    }
  }
}
