package io.pgtrickle.engine;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.slot.Blocker;
import io.pgtrickle.cdc.slot.LockPolicy;
import io.pgtrickle.cdc.slot.Publications;
import io.pgtrickle.cdc.slot.ServerIdentity;
import io.pgtrickle.cdc.slot.SlotState;
import io.pgtrickle.cdc.slot.Slots;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.dvm.state.StateDirectory;
import io.pgtrickle.engine.backfill.Recovery;
import io.pgtrickle.engine.catalog.CaptureEvents.Kind;
import io.pgtrickle.engine.catalog.CaptureEvents.Severity;
import io.pgtrickle.engine.catalog.Definition;
import io.pgtrickle.engine.catalog.Installer;
import io.pgtrickle.engine.catalog.Lease;
import io.pgtrickle.engine.catalog.Progress;
import io.pgtrickle.engine.catalog.Settings;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The slot a tenure reads, and from where.
///
/// Reading goes on from a checkpoint if there is one. The old slot is used again if everything says
/// that the log continues from it: the slot is there, in this database,
/// and not lost, the cluster is the same, its history contains what was read, the
/// publication was not tampered with, and no tenure before has found it of no use. A standby that
/// was promoted with the slot is such a cluster.
/// Otherwise a new one is made, under a new name, and everything
/// is initialized again.
///
/// @param slot the slot's name
/// @param start where reading starts
/// @param progress as it was found
/// @param recovery the checkpoint that reading starts from, if there is one that can be used
record StartingPoint(String slot, Lsn start, Progress progress, Optional<Recovery> recovery) {
  static final String PUBLICATION = Installer.PUBLICATION;
  private static final Logger LOG = LoggerFactory.getLogger(StartingPoint.class);
  private static final Duration PATIENCE = Duration.ofMinutes(5);
  private static final Duration REPORT_EVERY = Duration.ofSeconds(5);
  private static final Duration READER_PATIENCE = Duration.ofSeconds(10);

  /// Which cluster it is, and how far its log reaches.
  static ServerIdentity identity(SourceDatabase database) throws SQLException {
    try (Connection replication = database.connectForReplication("pgtrickle identity")) {
      return ServerIdentity.of(replication);
    }
  }

  /// Finds or makes it.
  ///
  /// @param control holds the lease; nobody else makes or drops slots of ours
  static StartingPoint find(
      SourceDatabase database,
      Connection control,
      Lease lease,
      CaptureLog log,
      ServerIdentity server,
      StateDirectory directory,
      Lessons lessons)
      throws SQLException {
    Slots.requireLogicalDecoding(control);
    List<String> tampered = publication(control);
    Progress progress = Progress.read(control);
    String slot = progress.slotName();
    dropOrphans(control, slot);
    // A copy of a database, or a dump of it that was restored beside it, names the slot of the
    // original, which is none of ours here.
    Optional<SlotState> state = slot == null ? Optional.empty() : Slots.inspect(control, slot);
    Branches branches = Branches.of(database, server);
    Optional<String> obstacle = obstacle(progress, state, server, branches, tampered);
    if (slot != null && obstacle.isEmpty()) {
      obstacle = lessons.objection(slot);
    }
    if (obstacle.isEmpty()) {
      obstacle = excess(state.flatMap(SlotState::restartLsn), server, Settings.read(control));
    }
    if (slot != null && obstacle.isEmpty()) {
      if (!Slots.terminateReader(control, slot, READER_PATIENCE)) {
        throw new SourceUnavailable(
            "55006", "replication slot \"" + slot + "\" is still being read", null);
      }
      // Without a checkpoint all state is rebuilt from snapshots that are taken later, so reading
      // may start at the log's end.
      Optional<SlotState> unread = Slots.inspect(control, slot);
      Optional<Recovery> recovery =
          unread.flatMap(
              one ->
                  Recovery.find(directory, server, branches::end, progress, one, Build.version()));
      // Who read it until now may have confirmed more since the server was asked where it is.
      Lsn reached = latest(server.flushed(), unread.flatMap(SlotState::confirmedFlush));
      Lsn start = recovery.map(Recovery::position).orElse(reached);
      if (!Integer.valueOf(server.timeline()).equals(progress.timeline())) {
        log.note(
            Kind.SERVER_PROMOTED,
            Severity.INFO,
            "",
            "the server was promoted: the log goes on from timeline %s on timeline %d, and slot \"%s\" with it"
                .formatted(progress.timeline(), server.timeline(), slot));
        if (!Progress.promoted(control, server.timeline(), lease.token())) {
          throw otherHolder();
        }
      }
      LOG.info("following the log by slot {} from {}", slot, start);
      return new StartingPoint(slot, start, progress, recovery);
    }
    if (slot != null) {
      log.note(
          Kind.SLOT_LOST,
          Severity.ERROR,
          "55000",
          "the log cannot be followed on by slot \"%s\": %s. A new slot is made and every stream table is initialized again"
              .formatted(slot, obstacle.orElse("")));
      if (state.isPresent()) {
        Slots.terminateReader(control, slot, READER_PATIENCE);
        Slots.drop(control, slot);
      }
    }
    return startOver(database, control, lease, log, server, progress);
  }

  private static Lsn latest(Lsn one, Optional<Lsn> other) {
    return other.filter(position -> position.isAfter(one)).orElse(one);
  }

  private static StartingPoint startOver(
      SourceDatabase database,
      Connection control,
      Lease lease,
      CaptureLog log,
      ServerIdentity server,
      Progress progress)
      throws SQLException {
    Definition.stampRestored(control);
    Slots.Created made = Slots.create(database, PATIENCE, REPORT_EVERY, new SlotWait(log, control));
    boolean ours = false;
    try {
      ours =
          Progress.startOver(
              control,
              server.systemId(),
              server.timeline(),
              made.name(),
              made.name().substring(Slots.PREFIX.length()),
              PUBLICATION,
              lease.token());
    } finally {
      if (!ours) {
        giveUp(database, made.name());
      }
    }
    if (!ours) {
      throw otherHolder();
    }
    LOG.info("following the log by new slot {} from {}", made.name(), made.consistentPoint());
    return new StartingPoint(made.name(), made.consistentPoint(), progress, Optional.empty());
  }

  /// Says whom a new slot waits for, once for the same ones; also where `health_check()` shows it.
  private static final class SlotWait implements Consumer<List<Blocker>> {
    private final CaptureLog log;
    private final Connection control;
    private List<Integer> told = List.of();

    SlotWait(CaptureLog log, Connection control) {
      this.log = log;
      this.control = control;
    }

    @Override
    public void accept(List<Blocker> blockers) {
      List<Integer> processes = blockers.stream().map(Blocker::pid).toList();
      if (!processes.equals(told)) {
        told = processes;
        log.note(
            Kind.SLOT_WAITS,
            Severity.WARNING,
            "",
            "a new slot waits for open write transactions: " + blockers);
        try {
          log.write(control);
        } catch (SQLException e) {
          LOG.debug("it is written down later: {}", e.getMessage());
        }
      }
    }
  }

  // The lease went, and perhaps its session, while the slot was made. Whoever has it now does not
  // know of this slot, which would keep the log until the next start.
  private static void giveUp(SourceDatabase database, String slot) {
    try (Connection session = database.connect("pgtrickle slot removal")) {
      Slots.drop(session, slot);
    } catch (SQLException | CaptureException e) {
      LOG.warn("slot {} stays until the next start: {}", slot, e.getMessage());
    }
  }

  private static SourceUnavailable otherHolder() {
    return new SourceUnavailable("55000", "another sidecar has taken the lease", null);
  }

  /// Makes sure of the publication, and says what was wrong with it.
  private static List<String> publication(Connection control) {
    List<String> tampered =
        Publications.create(control, PUBLICATION)
            ? List.of("the publication did not exist")
            : Publications.mend(control, PUBLICATION, LockPolicy.POLITE);
    Publications.add(control, PUBLICATION, List.of(Definition.TABLE), LockPolicy.POLITE);
    return tampered;
  }

  /// Why the log does not continue by the stored slot; empty if it does.
  private static Optional<String> obstacle(
      Progress stored,
      Optional<SlotState> slot,
      ServerIdentity server,
      Branches branches,
      List<String> tampered) {
    if (slot.isEmpty()) {
      return Optional.of("it is gone");
    }
    if (slot.get().isLost()) {
      return Optional.of(
          "the server has invalidated it ("
              + slot.get().invalidationReason().orElse("wal_removed")
              + ")");
    }
    if (!server.systemId().equals(stored.systemIdentifier())) {
      return Optional.of("this is another cluster");
    }
    @Nullable Lsn frontier = stored.frontier();
    @Nullable Integer timeline = stored.timeline();
    if (timeline == null || !branches.contain(timeline, frontier == null ? Lsn.ZERO : frontier)) {
      return Optional.of(
          "the server was promoted or restored, and its timeline %d does not continue timeline %s at %s"
              .formatted(server.timeline(), timeline, frontier));
    }
    if (frontier != null && frontier.isAfter(server.flushed())) {
      return Optional.of(
          "the server's log ends at " + server.flushed() + ", before what was read already");
    }
    return tampered.isEmpty()
        ? Optional.empty()
        : Optional.of("publication \"" + PUBLICATION + "\": " + String.join(", ", tampered));
  }

  // Setting max_slot_lag: rather read everything again than fill the user's disk.
  private static Optional<String> excess(
      Optional<Lsn> kept, ServerIdentity server, Settings settings) {
    return kept.map(from -> server.flushed().value() - from.value())
        .filter(bytes -> SlotLag.isTooMuch(bytes, settings))
        .map(bytes -> "it keeps back %d MB of log, more than max_slot_lag".formatted(bytes >> 20));
  }

  /// Drops slots of ours that nobody knows of: one that was made when its maker died, or gave up,
  /// before it was written down would keep the log for ever.
  ///
  /// @param control holds the lease
  /// @param current the slot in use
  static void dropOrphans(Connection control, @Nullable String current) {
    for (String orphan : Slots.names(control)) {
      if (!orphan.equals(current)) {
        try {
          Slots.drop(control, orphan);
          LOG.info("dropped slot {}, which nobody uses", orphan);
        } catch (CaptureException e) {
          LOG.debug("slot {} is in use: {}", orphan, e.getMessage());
        }
      }
    }
  }
}
