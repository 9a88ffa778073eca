package io.pgtrickle.engine.refresh;

import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.zset.ZSet;
import io.pgtrickle.engine.analyze.CatalogVersion;
import io.pgtrickle.engine.analyze.QueryDocument;
import io.pgtrickle.engine.analyze.Verdict;
import io.pgtrickle.engine.apply.Applier.Failure;
import io.pgtrickle.engine.apply.StreamTable;
import io.pgtrickle.engine.catalog.Definition;
import io.pgtrickle.engine.schedule.Due;
import io.pgtrickle.engine.schedule.Schedule;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What the refresh thread knows of a stream table that takes part in the stream.
///
/// Between the dataflow and the storage table lies the *carried* output: released by the dataflow,
/// not yet
/// committed in PostgreSQL. It is empty but for the duration of an apply, or while the table is
/// held; what comes while it is held stays in the dataflow, so that it does not grow.
///
/// Used by the refresh thread only.
public final class LiveTable {
  private static final Logger LOG = LoggerFactory.getLogger(LiveTable.class);

  /// Classes of SQLSTATE: lost connections, cardinalities, values of rows, serialization, lack of
  /// room,
  /// locks, shutdowns and cancellations.
  private static final List<String> PASSING =
      List.of("08", "21", "22", "40", "53", "55P03", "55006", "57");

  private static final int PAUSE_PER_DURATION = 10;
  private static final Duration LONGEST_SHARE = Duration.ofMinutes(5);

  private final StreamTable storage;
  private final Verdict verdict;
  private final QueryDocument document;
  private Definition definition;
  private Schedule schedule;
  private boolean populated;
  private boolean gated;

  private ZSet carried = ZSet.EMPTY;
  private Optional<Hold> hold = Optional.empty();
  private Optional<Failure> error = Optional.empty();
  private long refreshId;
  private Instant lastRelease;
  private Duration evaluation = Duration.ZERO;
  private int errorsInRow;
  private boolean suspended;
  private Released released;

  /// Where the stream was when the output was last released: what the contents are as of, once it
  /// is visible.
  ///
  /// The time goes on while the log does not, so that there may be several of one frontier.
  public record Released(Lsn frontier, Instant time) implements Comparable<Released> {
    @Override
    public int compareTo(Released other) {
      int byLog = frontier.compareTo(other.frontier);
      return byLog != 0 ? byLog : time.compareTo(other.time);
    }
  }

  /// A table that could not be written.
  ///
  /// @param retryAt when that is rehearsed again
  /// @param attempts how often it failed in a row
  record Hold(Failure failure, Instant since, Instant retryAt, int attempts, Stage stage) {}

  /// How far a held table is on its way back.
  enum Stage {
    /// It waits for the time of its next rehearsal.
    WAITING,
    /// Writing it is rehearsed.
    REHEARSED,
    /// A rehearsal went well: it is written with the next epoch.
    ADMITTED
  }

  LiveTable(
      Definition definition,
      StreamTable storage,
      Verdict verdict,
      QueryDocument document,
      long refreshId,
      Released released,
      Instant now) {
    this.definition = definition;
    this.storage = storage;
    this.verdict = verdict;
    this.document = document;
    this.schedule = schedule(definition, new Schedule.Manual());
    this.refreshId = refreshId;
    this.released = released;
    this.lastRelease = now;
  }

  long id() {
    return storage.id();
  }

  StreamTable storage() {
    return storage;
  }

  Definition definition() {
    return definition;
  }

  /// The plan that is maintained, empty in FULL mode.
  Optional<Plan> plan() {
    return verdict.differential().map(Verdict.Differential::plan);
  }

  Verdict verdict() {
    return verdict;
  }

  QueryDocument document() {
    return document;
  }

  /// What its contents rest on besides rows; what becomes of partitions is told to the dataflow
  /// as changes of rows, see [io.pgtrickle.engine.intake.RegionRepair].
  Set<CatalogVersion> versions() {
    Set<CatalogVersion> versions = new HashSet<>(document.versions());
    if (!differential()) {
      versions.addAll(document.partitionings());
    }
    return versions;
  }

  Optional<String> reasonCode() {
    return verdict.outcome() instanceof Verdict.Full full
        ? Optional.of(full.reasonCode())
        : Optional.empty();
  }

  Optional<String> reasonDetail() {
    return verdict.outcome() instanceof Verdict.Full full
        ? Optional.of(full.reasonDetail())
        : Optional.empty();
  }

  boolean differential() {
    return verdict.differential().isPresent();
  }

  /// OIDs of the relations its query reads directly.
  Set<Integer> sources() {
    return verdict.sources();
  }

  boolean paused() {
    return definition.paused();
  }

  /// Takes over what may change without building anew: schedule and suspension.
  void redefine(Definition changed) {
    definition = changed;
    schedule = schedule(changed, schedule);
  }

  // The catalog refuses what cannot be read; if it did not, that must stop nobody else.
  private static Schedule schedule(Definition definition, Schedule otherwise) {
    try {
      return Schedule.parse(definition.schedule());
    } catch (IllegalArgumentException unreadable) {
      LOG.error(
          "{} goes on under {}: {}", definition.displayName(), otherwise, unreadable.getMessage());
      return otherwise;
    }
  }

  /// A source of it is being loaded, or no more: as long as one is, the schedule asks for nothing.
  void gate(boolean closed) {
    gated = closed;
  }

  boolean gated() {
    return gated;
  }

  /// Whether the schedule asks for a release now.
  boolean isDue(Instant now) {
    return !gated && Due.isDue(Due.differential(schedule, lastRelease), now);
  }

  boolean followsEveryEpoch() {
    return schedule instanceof Schedule.Calculated;
  }

  /// Whether its output is released whenever there is some, as far as it is up to its definition.
  boolean releasesEveryEpoch() {
    return differential() && followsEveryEpoch() && !paused();
  }

  /// Whether the storage table has held the query's rows at least once.
  boolean populated() {
    return populated;
  }

  void populate() {
    populated = true;
  }

  ZSet carried() {
    return carried;
  }

  void carry(ZSet released) {
    carried = carried.plus(released);
  }

  void carriedIsVisible() {
    carried = ZSet.EMPTY;
    hold = Optional.empty();
  }

  Optional<Hold> hold() {
    return hold;
  }

  /// Notes that it could not be written.
  ///
  /// @param took how long it took to find out, in work for this table alone
  void hold(Failure failure, Instant now, Duration took) {
    int attempts = hold.map(Hold::attempts).orElse(0) + 1;
    // 0.5 s, 1 s, 2 s … 30 s, and no more than a tenth of the server's time.
    Duration pause = Duration.ofMillis(Math.min(30_000, 500L << Math.min(attempts - 1, 6)));
    Duration share = took.multipliedBy(PAUSE_PER_DURATION);
    share = share.compareTo(LONGEST_SHARE) < 0 ? share : LONGEST_SHARE;
    hold =
        Optional.of(
            new Hold(
                failure,
                hold.map(Hold::since).orElse(now),
                now.plus(pause.compareTo(share) < 0 ? share : pause),
                attempts,
                Stage.WAITING));
  }

  /// Whether nothing of it is to be released or written for now.
  boolean waits() {
    return hold.isPresent() && hold.get().stage() != Stage.ADMITTED;
  }

  /// Whether it is time to find out whether it can be written.
  boolean isRehearsalDue(Instant now) {
    return hold.isPresent()
        && hold.get().stage() == Stage.WAITING
        && !now.isBefore(hold.get().retryAt());
  }

  /// Notes how far it is on its way back.
  void stage(Stage stage) {
    hold =
        hold.map(
            held -> new Hold(held.failure(), held.since(), held.retryAt(), held.attempts(), stage));
  }

  /// The evaluation error that keeps the last good contents in place (law 5).
  Optional<Failure> error() {
    return error;
  }

  void error(Optional<Failure> current) {
    error = current;
  }

  /// The number of refreshes so far that changed rows, as `pgt_state` has it.
  long refreshId() {
    return refreshId;
  }

  /// A refresh has changed rows, and is committed.
  void refreshed() {
    refreshId++;
  }

  /// Its query was evaluated as a whole.
  void evaluatedIn(Duration took) {
    evaluation = took;
    errorsInRow = 0;
    suspended = false;
  }

  /// Its query could not be evaluated as a whole.
  ///
  /// What may pass by itself, and rows that fail, which heal when they go away, are tried for ever;
  /// what somebody has to mend is not.
  ///
  /// @param most after how many failures in a row it is suspended
  void evaluationFailed(Failure failure, long most) {
    if (PASSING.stream().noneMatch(failure.sqlState()::startsWith)) {
      errorsInRow++;
      suspended = errorsInRow >= most;
    }
  }

  /// Whether it is not evaluated any more because it failed too often.
  boolean suspended() {
    return suspended;
  }

  /// It is to be tried again.
  void resume() {
    errorsInRow = 0;
    suspended = false;
  }

  /// How often it has failed in a row of what does not pass by itself.
  int errorsInRow() {
    return errorsInRow;
  }

  /// How long the last evaluation of its query as a whole took; nothing where it is maintained
  /// differentially.
  Duration evaluation() {
    return evaluation;
  }

  Instant lastRelease() {
    return lastRelease;
  }

  Released released() {
    return released;
  }

  /// Output was released when the stream was there, before a restart. That was no later than the
  /// last refresh, which the catalog has told.
  void releasedBefore(Released where) {
    released = where;
  }

  /// Output was released at a time when the stream was there.
  void releasedAt(Released where, Instant time) {
    released = where;
    lastRelease = time;
  }
}
