package io.pgtrickle.engine.refresh;

import io.pgtrickle.dvm.TrickleException;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.TrickleException.StorageUnavailable;
import io.pgtrickle.dvm.state.Arrangement;
import io.pgtrickle.dvm.state.Batch;
import io.pgtrickle.dvm.state.Entries;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.ZSet;
import io.pgtrickle.engine.intake.RowChunk;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletionException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/// What epochs have done to relations since somebody last [took][#take] it: per relation the net
/// change, and where the stream was after it.
///
/// Whoever takes it sees none of the moments in between, so the changes are summed up: in an
/// arrangement, as everything that waits, which is on the heap where it is small only. There are at
/// most as many rows as the relations have had and have, however long it takes.
///
/// One thread adds and another takes.
final class Retained implements AutoCloseable {
  private static final ByteSink NO_KEY = new ByteSink(1);

  private final Storage storage;
  private final ReentrantLock lock = new ReentrantLock();
  private Changes current = new Changes();
  // Nobody wants it any more.
  private boolean over;

  Retained(Storage storage) {
    this.storage = storage;
  }

  /// Adds what an epoch did.
  ///
  /// @param end where the stream was after it
  void add(Map<Integer, ZSet> deltas, LiveTable.Released end) {
    keep(
        () -> {
          current.end = end;
          deltas.forEach(this::add);
        });
  }

  /// Moves what is on the heap to where it belongs; at the end of each epoch, also of one that is
  /// not [added][#add]: what lies there counts for everybody.
  void settle() {
    keep(
        () -> {
          for (Arrangement sum : current.sums.values()) {
            boolean _ = sum.settle();
          }
        });
  }

  private void keep(Runnable work) {
    lock.lock();
    try {
      if (!over && current.failure == null) {
        work.run();
      }
    } catch (StorageUnavailable | StateDamaged failure) {
      giveUp(failure);
    } catch (CompletionException | InternalError damage) {
      // The last is how a mapped file says that the disk does not give what was written.
      giveUp(new StateDamaged("what happened during an initialization cannot be kept", damage));
    } finally {
      lock.unlock();
    }
  }

  // The stream goes on, and has the room.
  private void giveUp(TrickleException failure) {
    current.failure = failure;
    current.closeArrangements();
  }

  /// Gives up what there is, if there is any, and whatever would follow: others need the room.
  void yieldTo(StorageUnavailable problem) {
    keep(
        () -> {
          if (!current.sums.isEmpty()) {
            throw problem;
          }
        });
  }

  private void add(int relation, ZSet delta) {
    if (current.losses.containsKey(relation)) {
      return;
    }
    Arrangement sum = current.sums.computeIfAbsent(relation, _ -> new Arrangement(storage));
    Batch.Builder batch = new Batch.Builder(delta.size());
    delta.forEach((row, weight) -> batch.add(NO_KEY, row, weight));
    sum.stage(batch.build());
    var _ = sum.commit();
  }

  /// From here on epochs do not tell what becomes of a relation.
  void lose(int relation, Exception reason) {
    lock.lock();
    try {
      current.losses.putIfAbsent(relation, reason);
      Arrangement sum = current.sums.remove(relation);
      if (sum != null) {
        sum.close();
      }
    } finally {
      lock.unlock();
    }
  }

  /// How many changed rows there are, before the last of them are consolidated.
  long rows() {
    lock.lock();
    try {
      return current.rows();
    } finally {
      lock.unlock();
    }
  }

  /// Takes everything, to be closed by the caller. What was given up stays so.
  Changes take() {
    lock.lock();
    try {
      Changes taken = current;
      current = new Changes();
      current.failure = taken.failure;
      return taken;
    } finally {
      lock.unlock();
    }
  }

  /// Keeps nothing from here on.
  @Override
  public void close() {
    lock.lock();
    try {
      over = true;
      current.close();
    } finally {
      lock.unlock();
    }
  }

  /// What was taken. Used by one thread.
  static final class Changes implements AutoCloseable {
    private final Map<Integer, Arrangement> sums = new LinkedHashMap<>();
    private final Map<Integer, Exception> losses = new LinkedHashMap<>();
    private LiveTable.@Nullable Released end;
    private @Nullable TrickleException failure;

    private @Nullable Queue<Part> parts;
    private @Nullable Entries open;

    /// The rows of one relation that go, or those that come.
    private record Part(int relation, Arrangement sum, boolean going) {}

    private Changes() {}

    /// Where the stream was after the last change; empty if there is none.
    Optional<LiveTable.Released> end() {
      return Optional.ofNullable(end);
    }

    /// The relations of which not everything was told, and why.
    Map<Integer, Exception> losses() {
      return losses;
    }

    /// Why nothing was kept of any relation.
    Optional<TrickleException> failure() {
      return Optional.ofNullable(failure);
    }

    private long rows() {
      return sums.values().stream().mapToLong(sum -> sum.snapshot().rows()).sum();
    }

    /// The next of the changes, in chunks: all of them at once if they are few. Of a relation the
    /// rows that go come first, so that none takes a row out that is not there, or adds one whose
    /// key another has that goes.
    ///
    /// @param chunks for the rows of a relation
    /// @return empty when that was all
    /// @throws StateDamaged when they cannot be read
    Map<Integer, ZSet> next(IntFunction<RowChunk> chunks) {
      settle();
      Queue<Part> left = parts;
      if (left == null) {
        left = new ArrayDeque<>();
        parts = left;
        if (areFew(chunks)) {
          return all();
        }
        for (Map.Entry<Integer, Arrangement> each : sums.entrySet()) {
          left.add(new Part(each.getKey(), each.getValue(), true));
          left.add(new Part(each.getKey(), each.getValue(), false));
        }
      }
      while (!left.isEmpty()) {
        Part part = left.element();
        ZSet rows = next(part, chunks.apply(part.relation));
        if (!rows.isEmpty()) {
          return Map.of(part.relation, rows);
        }
        open = null;
        left.remove();
      }
      return Map.of();
    }

    // All but the one that is being read.
    private void settle() {
      Arrangement reading = open == null || parts == null ? null : parts.element().sum;
      for (Arrangement sum : sums.values()) {
        if (sum != reading) {
          try {
            boolean _ = sum.settle();
          } catch (StorageUnavailable notNow) {
            // It can be read where it is, and goes soon.
          } catch (CompletionException failed) {
            throw new StateDamaged("what happened meanwhile cannot be read", failed);
          }
        }
      }
    }

    private boolean areFew(IntFunction<RowChunk> chunks) {
      long rows = 0;
      long bytes = 0;
      boolean few = true;
      for (Map.Entry<Integer, Arrangement> each : sums.entrySet()) {
        Snapshot sum = each.getValue().snapshot();
        rows += sum.rows();
        bytes += sum.bytes();
        few &= chunks.apply(each.getKey()).hasRoomFor(rows, bytes + rows * Row.OVERHEAD);
      }
      return few;
    }

    private Map<Integer, ZSet> all() {
      Map<Integer, ZSet> all = new HashMap<>();
      sums.forEach(
          (relation, sum) -> {
            ZSet.Builder rows = new ZSet.Builder();
            for (Entries each = sum.snapshot().prefix(NO_KEY); each.next(); ) {
              rows.add(each.row(), each.weight());
            }
            ZSet delta = rows.build();
            if (!delta.isEmpty()) {
              all.put(relation, delta);
            }
          });
      return all;
    }

    private ZSet next(Part part, RowChunk chunk) {
      Entries entries = open;
      if (entries == null) {
        entries = part.sum.snapshot().prefix(NO_KEY);
        open = entries;
      }
      boolean full = false;
      while (!full && entries.next()) {
        if (entries.weight() < 0 == part.going) {
          full = chunk.add(entries.row(), entries.weight());
        }
      }
      return chunk.take();
    }

    private void closeArrangements() {
      sums.values().forEach(Arrangement::close);
      sums.clear();
    }

    @Override
    public void close() {
      open = null;
      parts = new ArrayDeque<>();
      closeArrangements();
    }
  }
}
