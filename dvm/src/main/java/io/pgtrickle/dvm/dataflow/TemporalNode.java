package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.operator.Output;
import io.pgtrickle.dvm.operator.Stage;
import io.pgtrickle.dvm.operator.TemporalFilter;
import io.pgtrickle.dvm.state.Arrangement;
import io.pgtrickle.dvm.state.Batch;
import io.pgtrickle.dvm.state.Entries;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;

/// The host of a [TemporalFilter]: the rows that will change, arranged by the time of their next
/// change.
///
/// Besides its input it runs for the time: when the first row is due.
final class TemporalNode extends Node {
  private static final ByteSink ALL = new ByteSink(1);
  private static final Instant EPOCH = Instant.parse("2000-01-01T00:00:00Z");

  private final TemporalFilter filter;
  private Arrangement waiting;
  private final ByteSink scratch = new ByteSink();
  private Optional<Long> next = Optional.empty();
  private long now = Long.MIN_VALUE;

  TemporalNode(Object key, Schema schema, Node input, TemporalFilter filter, Storage storage) {
    super(key, schema, List.of(input));
    this.filter = filter;
    waiting = new Arrangement(storage);
  }

  @Override
  String label() {
    return "Temporal filter";
  }

  /// Lets the time be another one, from which the next run looks.
  void moveTo(Instant time) {
    now = time.isBefore(EPOCH) ? 0 : EPOCH.until(time, ChronoUnit.MICROS);
  }

  /// When the first row changes.
  Optional<Instant> nextChange() {
    return next.map(micros -> EPOCH.plus(micros, ChronoUnit.MICROS));
  }

  @Override
  void run(Output out) {
    ZSet delta = input(0).output();
    Batch.Builder changes = new Batch.Builder(delta.size());
    Entries due = waiting.current().prefix(ALL);
    while (due.next()) {
      due.key(scratch);
      long at = time(scratch);
      if (at > now) {
        break;
      }
      changes.add(scratch, due.row(), -due.weight());
      filter.change(due.row(), due.weight(), at, now, out);
      keep(due.row(), due.weight(), changes);
    }
    for (int i = 0; i < delta.size(); i++) {
      filter.apply(delta.row(i), delta.weight(i), now, out);
      keep(delta.row(i), delta.weight(i), changes);
    }
    waiting.stage(changes.build());
  }

  private void keep(Row row, long weight, Batch.Builder changes) {
    long change = filter.nextChange(row, now);
    if (change != TemporalFilter.NEVER) {
      scratch.clear();
      scratch.putLong(change);
      changes.add(scratch, row, weight);
    }
  }

  // A time is after the year 2000, so that its bytes are in its order.
  private static long time(ByteSink key) {
    long time = 0;
    for (int i = 0; i < Long.BYTES; i++) {
      time = time << Byte.SIZE | (key.array()[i] & 0xFF);
    }
    return time;
  }

  /// The filter as of now.
  Stage stage() {
    return (row, weight, out) -> filter.apply(row, weight, now, out);
  }

  @Override
  void keepState() {
    waiting.keep();
  }

  @Override
  boolean commitState() {
    boolean merging = waiting.commit();
    findNext();
    return merging;
  }

  private void findNext() {
    Entries first = waiting.snapshot().prefix(ALL);
    if (first.next()) {
      first.key(scratch);
      next = Optional.of(time(scratch));
    } else {
      next = Optional.empty();
    }
  }

  @Override
  void rollbackState() {
    waiting.rollback();
  }

  @Override
  boolean settle() {
    return waiting.settle();
  }

  @Override
  Arrangement state() {
    return waiting;
  }

  @Override
  void restore(Arrangement saved) {
    close();
    waiting = saved;
    findNext();
  }

  @Override
  void close() {
    waiting.close();
  }

  @Override
  StateSize stateSize() {
    Snapshot contents = waiting.snapshot();
    return new StateSize(contents.rows(), contents.bytes());
  }
}
