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
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
  private static final Duration REPORT_EVERY = Duration.ofSeconds(2);
  private static final long ROWS_PER_REPORT = 100_000;

  private final SourceDatabase database;
  private final PublicationWatch watch;
  private final LockPolicy policy;
  private final Report report;
  private List<Integer> told = List.of();

  /// @param policy how locks on the tables are asked for
  SourceCopy(SourceDatabase database, PublicationWatch watch, LockPolicy policy, Report report) {
    this.database = database;
    this.watch = watch;
    this.policy = policy;
    this.report = report;
  }

  /// Is told how it goes.
  interface Report {
    /// Open transactions are waited for.
    void blocked(List<Blocker> blockers);

    /// So many rows have been copied.
    ///
    /// @param expected how many there are by the server's statistics; 0 if it has none
    void copied(long rows, long expected);
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
  Lsn run(Connection control, List<Source> sources, Set<Integer> followed) throws SQLException {
    Publications.add(
        control, watch.publication(), sources.stream().map(Source::table).toList(), policy);
    long expected = expected(control, sources);
    List<SourceTable> tables = sources.stream().map(source -> source.attachment().table()).toList();
    Map<Integer, String> entries =
        watch.published(
            control,
            tables.stream().map(SourceTable::relation).collect(Collectors.toSet()),
            followed);
    // Of what is written under a later entry the copy may have a part.
    tables.forEach(table -> table.published(entries.getOrDefault(table.relation(), "")));
    try (ExportedSnapshot snapshot =
            ExportedSnapshot.open(database, PATIENCE, REPORT_EVERY, this::report);
        BulkCopy copy = BulkCopy.open(database, snapshot)) {
      long[] rows = {0};
      report.copied(0, expected);
      for (Source source : sources) {
        Attachment.Copy into = source.attachment().copy(source.columns());
        copy.copy(
            source.table(),
            source.columns(),
            row -> {
              into.add(row);
              if (++rows[0] % ROWS_PER_REPORT == 0) {
                report.copied(rows[0], expected);
              }
            });
        into.flush();
        report.copied(rows[0], expected);
      }
      return snapshot.consistentPoint();
    }
  }

  private static long expected(Connection control, List<Source> sources) throws SQLException {
    try (PreparedStatement query =
        control.prepareStatement(
            "SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint FROM unnest(?::oid[])"
                + " r(oid), LATERAL (SELECT r.oid UNION SELECT relid FROM pg_partition_tree(r.oid)"
                + " WHERE isleaf) t(oid) JOIN pg_class c ON c.oid = t.oid AND c.relkind <> 'p'")) {
      query.setArray(
          1,
          control.createArrayOf(
              "int8",
              sources.stream()
                  .map(source -> source.attachment().table().relation())
                  .map(Integer::toUnsignedLong)
                  .toArray()));
      try (ResultSet row = query.executeQuery()) {
        row.next();
        return row.getLong(1);
      }
    }
  }

  private void report(List<Blocker> blockers) {
    List<Integer> processes = blockers.stream().map(Blocker::pid).toList();
    if (!processes.equals(told)) {
      told = processes;
      LOG.warn("waiting for open write transactions before a table can be copied: {}", blockers);
    }
    report.blocked(blockers);
  }
}
