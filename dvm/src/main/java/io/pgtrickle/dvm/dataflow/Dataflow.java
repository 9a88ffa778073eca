package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.TrickleException.AnswersUnavailable;
import io.pgtrickle.dvm.TrickleException.StorageUnavailable;
import io.pgtrickle.dvm.expr.Compiler;
import io.pgtrickle.dvm.plan.rewrite.JoinTree;
import io.pgtrickle.dvm.server.Server;
import io.pgtrickle.dvm.state.Arrangement;
import io.pgtrickle.dvm.state.Capture;
import io.pgtrickle.dvm.state.Saved;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.ZSet;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.LongPredicate;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/// Keeps views up to date: epochs of relations' deltas in, deltas of views out.
///
/// Its life: [#add] views, [#load] the contents of their relations in any number of pieces, then
/// [#step] per epoch. A view that comes later is built in a dataflow of its own, brought to the
/// same frontier and [adopted][#adopt]; so nodes never have to be filled from others.
///
/// It outlives its process by checkpoints: [#save], and [#restore] into an empty one.
///
/// A step runs the nodes that the deltas touch, each once, inputs first; an idle view costs
/// nothing. It is atomic: either it returns, or it throws and nothing has changed.
///
/// Every view computes every epoch. Its output is *released* when the host says it is due and no
/// row of its query fails; until then it consolidates as pending. A released delta goes to the host
/// and, in the same step, into the scans of the view's relation. Errors are data: they freeze the
/// view's output while they last, and retraction heals it.
///
/// Used by one thread. What it keeps beyond the heap is given back by [#close].
public final class Dataflow implements AutoCloseable {
  static final Comparator<Node> TOPOLOGICAL =
      Comparator.<Node>comparingInt(Node::rank).thenComparingInt(Node::number);

  private final Storage storage;
  private final Labels labels;
  private final Expressions expressions;
  private final JoinTree.Choice apart;
  private long memory;
  private final Map<Object, Node> nodes = new HashMap<>();
  private final Map<Long, SinkNode> sinks = new TreeMap<>();
  private final Map<Integer, SinkNode> sinksByRelation = new HashMap<>();
  private final Set<Node> settling = new LinkedHashSet<>();
  private final Set<Node> fresh = new LinkedHashSet<>();
  private final TemporalNodes temporal = new TemporalNodes();
  private final Set<SinkNode> pending = new LinkedHashSet<>();
  private final Map<Long, PointLookup> lookups = new HashMap<>();
  private final PointLookup.Budget lookupBudget = new PointLookup.Budget();
  private Instant time = Instant.MIN;
  private boolean crowded;
  private long step;
  private int numbers;

  /// An empty dataflow whose state lies in some storage, for plans that ask the server nothing.
  public Dataflow(Storage storage) {
    this(storage, Server.none());
  }

  /// An empty dataflow whose state lies in some storage.
  ///
  /// @param server answers what its plans ask; labels are its own
  public Dataflow(Storage storage, Server server) {
    this(storage, new Labels(server, storage));
  }

  /// An empty dataflow whose state lies in some storage.
  ///
  /// @param labels answer what its plans ask; whoever takes over another has the same
  public Dataflow(Storage storage, Labels labels) {
    this(storage, labels, StepMemory.ofHeap());
  }

  /// An empty dataflow whose state lies in some storage.
  ///
  /// @param memory what the outputs of a step may take of the heap, in bytes
  public Dataflow(Storage storage, Labels labels, long memory) {
    this(storage, labels, Compiler::compile, JoinTree.Choice.STORES_LESS, memory);
  }

  /// An empty dataflow with its state on the heap, whose longer merges run on the executor.
  public Dataflow(Executor merges) {
    this(Storage.onHeap(merges));
  }

  Dataflow(Storage storage, Labels labels, Expressions expressions) {
    this(storage, labels, expressions, JoinTree.Choice.STORES_LESS, StepMemory.ofHeap());
  }

  /// One in which the results of joins are kept as is said.
  Dataflow(JoinTree.Choice apart, Storage storage) {
    this(
        storage, new Labels(Server.none(), storage), Compiler::compile, apart, StepMemory.ofHeap());
  }

  private Dataflow(
      Storage storage, Labels labels, Expressions expressions, JoinTree.Choice apart, long memory) {
    this.apart = apart;
    this.memory = memory;
    this.storage = storage;
    this.labels = labels;
    this.expressions = expressions;
  }

  /// What a step may take of the heap, in bytes; what a host collects for one is as much again.
  public static long stepMemory() {
    return StepMemory.ofHeap();
  }

  /// Does something without a limit of what steps may take: what cannot be had in smaller pieces.
  public <T> T withoutLimit(Supplier<T> work) {
    long limit = memory;
    memory = Long.MAX_VALUE;
    try {
      return work.get();
    } finally {
      memory = limit;
    }
  }

  /// Adds a view, before the first rows have come.
  ///
  /// @throws IllegalStateException after the first step: build the view in another dataflow, then
  ///     [#adopt] it
  /// @throws IllegalArgumentException when the id or relation is taken, or views would read each
  ///     other in
  ///     a circle
  public void add(View view) {
    if (step > 0) {
      throw new IllegalStateException(
          "view " + view.name() + " comes after the first step; build it beside and adopt it");
    }
    checkNew(List.of(view));
    add(view, compiler -> new LookupArrangements(view.plan(), compiler).choose());
  }

  // With nodes that the plan alone does not ask for.
  private SinkNode add(View view, Consumer<PlanCompiler> extra) {
    Map<Object, Node> extended = new HashMap<>(nodes);
    PlanCompiler compiler =
        new PlanCompiler(extended, view.settings(), expressions, storage, labels, apart);
    Node root = compiler.compile(view.plan());
    extra.accept(compiler);
    List<Node> used = compiler.used();
    for (Node node : used) {
      if (nodes.putIfAbsent(node.key(), node) == null) {
        link(node);
        if (node.speaksFirst()) {
          fresh.add(node);
        }
      }
      node.views().add(view.id());
    }
    SinkNode sink = new SinkNode(view, root, used, storage);
    install(sink);
    rank();
    return sink;
  }

  /// The weight that a row of a view must have, recomputed from the contents of the view's inputs
  /// (never from deltas), released or not; empty when that would take more than a few look-ups.
  public OptionalLong weight(long view, Row row) {
    View subject = sink(view).view();
    if (!PointLookup.supports(subject.plan())) {
      return OptionalLong.empty();
    }
    return lookups
        .computeIfAbsent(
            view,
            _ ->
                PointLookup.of(
                    subject.plan(),
                    new PlanCompiler(
                        // What looks rows up must not make nodes, which nobody would feed.
                        Collections.unmodifiableMap(nodes),
                        subject.settings(),
                        expressions,
                        storage,
                        labels,
                        apart),
                    nodes,
                    lookupBudget))
        .weight(row, step);
  }

  private void link(Node node) {
    node.number(++numbers);
    temporal.add(node);
    new LinkedHashSet<>(node.inputs()).forEach(input -> input.consumers().add(node));
  }

  private void install(SinkNode sink) {
    link(sink);
    sink.views().add(sink.view().id());
    sinks.put(sink.view().id(), sink);
    sinksByRelation.put(sink.view().relation(), sink);
    if (sink.isPending()) {
      pending.add(sink);
    }
  }

  private void checkNew(List<View> added) {
    NewViews.check(views(), added);
  }

  // Longest distance from the sources, a source of a view's relation coming after that view.
  private void rank() {
    lookups.clear();
    Map<Node, Integer> ranks = new HashMap<>();
    sinks.values().forEach(sink -> rank(sink, ranks));
    nodes.values().forEach(node -> rank(node, ranks));
    ranks.forEach(Node::rank);
  }

  private int rank(Node node, Map<Node, Integer> ranks) {
    Integer known = ranks.get(node);
    if (known != null) {
      return known;
    }
    int rank = 0;
    for (Node input : node.inputs()) {
      rank = Math.max(rank, rank(input, ranks) + 1);
    }
    if (node instanceof SourceNode source) {
      SinkNode producer = sinksByRelation.get(source.scan().relation());
      rank = producer == null ? 0 : rank(producer, ranks) + 1;
    }
    ranks.put(node, rank);
    return rank;
  }

  /// Removes a view and what only it used; unknown ids are ignored.
  public void drop(long viewId) {
    SinkNode sink = sinks.remove(viewId);
    if (sink == null) {
      return;
    }
    sinksByRelation.remove(sink.view().relation());
    forget(sink);
    for (Node node : List.copyOf(nodes.values())) {
      if (node.views().remove(viewId) && node.views().isEmpty()) {
        nodes.remove(node.key());
        forget(node);
      }
    }
    rank();
  }

  private void forget(Node node) {
    node.inputs().forEach(input -> input.consumers().remove(node));
    settling.remove(node);
    fresh.remove(node);
    node.close();
    temporal.remove(node);
    if (node instanceof SinkNode sink) {
      pending.remove(sink);
    }
  }

  /// Feeds rows of relations without releasing anything: the pieces of a first copy, or epochs that
  /// are replayed before the views are live.
  public StepResult load(Map<Integer, ZSet> deltas) {
    return step(deltas, view -> false);
  }

  /// The same at a time.
  public StepResult load(Map<Integer, ZSet> deltas, Instant now) {
    return step(deltas, now, view -> false);
  }

  /// Runs one epoch at the time of the one before.
  public StepResult step(Map<Integer, ZSet> deltas, LongPredicate release) {
    return step(deltas, time, release);
  }

  /// The next time at which rows come in or go out because it is that time; empty when there is
  /// none to come. Before such a time an epoch makes no difference.
  public Optional<Instant> nextChange() {
    return temporal.nextChange();
  }

  /// Runs one epoch.
  ///
  /// @param now the time as of which conditions on the clock are true or not; never goes back
  /// @param deltas by relation, in the schema of its scans; relations that nobody scans are ignored
  /// @param release whether a view's output is due, asked of views that have some and no errors
  /// @throws StepFailed when an operator fails; nothing has changed
  /// @throws AnswersUnavailable when the server cannot be asked; nothing has changed, and the same
  ///     epoch is to be tried again
  /// @throws StorageUnavailable when state cannot be written and too much of it waits for that;
  ///     nothing has changed, and the same epoch is to be tried again
  public StepResult step(Map<Integer, ZSet> deltas, Instant now, LongPredicate release) {
    if (now.isBefore(time)) {
      throw new IllegalArgumentException("the time goes back from " + time + " to " + now);
    }
    for (int relation : deltas.keySet()) {
      if (sinksByRelation.containsKey(relation)) {
        throw new IllegalArgumentException(
            "relation "
                + relation
                + " is the storage of a view here and changes by its releases only");
      }
    }
    settleAll();
    return new Step(now, release).run(deltas);
  }

  private void settleAll() {
    boolean crowds = storage.heapIsCrowded();
    if (crowds && !crowded) {
      // Also those that have been idle since there was room.
      settling.addAll(nodes.values());
      settling.addAll(sinks.values());
    }
    crowded = crowds;
    settling.removeIf(node -> !settle(node));
  }

  private boolean settle(Node node) {
    try {
      return node.settle();
    } catch (StorageUnavailable notNow) {
      throw notNow;
    } catch (RuntimeException | InternalError failure) {
      // Of an operator's state alone, such as a merge that failed: the others go on.
      throw new StepFailed(node.label(), affected(node), failure);
    }
  }

  // One epoch under way: the queue of nodes to run and those that ran.
  private final class Step {
    private final Instant now;
    private final LongPredicate release;
    private final PriorityQueue<Node> queue = new PriorityQueue<>(TOPOLOGICAL);
    private final Set<Node> touched = new LinkedHashSet<>();
    private final Map<Long, ZSet> released = new LinkedHashMap<>();
    private final Map<Long, ViewErrors> errors = new LinkedHashMap<>();
    private final Map<Node, Integer> unread = new HashMap<>();
    private final StepMemory stepMemory = new StepMemory(memory);

    Step(Instant now, LongPredicate release) {
      this.now = now;
      this.release = release;
    }

    StepResult run(Map<Integer, ZSet> deltas) {
      boolean complete = false;
      step++;
      try {
        fresh.forEach(this::schedule);
        pending.forEach(this::schedule);
        temporal.moveTo(now, this::schedule);
        deltas.forEach(this::feed);
        while (!queue.isEmpty()) {
          run(queue.remove());
        }
        complete = true;
        return commit();
      } finally {
        if (!complete) {
          touched.forEach(Node::rollback);
          step--;
        }
      }
    }

    private void schedule(Node node) {
      if (touched.add(node)) {
        queue.add(node);
      }
    }

    private void feed(int relation, ZSet delta) {
      Node source = nodes.get(new SourceNode.Key(relation));
      if (source != null && !delta.isEmpty()) {
        schedule(source);
        source.emit(delta);
      }
    }

    private void run(Node node) {
      try {
        if (node instanceof SinkNode sink) {
          runSink(sink);
        } else {
          if (node instanceof RecursionNode recursion) {
            recursion.within(step, touched, stepMemory);
          }
          node.runStep(step, stepMemory);
          inputsWereRead(node);
        }
      } catch (AnswersUnavailable | StorageUnavailable notNow) {
        throw notNow;
      } catch (StepMemory.Exceeded tooMuch) {
        Set<Long> views = new TreeSet<>();
        stepMemory.largest(node).forEach(large -> views.addAll(affected(large)));
        throw new StepFailed(views, stepMemory.exceeded());
      } catch (RuntimeException | StackOverflowError | InternalError failure) {
        // The last is how a mapped file says that the disk does not give what was written.
        throw new StepFailed(node.label(), affected(node), failure);
      }
      if (!node.errors().isEmpty()) {
        for (long view : node.views()) {
          SinkNode sink = sink(view);
          sink.fails(node.errors());
          schedule(sink);
        }
      }
      if (node.changed()) {
        node.consumers().forEach(this::schedule);
        if (!node.iterates()) {
          unread.put(node, node.consumers().size());
        }
      }
    }

    // A step of many operators keeps no more than those of them need that are still to run.
    private void inputsWereRead(Node node) {
      for (Node input : new LinkedHashSet<>(node.inputs())) {
        Integer readers = unread.computeIfPresent(input, (_, left) -> left - 1);
        if (readers != null && readers == 0) {
          input.wasRead(stepMemory);
        }
      }
    }

    private void runSink(SinkNode sink) {
      sink.run(release::test, stepMemory);
      inputsWereRead(sink);
      long id = sink.view().id();
      ZSet delta = sink.released();
      if (delta != null && !delta.isEmpty()) {
        long bytes = delta.footprint();
        stepMemory.take(bytes);
        stepMemory.keep(sink, bytes, bytes);
        released.put(id, delta);
        feed(sink.view().relation(), delta);
      }
      if (sink.failuresChanged()) {
        errors.put(id, sink.viewErrors());
      }
    }

    private StepResult commit() {
      List<OperatorCount> counts = new ArrayList<>();
      for (Node node : touched) {
        if (!(node instanceof SinkNode)) {
          counts.add(new OperatorCount(node.number(), node.label(), node.rowsIn(), node.rowsOut()));
        }
      }
      for (Node node : touched) {
        if (node.commitState()) {
          settling.add(node);
        }
        node.commit();
        if (node instanceof SinkNode sink) {
          if (sink.isPending()) {
            pending.add(sink);
          } else {
            pending.remove(sink);
          }
        }
      }
      fresh.clear();
      time = now;
      return new StepResult(released, errors, counts);
    }
  }

  private SinkNode sink(long view) {
    SinkNode sink = sinks.get(view);
    if (sink == null) {
      throw new IllegalArgumentException("there is no view " + view);
    }
    return sink;
  }

  // The views a node belongs to, and all that read them.
  private Set<Long> affected(Node node) {
    Set<Long> found = new TreeSet<>(node.views());
    List<Long> open = new ArrayList<>(found);
    while (!open.isEmpty()) {
      Node source = nodes.get(new SourceNode.Key(sink(open.removeLast()).view().relation()));
      if (source != null) {
        for (long reader : source.views()) {
          if (found.add(reader)) {
            open.add(reader);
          }
        }
      }
    }
    return found;
  }

  /// Adds rows to the output that a view has pending, as if its query had yielded them; between
  /// steps. A host that finds rows in the view's table subtracts them, and what is pending then is
  /// what the table differs by.
  public void correct(long view, ZSet rows) {
    SinkNode sink = sink(view);
    if (rows.isEmpty()) {
      return;
    }
    if (settling.contains(sink) && !settle(sink)) {
      settling.remove(sink);
    }
    if (sink.correct(rows)) {
      settling.add(sink);
    }
    pending.add(sink);
  }

  /// The output that a view has pending, under the empty key.
  public Snapshot pendingOutput(long view) {
    return sink(view).state().snapshot();
  }

  /// Forgets the output that a view has pending, because the host has written it.
  public void clearPendingOutput(long view) {
    SinkNode sink = sink(view);
    sink.clearOutput();
    settling.remove(sink);
    pending.remove(sink);
  }

  /// Whether the labels that a view's state has can be used: the server may have been found to sort
  /// otherwise than it did.
  public boolean hasUsableLabels(long view) {
    return labels.areUsable(Labels.inquiries(sink(view).view().plan()));
  }

  /// Begins anew with labels that cannot be used; before the first rows have come, and when no
  /// other dataflow has a view with such labels.
  public void renewLabels() {
    sinks.values().forEach(sink -> labels.renew(Labels.inquiries(sink.view().plan())));
  }

  /// Forgets the labels that depend on a function as it was.
  ///
  /// @param version of the function, as contexts of inquiries have it
  public void forgetLabels(int function, String version) {
    labels.forget(inquiry -> version.equals(inquiry.context().functions().get(function)));
  }

  /// Puts all state, as of the last step, into a checkpoint. The host adds what it has itself, and
  /// has the checkpoint written by another thread.
  public void save(Capture capture) {
    if (!fresh.isEmpty()) {
      // What nodes say before any input is not said again after a restart.
      load(Map.of());
    }
    Map<Long, Set<String>> names = new HashMap<>();
    for (Node node : nodes.values()) {
      Arrangement state = node.state();
      if (state != null) {
        capture.put(SavedView.arrangement(node.stateName()), state);
        node.views()
            .forEach(id -> names.computeIfAbsent(id, _ -> new TreeSet<>()).add(node.stateName()));
      }
    }
    sinks.forEach(
        (id, sink) -> {
          capture.put(SavedView.pending(id), sink.state());
          capture.put(
              SavedView.name(id),
              new SavedView(
                      sink.fingerprint(),
                      names.getOrDefault(id, Set.of()),
                      sink.widths(),
                      sink.failures())
                  .encode());
        });
    labels.save(capture);
  }

  /// Works out what everything is called in a checkpoint, once: that takes longer than epochs
  /// should
  /// wait for one.
  public void nameState() {
    nodes.values().stream().filter(node -> node.state() != null).forEach(Node::stateName);
    sinks
        .values()
        .forEach(
            sink -> {
              sink.fingerprint();
              sink.widths();
            });
  }

  /// Adds views with the state they had when a checkpoint was made; in an empty dataflow.
  ///
  /// A view comes back if its definition is the one that was saved, its state is there and whole as
  /// far as can be told without reading all of it, and every view that it reads comes back too.
  public Restored restore(Saved saved, List<View> views) {
    if (step > 0 || !sinks.isEmpty()) {
      throw new IllegalStateException("views are restored into an empty dataflow");
    }
    checkNew(views);
    Restoration restoration = new Restoration(saved, storage, labels, views);
    Set<Long> restored = new TreeSet<>();
    try {
      for (View view : views) {
        if (restoration.accepts(view)) {
          restore(view, restoration);
          restored.add(view.id());
        }
      }
    } finally {
      restoration.close();
    }
    fresh.clear();
    step = 1;
    return new Restored(restored, restoration.refused());
  }

  private void restore(View view, Restoration restoration) {
    Set<Node> before = new HashSet<>(nodes.values());
    SavedView entry = restoration.entry(view);
    SinkNode sink =
        add(view, compiler -> new LookupArrangements(view.plan(), compiler).choose(entry.nodes()));
    for (Node node : sink.nodes()) {
      if (!before.contains(node)) {
        node.spoken();
        if (node.state() != null) {
          node.restore(restoration.take(SavedView.arrangement(node.stateName())));
        }
      }
    }
    sink.restore(restoration.take(SavedView.pending(view.id())));
    sink.restoreFailures(entry.failures());
    if (sink.isPending()) {
      pending.add(sink);
    }
  }

  /// Takes over the views of a dataflow that was built beside this one and is at the same frontier.
  ///
  /// A node that exists here is kept and stands for its equal there: they have seen the same
  /// changes, so their state is the same. The other dataflow is empty afterwards. Pending output
  /// and errors move along.
  ///
  /// @throws IllegalArgumentException when an id or relation is taken, or views would read each
  ///     other in
  ///     a circle; nothing has changed then
  public void adopt(Dataflow other) {
    checkNew(other.views());
    other.nodes.forEach(
        (key, node) -> {
          Node mine = nodes.get(key);
          if (mine != null && !mine.schema().hasTypesOf(node.schema())) {
            throw new IllegalArgumentException(
                node.label() + " has another schema here: " + mine.schema());
          }
        });
    // Constants and empty groups have spoken on both sides before the sides are mixed.
    Instant now = time.isBefore(other.time) ? other.time : time;
    load(Map.of(), now);
    other.load(Map.of(), now);
    List<Node> theirs = new ArrayList<>(other.nodes.values());
    theirs.sort(TOPOLOGICAL);
    UnaryOperator<Node> here = node -> nodes.getOrDefault(node.key(), node);
    for (Node node : theirs) {
      Node mine = nodes.get(node.key());
      if (mine == null) {
        node.consumers().clear();
        node.rewire(here);
        nodes.put(node.key(), node);
        link(node);
        if (other.settling.contains(node)) {
          settling.add(node);
        }
      } else {
        mine.views().addAll(node.views());
        node.close();
      }
    }
    for (SinkNode sink : other.sinks.values()) {
      install(sink.in(sink.nodes().stream().map(here).toList(), here.apply(sink.input(0))));
    }
    rank();
    step = Math.max(step, 1);
    other.clear();
  }

  private void clear() {
    nodes.clear();
    sinks.clear();
    sinksByRelation.clear();
    settling.clear();
    fresh.clear();
    temporal.clear();
    pending.clear();
  }

  /// Gives all state up; the dataflow is empty afterwards.
  @Override
  public void close() {
    nodes.values().forEach(Node::close);
    sinks.values().forEach(Node::close);
    clear();
  }

  /// The rows a view's query fails on at present.
  public ViewErrors errors(long view) {
    return sink(view).viewErrors();
  }

  /// How many changed rows of a view wait for its release, before the last of them are
  /// consolidated.
  public long pendingRows(long view) {
    return sink(view).pendingEntries();
  }

  /// The views with output that waits for its release.
  public List<Long> pendingViews() {
    return pending.stream().map(sink -> sink.view().id()).toList();
  }

  /// The operators a view is made of, with their state and what they did in the last step.
  ///
  /// @param sources what the host keeps of relations
  public String explain(long view, ExplainFormat format, Map<Integer, SourceState> sources) {
    Explain explain = new Explain(sink(view), step, id -> sink(id).view().name(), sources);
    return switch (format) {
      case TEXT -> explain.text();
      case JSON -> explain.json();
      case DOT -> explain.dot();
    };
  }

  /// The bytes of all state; cheaper than [#stats].
  public long stateBytes() {
    long bytes = 0;
    for (SinkNode sink : sinks.values()) {
      bytes += sink.stateSize().bytes();
    }
    for (Node node : nodes.values()) {
      bytes += node.stateSize().bytes();
    }
    return bytes;
  }

  /// How much state there is, in all and per view.
  public DataflowStats stats() {
    StateSize total = StateSize.NONE;
    Map<Long, StateSize> perView = new TreeMap<>();
    sinks.forEach((id, sink) -> perView.put(id, sink.stateSize()));
    for (StateSize size : perView.values()) {
      total = total.plus(size);
    }
    for (Node node : nodes.values()) {
      StateSize size = node.stateSize();
      total = total.plus(size);
      node.views().forEach(view -> perView.merge(view, size, StateSize::plus));
    }
    return new DataflowStats(total, nodes.size(), perView);
  }

  /// The views, by id.
  public List<View> views() {
    return sinks.values().stream().map(SinkNode::view).toList();
  }
}
