package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.operator.KeyGroup;
import io.pgtrickle.dvm.operator.KeyedOperator;
import io.pgtrickle.dvm.operator.Output;
import io.pgtrickle.dvm.operator.RowKey;
import io.pgtrickle.dvm.operator.Sequence;
import io.pgtrickle.dvm.state.Arrangement;
import io.pgtrickle.dvm.state.Batch;
import io.pgtrickle.dvm.state.Lookup;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.state.Walk;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.ObjLongConsumer;
import org.jspecify.annotations.Nullable;

/// The host of a [KeyedOperator]: groups the deltas of all inputs by key and calls it once per key.
///
/// An input is arranged (it has state and delivers its delta sorted) or merely grouped for the
/// step. All cursors move forward with the keys, so a batch of keys costs one pass per run of
/// state.
final class KeyedNode extends Node {
  private final KeyedOperator operator;
  private final List<Input> wiring;
  private final int multisets;
  private @Nullable Arrangement values;
  private final boolean speaksFirst;
  private final String label;
  private final ByteSink scratch = new ByteSink();

  /// How an input is brought into the order of keys.
  sealed interface Input {}

  /// The node is an [ArrangeNode].
  record Arranged() implements Input {}

  /// The node's rows are grouped by a key, without state.
  record Grouped(RowKey key) implements Input {}

  /// The node is an [ArrangeNode] whose rows are looked up under the keys of other inputs.
  ///
  /// @param after whether they are shown with the step's changes
  record Looked(boolean after) implements Input {}

  /// @param nodes the inputs, as `wiring` says, then the multisets
  /// @param values whether the operator keeps a private value per key
  /// @param speaksFirst whether the empty key is visited once before any input
  KeyedNode(
      Object key,
      Schema schema,
      String label,
      KeyedOperator operator,
      List<Node> nodes,
      List<Input> wiring,
      boolean values,
      boolean speaksFirst,
      Storage storage) {
    super(key, schema, nodes);
    this.label = label;
    this.operator = operator;
    this.wiring = List.copyOf(wiring);
    multisets = nodes.size() - wiring.size();
    this.values = values ? new Arrangement(storage) : null;
    this.speaksFirst = speaksFirst;
  }

  @Override
  String label() {
    return label;
  }

  @Override
  boolean speaksFirst() {
    return speaksFirst;
  }

  @Override
  void run(Output out) {
    Batch[] batches = new Batch[wiring.size()];
    for (int i = 0; i < batches.length; i++) {
      batches[i] =
          switch (wiring.get(i)) {
            case Arranged() -> isSeen(i) ? Batch.EMPTY : arranged(i).batch();
            case Grouped(RowKey rowKey) ->
                ArrangeNode.batch(delta(i), rowKey, null, false, scratch, out);
            case Looked _ -> Batch.EMPTY;
          };
    }
    Walk walk = Batch.walk(batches);
    Group group = new Group(walk);
    boolean visited = false;
    while (walk.next()) {
      visited = true;
      group.moved();
      operator.step(group, out);
    }
    if (!visited && speaksFirst && fresh()) {
      operator.step(group, out);
    }
    if (values != null) {
      values.stage(group.replaced.build());
    }
  }

  private ArrangeNode arranged(int index) {
    return (ArrangeNode) input(index);
  }

  ArrangeNode multiset(int index) {
    return (ArrangeNode) input(wiring.size() + index);
  }

  /// The rows of a key in the order of a multiset, as of the last step.
  Sequence sequence(int multiset, ByteSink key) {
    return new RankedSequence(multiset(multiset).before().ranked(key));
  }

  int multisets() {
    return multisets;
  }

  /// The private value of a key as of the last step.
  Optional<Row> value(ByteSink key) {
    return values == null ? Optional.empty() : single(values.snapshot().lookup().seek(key));
  }

  private static Optional<Row> single(Lookup lookup) {
    return lookup.next() ? Optional.of(lookup.row()) : Optional.empty();
  }

  @Override
  void keepState() {
    if (values != null) {
      values.keep();
    }
  }

  @Override
  boolean commitState() {
    return values != null && values.commit();
  }

  @Override
  void rollbackState() {
    if (values != null) {
      values.rollback();
    }
  }

  @Override
  boolean settle() {
    return values != null && values.settle();
  }

  @Override
  @Nullable Arrangement state() {
    return values;
  }

  @Override
  void restore(Arrangement saved) {
    close();
    values = saved;
  }

  @Override
  void close() {
    if (values != null) {
      values.close();
    }
  }

  @Override
  StateSize stateSize() {
    if (values == null) {
      return StateSize.NONE;
    }
    Snapshot contents = values.snapshot();
    return new StateSize(contents.rows(), contents.bytes());
  }

  KeyedOperator operator() {
    return operator;
  }

  private final class Group implements KeyGroup {
    private final Walk walk;
    private final Batch.Builder replaced = new Batch.Builder(16);
    private final List<@Nullable Lookup> old = new ArrayList<>();
    private final List<@Nullable Lookup> next = new ArrayList<>();
    private final @Nullable Lookup oldValues;
    private Optional<Row> value = Optional.empty();

    Group(Walk walk) {
      this.walk = walk;
      for (int i = 0; i < wiring.size(); i++) {
        old.add(
            switch (wiring.get(i)) {
              case Arranged() -> before(i).lookup();
              case Looked(boolean after) ->
                  (after ? arranged(i).after() : arranged(i).before()).lookup();
              case Grouped _ -> null;
            });
        next.add(wiring.get(i) instanceof Arranged ? arranged(i).after().lookup() : null);
      }
      oldValues = values == null ? null : values.current().lookup();
    }

    private Snapshot before(int input) {
      return isSeen(input) ? arranged(input).after() : arranged(input).before();
    }

    void moved() {
      if (oldValues != null) {
        value = single(oldValues.seek(walk.key()));
      }
    }

    @Override
    public boolean changed(int input) {
      return walk.has(input);
    }

    @Override
    public void delta(int input, ObjLongConsumer<Row> action) {
      walk.forEach(input, action);
    }

    @Override
    public void old(int input, ObjLongConsumer<Row> action) {
      rows(old, input).forEach(action);
    }

    private Lookup rows(List<@Nullable Lookup> state, int input) {
      Lookup lookup = state.get(input);
      if (lookup == null) {
        throw new IllegalStateException("input " + input + " of " + label + " has no state");
      }
      return lookup.seek(walk.key());
    }

    @Override
    public boolean hadRows(int input) {
      return rows(old, input).next();
    }

    @Override
    public boolean hasRows(int input) {
      return walk.has(input) ? rows(next, input).next() : hadRows(input);
    }

    // An input that leaves keys with NULLs out has none to show.
    @Override
    public boolean isNullKey() {
      for (int i = 0; i < wiring.size(); i++) {
        if (wiring.get(i) instanceof Arranged && walk.has(i)) {
          return arranged(i).isNullKey(walk, i);
        }
      }
      return false;
    }

    @Override
    public Optional<Row> value() {
      return value;
    }

    @Override
    public void replace(Optional<Row> next) {
      value.ifPresent(row -> replaced.add(walk.key(), row, -1));
      next.ifPresent(row -> replaced.add(walk.key(), row, 1));
    }

    @Override
    public Sequence oldSequence(int multiset) {
      return new RankedSequence(multiset(multiset).before().ranked(walk.key()));
    }

    @Override
    public Sequence newSequence(int multiset) {
      return new RankedSequence(multiset(multiset).after().ranked(walk.key()));
    }

    @Override
    public Sequence deltaSequence(int multiset) {
      return new RankedSequence(multiset(multiset).batch().ranked(walk.key()));
    }

    @Override
    public Optional<Row> least(int multiset) {
      return multiset(multiset).after().first(walk.key());
    }

    @Override
    public Optional<Row> greatest(int multiset) {
      return multiset(multiset).after().last(walk.key());
    }
  }
}
