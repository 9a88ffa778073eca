package io.pgtrickle.engine;

import io.pgtrickle.engine.apply.Applier.Failure;
import io.pgtrickle.engine.backfill.DefinitionWatch;
import io.pgtrickle.engine.backfill.InitializationQueue;
import io.pgtrickle.engine.backfill.Rehearsals;
import io.pgtrickle.engine.catalog.Definition;
import io.pgtrickle.engine.catalog.Request;
import io.pgtrickle.engine.catalog.Setting;
import io.pgtrickle.engine.catalog.Settings;
import io.pgtrickle.engine.refresh.Evaluations;
import io.pgtrickle.engine.refresh.LiveTable;
import io.pgtrickle.engine.refresh.RefreshListener;
import io.pgtrickle.engine.refresh.Rehearsal;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Passes on what the refresh thread notices to the threads that deal with it. Nothing here waits.
final class Switchboard implements RefreshListener {
  private record Lines(
      Responder responder,
      Evaluations evaluations,
      Rehearsals rehearsals,
      InitializationQueue queue,
      Housekeeping housekeeping,
      StatusRecorder status,
      OperationLog operations,
      int definitionsRelation) {}

  private final DefinitionWatch definitions;
  private final AtomicReference<Settings> settings;
  private volatile @Nullable Lines lines;

  Switchboard(DefinitionWatch definitions, Settings settings) {
    this.definitions = definitions;
    this.settings = new AtomicReference<>(settings);
  }

  /// Connects the lines; before the refresh loop runs.
  void connect(
      Responder responder,
      Evaluations evaluations,
      Rehearsals rehearsals,
      InitializationQueue queue,
      Housekeeping housekeeping,
      StatusRecorder status,
      OperationLog operations,
      int definitionsRelation) {
    lines =
        new Lines(
            responder,
            evaluations,
            rehearsals,
            queue,
            housekeeping,
            status,
            operations,
            definitionsRelation);
  }

  void settings(Settings current) {
    settings.set(current);
  }

  @Override
  public void relationsTouched(Set<Integer> relations, List<Integer> transactions) {
    Lines to = lines();
    if (relations.contains(to.definitionsRelation)) {
      to.housekeeping.definitionsChanged(transactions);
    }
  }

  @Override
  public void definitionsWanted() {
    lines().housekeeping.definitionsWanted();
  }

  @Override
  public boolean definitionsKnown() {
    return lines().housekeeping.isUpToDate();
  }

  @Override
  public void request(Request request) {
    lines().responder.take(request);
  }

  @Override
  public void evaluate(LiveTable table) {
    lines().evaluations.start(table);
  }

  @Override
  public void rehearse(Rehearsal rehearsal) {
    lines().rehearsals.start(rehearsal);
  }

  @Override
  public void initialize(long table) {
    if (definitions.definition(table).map(definition -> !definition.initialize()).orElse(false)) {
      lines().queue.request(table);
    }
  }

  @Override
  public void live(long table) {
    Lines to = lines();
    to.operations.live(table);
    to.queue.someoneIsLive();
  }

  @Override
  public void rebuild(Collection<Long> tables) {
    lines().queue.request(tables);
  }

  @Override
  public boolean isDefined(long table) {
    return definitions.isDefined(table);
  }

  @Override
  public Optional<Set<Long>> expected() {
    Lines to = lines();
    return to.housekeeping.isUpToDate()
        ? Optional.of(
            definitions.all().stream()
                .filter(each -> each.initialize() || to.queue.isRequested(each.pgtId()))
                .filter(each -> !each.paused())
                .map(Definition::pgtId)
                .collect(Collectors.toSet()))
        : Optional.empty();
  }

  @Override
  public Optional<Failure> failure(long table) {
    Lines to = lines();
    // One of before a change that is not known yet would be an answer of yesterday.
    return to.housekeeping.isUpToDate()
        ? to.status.problem(table).flatMap(problem -> named(table, problem))
        : Optional.empty();
  }

  private Optional<Failure> named(long table, Failure problem) {
    return definitions
        .definition(table)
        .map(
            definition ->
                new Failure(
                    problem.sqlState(),
                    "stream table %s is in error: %s"
                        .formatted(definition.displayName(), problem.message()),
                    problem.damaged()));
  }

  @Override
  public boolean refreshingEnabled() {
    return settings.get().on(Setting.ENABLED);
  }

  @Override
  public long mostErrors() {
    return settings.get().number(Setting.MAX_CONSECUTIVE_ERRORS);
  }

  /// Whether every refresh evaluates the whole query.
  boolean forcesFull() {
    return settings.get().on(Setting.FORCE_FULL_REFRESH);
  }

  private Lines lines() {
    Lines connected = lines;
    if (connected == null) {
      throw new IllegalStateException("the refresh loop runs before its listeners are connected");
    }
    return connected;
  }
}
