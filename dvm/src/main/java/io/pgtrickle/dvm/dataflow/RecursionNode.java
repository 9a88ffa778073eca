package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.kernel.RowAssembler;
import io.pgtrickle.dvm.operator.Output;
import io.pgtrickle.dvm.operator.RowKey;
import io.pgtrickle.dvm.state.Arrangement;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The fixpoint of a recursion, found anew in every step from where the last one left it.
///
/// Rows carry the number of their iteration. So the rows of all iterations are one relation W, and
/// what makes those of iteration n + 1 of those of n is a plan over it like any other. With C for
/// the candidates, the rows that base and step make,
///
///     C  = base × {0} + {(row, n + 1) : (row, n) ∈ step(W)}
///     Wₙ = Cₙ                                                       with UNION ALL
///     Wₙ = the least row of each class that is in Cₙ but in no Cₘ with m < n    with UNION
///     result = Σₙ Wₙ
///
/// Wₙ depends on candidates of iterations up to n, and those on the Wₘ with m < n. So the
/// iterations that change are gone through in order, each once: when it is the turn of n, its
/// candidates are final, ΔWₙ is known, and the nodes of the step run for it, which changes
/// candidates of n + 1. A change outside of the recursion changes candidates of all iterations at
/// once; the nodes find them in their usual run, and they wait for their turn. The work is for what
/// changes, in all iterations, however large W is.
///
/// Nothing supports itself: a candidate is there because of a row of the iteration before, in the
/// end of the base. So what is on a cycle goes when all that led there is gone. Of equal rows that
/// look different the one shown depends on the contents only, not on their history.
///
/// Instead of the rows of an iteration that the [RecursionLimit] does not allow there is a failure.
final class RecursionNode extends Node {
  private static final int BASE = 0;
  private static final int STEP = 1;
  private static final int WORKING = 2;

  private final Candidates candidates;
  private final RecursionLimit limit;
  private final RowAssembler ofBase;
  private final RowAssembler ofStep;
  private final RowAssembler shown;
  private long step;
  private Set<Node> touched = Set.of();
  private StepMemory memory = new StepMemory(Long.MAX_VALUE);

  /// @param inputs the base, the step, and the rows that the step reads
  /// @param classes what equal rows have in common, behind their iteration; `null` for UNION ALL
  RecursionNode(
      Object key,
      Schema schema,
      List<Node> inputs,
      @Nullable RowKey classes,
      RecursionLimit limit,
      Storage storage) {
    super(key, schema, inputs);
    this.limit = limit;
    Schema numbered = inputs.get(WORKING).schema();
    candidates = new Candidates(numbered, classes, storage);
    List<RowAssembler.Source> unnumbered = new ArrayList<>(List.of(new RowAssembler.Computed(0)));
    List<RowAssembler.Source> renumbered = new ArrayList<>(List.of(new RowAssembler.Computed(0)));
    List<RowAssembler.Source> visible = new ArrayList<>();
    for (int i = 0; i < schema.size(); i++) {
      unnumbered.add(new RowAssembler.Copied(0, i));
      renumbered.add(new RowAssembler.Copied(0, i + 1));
      visible.add(new RowAssembler.Copied(0, i + 1));
    }
    ofBase = new RowAssembler(numbered, List.of(inputs.get(BASE).schema()), unnumbered);
    ofStep = new RowAssembler(numbered, List.of(inputs.get(STEP).schema()), renumbered);
    shown = new RowAssembler(schema, List.of(numbered), visible);
    ofBase.set(0, 0L);
  }

  @Override
  String label() {
    return candidates.areDistinct() ? "Recursive union" : "Recursive union all";
  }

  /// What it passes on is of all iterations.
  @Override
  boolean iterates() {
    return false;
  }

  /// Says which step the next run is in.
  ///
  /// @param nodes those that the step has run; it adds those that it runs
  void within(long current, Set<Node> nodes, StepMemory stepMemory) {
    memory = stepMemory;
    step = current;
    touched = nodes;
  }

  @Override
  void run(Output out) {
    candidates.begin();
    input(BASE).output().forEach((row, weight) -> candidates.add(ofBase.assemble(row), weight));
    takeDerived();
    // They have run for what changed outside of the recursion.
    parts().stream().filter(touched::contains).forEach(Node::nextIteration);
    for (Optional<Integer> next = candidates.next(); next.isPresent(); next = candidates.next()) {
      int iteration = next.get();
      ZSet delta = allowed(iteration, candidates.take(iteration), out);
      delta.forEach((row, weight) -> out.add(shown.assemble(row), weight));
      if (!delta.isEmpty()) {
        derive(delta, out);
      }
    }
    candidates.end();
  }

  private void takeDerived() {
    input(STEP)
        .output()
        .forEach(
            (row, weight) -> {
              ofStep.set(0, candidates.iteration(row) + 1L);
              candidates.add(ofStep.assemble(row), weight);
            });
  }

  /// The nodes that depend on the rows found.
  private Set<Node> parts() {
    Set<Node> parts = new LinkedHashSet<>(List.of(input(WORKING)));
    List<Node> open = new ArrayList<>(parts);
    while (!open.isEmpty()) {
      for (Node consumer : open.removeLast().consumers()) {
        if (consumer != this && parts.add(consumer)) {
          open.add(consumer);
        }
      }
    }
    return parts;
  }

  /// Runs what depends on the rows of an iteration for what has changed among them.
  private void derive(ZSet delta, Output out) {
    PriorityQueue<Node> queue = new PriorityQueue<>(Dataflow.TOPOLOGICAL);
    Set<Node> ran = new LinkedHashSet<>();
    Node working = input(WORKING);
    ran.add(working);
    queue.add(working);
    while (!queue.isEmpty()) {
      Node node = queue.remove();
      touched.add(node);
      if (node == working) {
        node.emit(delta);
      }
      node.runStep(step, memory);
      node.errors().forEach((row, weight) -> out.fail(failure(row), weight));
      if (node.changed()) {
        for (Node consumer : node.consumers()) {
          if (consumer != this && ran.add(consumer)) {
            queue.add(consumer);
          }
        }
      }
    }
    takeDerived();
    ran.forEach(Node::nextIteration);
  }

  private static EvaluationFailure failure(Row row) {
    return new EvaluationFailure(
        String.valueOf(ERRORS.value(row, 0)), String.valueOf(ERRORS.value(row, 1)));
  }

  /// What of an iteration's changes counts, which is all as long as there are few enough rows.
  private ZSet allowed(int iteration, ZSet delta, Output out) {
    if (iteration == 0) {
      return delta;
    }
    long[] more = new long[1];
    delta.forEach((_, weight) -> more[0] = Math.addExact(more[0], weight));
    long before = candidates.count(iteration);
    candidates.count(iteration, more[0]);
    boolean was = limit.allows(iteration, before);
    boolean is = limit.allows(iteration, before + more[0]);
    if (was != is) {
      out.fail(limit.failure(), is ? -1 : 1);
      return is ? candidates.after(iteration) : candidates.before(iteration).negate();
    }
    return is ? delta : ZSet.EMPTY;
  }

  @Override
  boolean commitState() {
    return candidates.state().commit();
  }

  @Override
  void rollbackState() {
    candidates.state().rollback();
  }

  @Override
  boolean settle() {
    return candidates.state().settle();
  }

  @Override
  Arrangement state() {
    return candidates.state();
  }

  @Override
  void restore(Arrangement saved) {
    candidates.restore(saved);
  }

  @Override
  void close() {
    candidates.state().close();
  }

  @Override
  StateSize stateSize() {
    Snapshot contents = candidates.state().snapshot();
    return new StateSize(contents.rows(), contents.bytes());
  }
}
