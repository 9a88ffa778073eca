package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.operator.Place;
import io.pgtrickle.dvm.operator.Sequence;
import io.pgtrickle.dvm.state.Entries;
import io.pgtrickle.dvm.state.Ranked;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.zset.Row;

/// A [Sequence] over state.
record RankedSequence(Ranked entries) implements Sequence {
  @Override
  public long size() {
    return entries.size();
  }

  @Override
  public long rank(Place place) {
    return entries.rank(key(place), place.row(), place.past());
  }

  @Override
  public Cursor from(Place place) {
    return new Walk(entries.from(key(place), place.row(), place.past()));
  }

  @Override
  public Cursor downFrom(Place place) {
    return new Walk(entries.downFrom(key(place), place.row(), place.past()));
  }

  @Override
  public Cursor at(long place) {
    return new Walk(entries.at(place));
  }

  private static ByteSink key(Place place) {
    Bytes key = place.key();
    ByteSink sink = new ByteSink(key.size());
    sink.putBytes(key.toArray());
    return sink;
  }

  private record Walk(Entries entries) implements Cursor {
    @Override
    public boolean next() {
      return entries.next();
    }

    @Override
    public Row row() {
      return entries.row();
    }

    @Override
    public long weight() {
      return entries.weight();
    }

    @Override
    public void key(ByteSink out) {
      entries.key(out);
    }
  }
}
