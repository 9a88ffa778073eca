package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.operator.Output;
import io.pgtrickle.dvm.state.Arrangement;
import io.pgtrickle.dvm.state.Batch;
import io.pgtrickle.dvm.state.Entries;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The end of a view: consolidates its output until it is released.
///
/// What is pending lies in an arrangement, so that a view that is held back for long costs a step
/// no more than its delta.
final class SinkNode extends Node {
  private static final ByteSink NO_KEY = new ByteSink(1);

  private final View view;
  private final List<Node> nodes;
  private final Storage storage;
  private Arrangement pending;
  private Failures failures = Failures.NONE;
  private @Nullable String fingerprint;
  private @Nullable Map<String, List<Integer>> widths;

  // Staged by the step at hand.
  private ZSet.Builder arriving = new ZSet.Builder(4);
  private @Nullable Failures nextFailures;
  private @Nullable ZSet released;
  private boolean staged;

  record Key(long view) {}

  /// @param nodes every node the view's output depends on, except through other views
  SinkNode(View view, Node root, List<Node> nodes, Storage storage) {
    super(new Key(view.id()), root.schema(), List.of(root));
    this.view = view;
    this.nodes = List.copyOf(nodes);
    this.storage = storage;
    pending = new Arrangement(storage);
  }

  View view() {
    return view;
  }

  /// Of the view's definition, the same in every process.
  String fingerprint() {
    if (fingerprint == null) {
      fingerprint = SavedView.fingerprint(view);
    }
    return fingerprint;
  }

  /// The columns of the view's wider sides, by names that mean the same in every process.
  Map<String, List<Integer>> widths() {
    if (widths == null) {
      widths = Sharing.names(view);
    }
    return widths;
  }

  /// The errors the view has as of the last step.
  Failures failures() {
    return failures;
  }

  /// Takes saved errors.
  void restoreFailures(Failures saved) {
    failures = saved;
  }

  /// The nodes of the view.
  List<Node> nodes() {
    return nodes;
  }

  /// The same sink over equal nodes of another dataflow.
  SinkNode in(List<Node> others, Node root) {
    SinkNode moved = new SinkNode(view, root, others, storage);
    moved.pending = pending;
    moved.failures = failures;
    moved.fingerprint = fingerprint;
    moved.widths = widths;
    return moved;
  }

  @Override
  String label() {
    return "View " + view.name();
  }

  /// A node of the view had failures.
  void fails(ZSet delta) {
    arriving.addAll(delta);
  }

  @Override
  void run(Output out) {
    throw new IllegalStateException("a sink is run with a release decision");
  }

  /// Takes the step's delta and releases everything pending if it may.
  ///
  /// @param memory for what was pending
  void run(Release release, StepMemory memory) {
    ZSet delta = input(0).output();
    if (!arriving.isEmpty()) {
      nextFailures = failures.plus(arriving.build());
    }
    boolean held = !(nextFailures == null ? failures : nextFailures).isEmpty();
    staged = true;
    if (isPending()
        ? !held && release.due(view.id())
        : !held && !delta.isEmpty() && release.due(view.id())) {
      released = isPending() ? pendingRows(memory).plus(delta) : delta;
    } else if (!delta.isEmpty()) {
      stage(delta);
    }
  }

  private void stage(ZSet delta) {
    Batch.Builder batch = new Batch.Builder(delta.size());
    delta.forEach((row, weight) -> batch.add(NO_KEY, row, weight));
    pending.stage(batch.build());
  }

  /// Adds to what is pending, between steps.
  ///
  /// @return whether a merge is under way
  boolean correct(ZSet rows) {
    stage(rows);
    return pending.commit();
  }

  /// Forgets what is pending.
  void clearOutput() {
    pending.close();
    pending = new Arrangement(storage);
  }

  /// Whether the host wants a view's output now.
  @FunctionalInterface
  interface Release {
    boolean due(long view);
  }

  private ZSet pendingRows(StepMemory memory) {
    ZSet.Builder rows = new ZSet.Builder();
    long bytes = 0;
    Entries entries = pending.snapshot().prefix(NO_KEY);
    while (entries.next()) {
      Row row = entries.row();
      bytes += row.footprint();
      memory.take(row.footprint());
      rows.add(row, entries.weight());
    }
    // It counts as what is released, with what comes now.
    memory.keep(this, bytes, 0);
    return rows.build();
  }

  /// Whether output waits for its release.
  boolean isPending() {
    return pending.snapshot().rows() > 0;
  }

  long pendingEntries() {
    return pending.snapshot().rows();
  }

  /// What this step releases; `null` when it releases nothing.
  @Nullable ZSet released() {
    return released;
  }

  boolean failuresChanged() {
    return nextFailures != null && !nextFailures.equals(failures);
  }

  /// The view's errors, with this step's changes.
  ViewErrors viewErrors() {
    return (nextFailures == null ? failures : nextFailures).toViewErrors();
  }

  @Override
  boolean commitState() {
    if (!staged) {
      return false;
    }
    if (nextFailures != null) {
      failures = nextFailures;
    }
    boolean wasReleased = released != null;
    forget();
    if (wasReleased) {
      clearOutput();
      return false;
    }
    return pending.commit();
  }

  @Override
  void rollbackState() {
    pending.rollback();
    forget();
  }

  private void forget() {
    arriving = new ZSet.Builder(4);
    nextFailures = null;
    released = null;
    staged = false;
  }

  @Override
  boolean settle() {
    return pending.settle();
  }

  @Override
  Arrangement state() {
    return pending;
  }

  @Override
  void restore(Arrangement saved) {
    close();
    pending = saved;
  }

  @Override
  void close() {
    pending.close();
  }

  @Override
  StateSize stateSize() {
    Snapshot contents = pending.snapshot();
    return new StateSize(contents.rows(), contents.bytes());
  }
}
