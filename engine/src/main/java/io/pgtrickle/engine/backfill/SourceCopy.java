package io.pgtrickle.engine.backfill;

import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.TableName;
import io.pgtrickle.cdc.slot.Blocker;
import io.pgtrickle.cdc.slot.BulkCopy;
import io.pgtrickle.cdc.slot.ExportedSnapshot;
import io.pgtrickle.cdc.slot.LockPolicy;
import io.pgtrickle.cdc.slot.Publications;
import io.pgtrickle.engine.intake.Attachment;
import io.pgtrickle.engine.intake.SourceTable;
import java.sql.Connection;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Copies base tables at one consistent point, while their changes are being retained.
///
/// The order is the proof (shown by randomized rounds with concurrent writers):
///
/// 1. The refresh thread already retains these tables' changes.
/// 2. They are added to the publication under a lock that waits for writers, so every transaction
/// that
///    starts writing them afterwards is decoded with its changes.
/// 3. A temporary slot exports a snapshot: exactly the transactions whose commit record is before
/// C.
/// 4. The rows are copied in that snapshot.
///
/// A transaction with its commit record at or after C is then either retained, or wrote the tables
/// before
/// step 2 finished; the lock of step 2 excludes the latter.
final class SourceCopy {
  private static final Logger LOG = LoggerFactory.getLogger(SourceCopy.class);
  private static final Duration PATIENCE = Duration.ofMinutes(10);
  private static final Duration REPORT_AFTER = Duration.ofSeconds(5);

  private final SourceDatabase database;
  private final PublicationWatch watch;

  SourceCopy(SourceDatabase database, PublicationWatch watch) {
    this.database = database;
    this.watch = watch;
  }

  /// One table to copy.
  ///
  /// @param columns the published columns, in the order the attachment decodes them
  record Source(TableName table, List<String> columns, Attachment attachment) {}

  /// Publishes and copies; returns the consistent point.
  ///
  /// @param control an ordinary session without an open transaction: creating the snapshot waits
  /// for every open
  ///     write transaction of the cluster
  /// @param followed what is followed meanwhile as it was copied before
  /// @param progress called with the number of rows copied so far
  Lsn run(
      Connection control, List<Source> sources, Set<Integer> followed, Consumer<Long> progress) {
    Publications.add(
        control,
        watch.publication(),
        sources.stream().map(Source::table).toList(),
        LockPolicy.POLITE);
    List<SourceTable> tables = sources.stream().map(source -> source.attachment().table()).toList();
    Map<Integer, String> entries =
        watch.published(
            control,
            tables.stream().map(SourceTable::relation).collect(Collectors.toSet()),
            followed);
    // Of what is written under a later entry the copy may have a part.
    tables.forEach(table -> table.published(entries.getOrDefault(table.relation(), "")));
    try (ExportedSnapshot snapshot =
            ExportedSnapshot.open(database, PATIENCE, REPORT_AFTER, SourceCopy::report);
        BulkCopy copy = BulkCopy.open(database, snapshot)) {
      long rows = 0;
      for (Source source : sources) {
        Attachment.Copy into = source.attachment().copy(source.columns());
        rows += copy.copy(source.table(), source.columns(), into::add);
        into.flush();
        progress.accept(rows);
      }
      return snapshot.consistentPoint();
    }
  }

  private static void report(List<Blocker> blockers) {
    LOG.warn("waiting for open write transactions before a table can be copied: {}", blockers);
  }
}
