package io.pgtrickle.engine.backfill;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.TableName;
import io.pgtrickle.cdc.slot.Blocker;
import io.pgtrickle.cdc.slot.LockPolicy;
import io.pgtrickle.dvm.TrickleException;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.dvm.TrickleException.StorageUnavailable;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.engine.catalog.Definition;
import io.pgtrickle.engine.intake.Attachment;
import io.pgtrickle.engine.intake.SourceTable;
import io.pgtrickle.engine.refresh.BoundaryTask;
import io.pgtrickle.engine.refresh.RefreshLoop;
import io.pgtrickle.engine.refresh.Sources;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Attaches the base tables that nobody reads yet, and those of which columns are read for the
/// first time: publishes them, copies them at the consistent point of an exported snapshot, and
/// completes the copies with the changes retained meanwhile. What is followed already with fewer
/// columns is followed on until the copy takes its place.
final class Attacher {
  private static final Logger LOG = LoggerFactory.getLogger(Attacher.class);
  // While others wait.
  private static final LockPolicy BRIEF =
      new LockPolicy(Duration.ofMillis(500), 2, Duration.ofMillis(500));

  private final SourceDatabase database;
  private final PublicationWatch watch;
  private final RefreshLoop loop;
  private final Initializer.Progress progress;
  private final DefinitionWatch definitions;
  private final Storage storage;

  Attacher(
      SourceDatabase database,
      PublicationWatch watch,
      RefreshLoop loop,
      Initializer.Progress progress,
      DefinitionWatch definitions,
      Storage storage) {
    this.database = database;
    this.watch = watch;
    this.loop = loop;
    this.progress = progress;
    this.definitions = definitions;
    this.storage = storage;
  }

  /// Attaches what a batch reads and nobody has attached; definitions for which that cannot be done
  /// are taken out of the batch and reported.
  ///
  /// @param putOff is told who has to wait for a lock for which the others need not: not tried, and
  ///     taken out of the batch
  /// @return those among the others for which it may be done later
  List<Definition> attach(
      Connection control, Map<Long, Preparation> batch, Consumer<Definition> putOff)
      throws SQLException, InterruptedException {
    // Of all of them, also where they are looked at one by one: a copy for one must not lack what
    // another reads.
    Map<Integer, Set<String>> columns = Preparation.columnsRead(batch.values());
    boolean alone = batch.size() == 1;
    try {
      return attachTogether(control, batch, columns, alone ? LockPolicy.POLITE : BRIEF);
    } catch (CaptureException e) {
      requireOfOneSource(e);
      if (batch.isEmpty()) {
        // What there was has been reported.
        return List.of();
      }
      if (alone) {
        return refuse(batch, batch.values().iterator().next(), e);
      }
    }
    Map<Integer, CaptureException> refused = refused(control, batch.values(), columns);
    List<Refusal> readers = takeReaders(batch, refused);
    // What others hold up is waited for when nobody else has to wait for that.
    return batch.isEmpty()
        ? attachPatiently(control, batch, columns, readers)
        : attachWithout(control, batch, columns, readers, putOff);
  }

  /// A source of a reader cannot be attached.
  private record Refusal(Preparation reader, CaptureException why) {}

  private static List<Refusal> takeReaders(
      Map<Long, Preparation> batch, Map<Integer, CaptureException> refused) {
    List<Refusal> readers = new ArrayList<>();
    for (Preparation one : batch.values()) {
      sources(one).stream()
          .map(refused::get)
          .filter(Objects::nonNull)
          .findFirst()
          .ifPresent(why -> readers.add(new Refusal(one, why)));
    }
    readers.forEach(each -> batch.remove(each.reader.id()));
    return readers;
  }

  /// What a definition reads.
  static Set<Integer> sources(Preparation one) {
    Set<Integer> relations = new LinkedHashSet<>();
    one.scans().forEach(scan -> relations.add(scan.relation()));
    if (one.plan().isEmpty()) {
      relations.addAll(one.verdict().sources());
    }
    return relations;
  }

  // Asks for each source by itself, so that it is known whose fault it is, at the price of that one
  // alone, however many read it.
  private Map<Integer, CaptureException> refused(
      Connection control, Collection<Preparation> batch, Map<Integer, Set<String>> columns)
      throws SQLException, InterruptedException {
    Map<Integer, List<Preparation>> readers = new LinkedHashMap<>();
    for (Preparation one : batch) {
      sources(one)
          .forEach(relation -> readers.computeIfAbsent(relation, _ -> new ArrayList<>()).add(one));
    }
    Map<Integer, CaptureException> refused = new LinkedHashMap<>();
    for (Map.Entry<Integer, List<Preparation>> each : readers.entrySet()) {
      try {
        publish(control, each.getKey(), each.getValue(), columns);
      } catch (CaptureException e) {
        requireOfOneSource(e);
        refused.put(each.getKey(), e);
      } catch (TrickleException e) {
        // Whoever reads it is told when it is attached.
        LOG.debug("relation {} cannot be attached", each.getKey(), e);
      }
    }
    return refused;
  }

  private void publish(
      Connection control,
      int relation,
      List<Preparation> readers,
      Map<Integer, Set<String>> columns)
      throws SQLException, InterruptedException {
    if (definitions.isStreamTable(relation)) {
      return;
    }
    LockPolicy policy = BRIEF.telling(blockers -> blocked(readers, blockers));
    SourceTables tables = new SourceTables(control, watch.publication(), storage, policy);
    Set<String> needed = columns.getOrDefault(relation, Set.of());
    for (Preparation one : readers) {
      for (Plan.Scan scan : one.scans()) {
        if (scan.relation() == relation) {
          Optional<Set<String>> lacking = boundary(() -> lacking(scan, needed));
          if (lacking.isPresent()) {
            tables.publish(List.of(tables.source(scan, lacking.get()).table()));
          }
          return;
        }
      }
    }
    tables.publish(tables.watchable(Set.of(relation)));
  }

  // The others first; who reads what is locked comes in the next batch, alone.
  private List<Definition> attachWithout(
      Connection control,
      Map<Long, Preparation> batch,
      Map<Integer, Set<String>> columns,
      List<Refusal> readers,
      Consumer<Definition> putOff)
      throws SQLException, InterruptedException {
    List<Definition> again = new ArrayList<>();
    for (Refusal each : readers) {
      if (isLocked(each.why)) {
        LOG.info(
            "{} is initialized after others: {}",
            each.reader.definition().displayName(),
            each.why.getMessage());
        putOff.accept(each.reader.definition());
      } else {
        again.addAll(refuse(batch, each.reader, each.why));
      }
    }
    again.addAll(attachRest(control, batch, columns));
    return again;
  }

  private List<Definition> attachRest(
      Connection control, Map<Long, Preparation> batch, Map<Integer, Set<String>> columns)
      throws SQLException, InterruptedException {
    try {
      return attachTogether(control, batch, columns, BRIEF);
    } catch (CaptureException e) {
      requireOfOneSource(e);
      return attachEach(control, batch, columns);
    }
  }

  private List<Definition> attachPatiently(
      Connection control,
      Map<Long, Preparation> batch,
      Map<Integer, Set<String>> columns,
      List<Refusal> readers)
      throws SQLException, InterruptedException {
    List<Definition> again = new ArrayList<>();
    for (Refusal each : readers) {
      if (isLocked(each.why)) {
        batch.put(each.reader.id(), each.reader);
      } else {
        again.addAll(refuse(batch, each.reader, each.why));
      }
    }
    if (!batch.isEmpty()) {
      try {
        again.addAll(attachTogether(control, batch, columns, LockPolicy.POLITE));
      } catch (CaptureException e) {
        requireOfOneSource(e);
        again.addAll(attachUnlessRefused(control, batch, columns, e));
      }
    }
    return again;
  }

  // Some may not have been locked any more, or be read by others only.
  private List<Definition> attachUnlessRefused(
      Connection control,
      Map<Long, Preparation> batch,
      Map<Integer, Set<String>> columns,
      CaptureException together)
      throws SQLException, InterruptedException {
    List<Refusal> readers = takeReaders(batch, refused(control, batch.values(), columns));
    if (readers.isEmpty()) {
      batch.values().forEach(one -> readers.add(new Refusal(one, together)));
    }
    List<Definition> again = new ArrayList<>();
    for (Refusal each : readers) {
      again.addAll(refuse(batch, each.reader, each.why));
    }
    if (!batch.isEmpty()) {
      again.addAll(attachRest(control, batch, columns));
    }
    return again;
  }

  // What is wrong shows only with what one reads together.
  private List<Definition> attachEach(
      Connection control, Map<Long, Preparation> batch, Map<Integer, Set<String>> columns)
      throws SQLException, InterruptedException {
    List<Definition> again = new ArrayList<>();
    for (Preparation one : List.copyOf(batch.values())) {
      Map<Long, Preparation> alone = new LinkedHashMap<>();
      alone.put(one.id(), one);
      try {
        again.addAll(attachTogether(control, alone, columns, BRIEF));
        if (alone.isEmpty()) {
          batch.remove(one.id());
        }
      } catch (CaptureException refused) {
        requireOfOneSource(refused);
        if (alone.isEmpty()) {
          batch.remove(one.id());
        } else {
          again.addAll(refuse(batch, one, refused));
        }
      }
    }
    return again;
  }

  // Reports it, and returns it if it may be done later.
  private List<Definition> refuse(
      Map<Long, Preparation> batch, Preparation one, CaptureException why) {
    batch.remove(one.id());
    TrickleException problem = ServerRefusal.ofSource(one.definition(), why);
    if (isOfOneSource(why)) {
      progress.postponed(one.definition(), problem);
      return List.of(one.definition());
    }
    progress.failed(one.definition(), problem);
    return List.of();
  }

  private static void requireOfOneSource(CaptureException refusal) {
    if (refusal instanceof CaptureException.Retry && !isOfOneSource(refusal)) {
      throw refusal;
    }
  }

  // Slots, walsenders, connections, room, or a lock that somebody has: people want to know, and it
  // may pass by itself. The others go on meanwhile.
  private static boolean isOfOneSource(CaptureException refusal) {
    return refusal.sqlState().startsWith("53") || isLocked(refusal);
  }

  private static boolean isLocked(CaptureException refusal) {
    return refusal.sqlState().equals(ServerRefusal.LOCK_NOT_AVAILABLE);
  }

  private List<Definition> attachTogether(
      Connection control,
      Map<Long, Preparation> batch,
      Map<Integer, Set<String>> columns,
      LockPolicy patience)
      throws SQLException, InterruptedException {
    Map<Integer, SourceCopy.Source> missing = new LinkedHashMap<>();
    List<TableName> watched = new ArrayList<>();
    Set<Integer> read = new HashSet<>();
    LockPolicy policy = patience.telling(blockers -> blocked(batch.values(), blockers));
    SourceTables tables = new SourceTables(control, watch.publication(), storage, policy);
    for (Preparation one : List.copyOf(batch.values())) {
      try {
        for (Plan.Scan scan : one.scans()) {
          int relation = scan.relation();
          if (definitions.isStreamTable(relation) || missing.containsKey(relation)) {
            continue;
          }
          Set<String> needed = columns.getOrDefault(relation, Set.of());
          Optional<Set<String>> lacking = boundary(() -> lacking(scan, needed));
          if (lacking.isPresent()) {
            missing.put(relation, tables.source(scan, lacking.get()));
          }
        }
        if (one.plan().isEmpty()) {
          watched.addAll(tables.watchable(one.verdict().sources()));
          read.addAll(one.verdict().sources());
        }
      } catch (TrickleException e) {
        if (isLate(e)) {
          throw e;
        }
        batch.remove(one.id());
        progress.failed(one.definition(), e);
      }
    }
    // Nor what was to be copied for those that are out.
    Set<Integer> wanted = new HashSet<>();
    batch.values().forEach(one -> wanted.addAll(sources(one)));
    missing.keySet().retainAll(wanted);
    tables.publish(watched);
    read.addAll(missing.keySet());
    tables.renew(read);
    return missing.isEmpty()
        ? List.of()
        : withoutReaders(batch, copied(control, tables, missing, batch.values(), policy));
  }

  // The refresh thread did not come to it in time, or has too much to do: nothing is wrong with the
  // stream table, and all are tried again.
  private static boolean isLate(TrickleException problem) {
    return problem instanceof SourceUnavailable
        && (problem.sqlState().equals("57014") || problem.sqlState().equals("53400"));
  }

  // The columns with which a base table is to be copied; empty if it is followed with those that
  // are needed.
  private Optional<Set<String>> lacking(Plan.Scan scan, Set<String> needed) {
    Sources sources = loop.sources();
    if (sources.isFollowed(scan, needed)) {
      return Optional.empty();
    }
    // Those that others read, too: they read the copy from then on. And those that somebody has
    // asked for before: whoever it was may be about to ask again.
    Set<String> columns = sources.columnsRead(scan.relation());
    columns.addAll(needed);
    sources.requireShape(scan);
    sources.table(scan.relation()).ifPresent(table -> columns.addAll(table.columns().names()));
    return Optional.of(columns);
  }

  // What is wrong with the copies that failed by themselves, by relation.
  private Map<Integer, TrickleException> copied(
      Connection control,
      SourceTables tables,
      Map<Integer, SourceCopy.Source> missing,
      Collection<Preparation> batch,
      LockPolicy policy)
      throws SQLException, InterruptedException {
    List<SourceCopy.Source> sources = List.copyOf(missing.values());
    Map<Integer, TrickleException> failures = new ConcurrentHashMap<>();
    try {
      Set<Integer> followed =
          boundary(
              () -> {
                sources.forEach(source -> loop.intake().retain(source.attachment()));
                return loop.intake().relations();
              });
      Lsn consistentPoint =
          new SourceCopy(database, watch, policy, new Told(batch)).run(control, sources, followed);
      tables.barrier();
      new Boundary(loop)
          .awaitWhileThereIsRoom(
              loop.whenBeyond(
                  consistentPoint,
                  () ->
                      sources.forEach(
                          source -> complete(source.attachment(), consistentPoint, failures))));
    } catch (StorageUnavailable noRoom) {
      release(sources);
      sources.forEach(source -> failures.put(source.attachment().table().relation(), noRoom));
    } catch (RuntimeException | SQLException | InterruptedException e) {
      release(sources);
      throw e;
    }
    return failures;
  }

  // Without fail, whether or not somebody waits for it.
  private void release(List<SourceCopy.Source> sources) {
    sources.forEach(source -> loop.release(source.attachment()));
  }

  private void blocked(Collection<Preparation> batch, List<Blocker> blockers) {
    batch.forEach(one -> progress.blocked(one.definition(), blockers));
  }

  private final class Told implements SourceCopy.Report {
    private final Collection<Preparation> batch;

    Told(Collection<Preparation> batch) {
      this.batch = batch;
    }

    @Override
    public void blocked(List<Blocker> blockers) {
      Attacher.this.blocked(batch, blockers);
    }

    @Override
    public void copied(long rows, long expected) {
      batch.forEach(one -> progress.copied(one.definition(), rows, expected));
    }
  }

  private void complete(
      Attachment attachment, Lsn consistentPoint, Map<Integer, TrickleException> failures) {
    SourceTable table = attachment.table();
    try {
      if (attachment.overflowed()) {
        throw unavailable(
            "53400",
            table,
            "changed by more than an eighth of the heap holds while it was copied (a larger one,"
                + " PGTRICKLE_HEAP or -Xmx, holds more)");
      }
      if (!loop.intake().isRetaining(attachment)) {
        throw unavailable("55000", table, "was altered while it was copied");
      }
      loop.sources().attach(attachment.complete(consistentPoint));
    } catch (TrickleException e) {
      loop.intake().release(attachment);
      failures.put(table.relation(), e);
    }
  }

  // Somebody altered the table just then.
  private static boolean isPassing(TrickleException failure) {
    return failure.sqlState().equals("55000");
  }

  private static SourceUnavailable unavailable(String sqlState, SourceTable table, String why) {
    return new SourceUnavailable(
        sqlState, table.name() + " " + why + "; the copy is made again", null);
  }

  // Takes out of a batch what reads a table that could not be copied.
  private List<Definition> withoutReaders(
      Map<Long, Preparation> batch, Map<Integer, TrickleException> failures) {
    List<Definition> again = new ArrayList<>();
    for (Preparation one : List.copyOf(batch.values())) {
      one.scans().stream()
          .map(scan -> failures.get(scan.relation()))
          .filter(Objects::nonNull)
          .findFirst()
          .ifPresent(
              failure -> {
                batch.remove(one.id());
                again.add(one.definition());
                if (failure instanceof SourceUnavailable && isPassing(failure)) {
                  LOG.warn(
                      "{} is initialized again: {}",
                      one.definition().displayName(),
                      failure.getMessage());
                } else {
                  progress.postponed(one.definition(), failure);
                }
              });
    }
    return again;
  }

  /// Takes base tables that are not followed any more out of the publication.
  void unpublish(Connection control, Set<Integer> unused) throws SQLException {
    new SourceTables(control, watch.publication(), storage).unpublish(unused);
  }

  private <T> T boundary(BoundaryTask<T> task) throws InterruptedException {
    return new Boundary(loop).call(task);
  }
}
