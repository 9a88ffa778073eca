package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.operator.Output;
import io.pgtrickle.dvm.state.Arrangement;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/// A vertex of the dataflow: what it computes is identified by its key, so that equal ones are
/// shared.
///
/// In a step it runs at most once, after all its inputs, and only if one of them changed; what is
/// in
/// the step of a recursion, again for each iteration that changed (see [RecursionNode]). What it
/// stages is kept or forgotten with the whole step.
abstract sealed class Node
    permits SourceNode,
        ValuesNode,
        ChainNode,
        TemporalNode,
        AskNode,
        AskRowsNode,
        UnionNode,
        WorkingNode,
        RecursionNode,
        ArrangeNode,
        KeyedNode,
        SinkNode {
  /// The schema of an operator's second output.
  static final Schema ERRORS =
      Schema.of(new Column("sqlstate", SqlType.TEXT), new Column("message", SqlType.TEXT));

  private final Object key;
  private @Nullable String stateName;
  private final Schema schema;
  private final List<Node> inputs;
  private final List<Node> consumers = new ArrayList<>();
  private final Set<Long> views = new TreeSet<>();
  private final Sink sink = new Sink();
  private int number;
  private int rank;
  private boolean fresh = true;
  private final boolean iterates;
  private boolean again;
  private ZSet output = ZSet.EMPTY;
  private ZSet errors = ZSet.EMPTY;
  private long lastStep;
  private long rowsIn;
  private long rowsOut;

  Node(Object key, Schema schema, List<? extends Node> inputs) {
    this.key = key;
    this.schema = schema;
    this.inputs = new ArrayList<>(inputs);
    iterates = inputs.stream().anyMatch(Node::iterates);
  }

  /// What it is, for people: `Join`, `Scan public.orders`.
  abstract String label();

  /// Who computes its output: `native`, `server`, or `mixed` where it depends on the values.
  String tier() {
    return "native";
  }

  /// Computes this step's output from the outputs of the inputs.
  abstract void run(Output out);

  /// Whether it has something to say before any input (constants, the row of a global aggregate).
  boolean speaksFirst() {
    return false;
  }

  /// Whether consumers have to run.
  boolean changed() {
    return !output.isEmpty();
  }

  /// Whether it belongs to the step of a recursion, and runs for its iterations.
  boolean iterates() {
    return iterates;
  }

  /// Makes staged state what the next run in the same step starts from.
  void keepState() {}

  /// Makes staged state the state.
  ///
  /// @return whether [#settle] should be called at a later step boundary
  boolean commitState() {
    return false;
  }

  /// Forgets staged state.
  void rollbackState() {}

  /// Takes over finished background work; returns whether there is more under way.
  boolean settle() {
    return false;
  }

  /// Gives its state up.
  void close() {}

  /// The state it owns; `null` when it has none.
  @Nullable Arrangement state() {
    return null;
  }

  /// Takes saved state in exchange for its own.
  void restore(Arrangement saved) {
    throw new IllegalStateException(label() + " has no state");
  }

  /// What its state is called in a checkpoint.
  final String stateName() {
    if (stateName == null) {
      stateName = Identity.of(key);
    }
    return stateName;
  }

  /// Entries and bytes of the state it owns.
  StateSize stateSize() {
    return StateSize.NONE;
  }

  final void runStep(long step, StepMemory memory) {
    sink.memory = memory;
    if (!again) {
      rowsIn = 0;
      rowsOut = 0;
    }
    for (int i = 0; i < inputs.size(); i++) {
      rowsIn += isSeen(i) ? 0 : inputs.get(i).rowsPassedOn();
    }
    run(sink);
    boolean sinkYields = !sink.rows.isEmpty();
    if (sinkYields) {
      output = sink.rows.build();
    }
    errors = sink.errors.build();
    memory.keep(this, sink.takeBytes(), (sinkYields ? output.footprint() : 0) + errors.footprint());
    lastStep = step;
    rowsOut += rowsPassedOn();
  }

  /// Lets it run again in the same step. What changed outside of the recursion, it has seen.
  final void nextIteration() {
    again = true;
    output = ZSet.EMPTY;
    sink.memory.free(this);
    keepState();
  }

  /// Everybody has read what it yielded in this step.
  final void wasRead(StepMemory memory) {
    output = ZSet.EMPTY;
    memory.free(this);
  }

  /// Whether an input's changes in this step were seen by an earlier run.
  final boolean isSeen(int input) {
    return again && !inputs.get(input).iterates();
  }

  /// What an input has changed since the last run.
  final ZSet delta(int input) {
    return isSeen(input) ? ZSet.EMPTY : inputs.get(input).output();
  }

  /// How many rows this step's output has.
  long rowsPassedOn() {
    return output.size();
  }

  /// Says no more what it had to say first.
  final void spoken() {
    fresh = false;
  }

  final void commit() {
    fresh = false;
    again = false;
    output = ZSet.EMPTY;
    errors = ZSet.EMPTY;
  }

  final void rollback() {
    sink.rows.build();
    sink.errors.build();
    var _ = sink.takeBytes();
    again = false;
    output = ZSet.EMPTY;
    errors = ZSet.EMPTY;
    rollbackState();
  }

  /// Sets this step's output as a whole, where it need not be collected row by row.
  final void emit(ZSet delta) {
    output = delta;
  }

  final Object key() {
    return key;
  }

  final Schema schema() {
    return schema;
  }

  final List<Node> inputs() {
    return inputs;
  }

  final Node input(int index) {
    return inputs.get(index);
  }

  final void rewire(UnaryOperator<Node> replacement) {
    inputs.replaceAll(replacement);
  }

  final List<Node> consumers() {
    return consumers;
  }

  final Set<Long> views() {
    return views;
  }

  final int number() {
    return number;
  }

  final void number(int assigned) {
    number = assigned;
  }

  final int rank() {
    return rank;
  }

  final void rank(int assigned) {
    rank = assigned;
  }

  final boolean fresh() {
    return fresh;
  }

  final ZSet output() {
    return output;
  }

  final ZSet errors() {
    return errors;
  }

  final boolean ranIn(long step) {
    return lastStep == step;
  }

  final long rowsIn() {
    return rowsIn;
  }

  final long rowsOut() {
    return rowsOut;
  }

  private static final class Sink implements Output {
    private final ZSet.Builder rows = new ZSet.Builder();
    private final ZSet.Builder errors = new ZSet.Builder();
    private StepMemory memory = new StepMemory(Long.MAX_VALUE);
    private long bytes;

    private void count(Row row) {
      bytes += row.footprint();
      memory.take(row.footprint());
    }

    private long takeBytes() {
      long taken = bytes;
      bytes = 0;
      return taken;
    }

    @Override
    public void add(Row row, long weight) {
      count(row);
      rows.add(row, weight);
    }

    @Override
    public void fail(EvaluationFailure failure, long weight) {
      Row error = ERRORS.pack(failure.sqlState(), failure.text());
      count(error);
      errors.add(error, weight);
    }
  }
}
