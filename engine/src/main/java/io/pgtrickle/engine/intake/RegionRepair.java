package io.pgtrickle.engine.intake;

import io.pgtrickle.cdc.LogicalMessage;
import io.pgtrickle.dvm.expr.RowPredicate;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/// The rows of some partitions are to be what the server has, though the log does not say how they
/// came about.
///
/// A *region* is a condition on rows of a base table. With the table's rows as the stream tells
/// them
/// up to a position M, and those of them that the server has in the region at M,
///
///     rows(M) := rows(M) − region(rows(M)) + region(server(M))
///
/// which is a change of M's epoch like any other. M is where a logical message stands in the log
/// that was written while nobody could change the region. That the scan of the arrangement need not
/// hold the stream up, it is made of an older snapshot: region(rows(M)) is what was found there and
/// the changes since.
///
/// The refresh thread uses it, but for [#ready] and [#done].
public final class RegionRepair {
  /// The prefix of the messages; what follows is the [#id].
  public static final String PREFIX = "pgtrickle.repair";

  /// How many rows of a region may be held in memory.
  public static final int MOST_ROWS = 1_000_000;

  private final UUID id = UUID.randomUUID();
  private final RowPredicate region;
  private final Set<Integer> known;
  private final CompletableFuture<Long> done = new CompletableFuture<>();
  private final ZSet.Builder since = new ZSet.Builder();
  private volatile @Nullable Found found;

  /// The table's rows when the repair began.
  ///
  /// @param hold keeps them readable
  public record Start(SourceRows rows, Snapshot.Hold hold) {}

  /// What was found out before the message was written.
  ///
  /// @param before the rows in the region as of the snapshot
  /// @param present those that the server has
  /// @param partitions the versions of the partitions that there are
  /// @param regions by the OID of a partition its region, SQL
  private record Found(
      ZSet before, ZSet present, Set<String> partitions, Map<Integer, String> regions) {}

  /// @param known the OIDs of the partitions that were known before, of which those that are gone
  ///     are in the region
  public RegionRepair(RowPredicate region, Set<Integer> known) {
    this.region = region;
    this.known = Set.copyOf(known);
  }

  /// What the logical message says; nobody else can know it.
  public UUID id() {
    return id;
  }

  /// Has a table tell its changes to a repair from now on; between two epochs.
  public static Start start(SourceTable table, RegionRepair repair) {
    table.prepare(repair);
    SourceRows rows = table.rows();
    return new Start(rows, rows.hold());
  }

  /// The id in a message of ours; nothing for what anybody else has written.
  public static Optional<UUID> id(LogicalMessage message) {
    if (!message.prefix().equals(PREFIX)) {
      return Optional.empty();
    }
    try {
      return Optional.of(UUID.fromString(message.text()));
    } catch (IllegalArgumentException notOurs) {
      return Optional.empty();
    }
  }

  /// Whether a row is in the region.
  ///
  /// @throws EvaluationFailure when that cannot be said
  public boolean contains(Row row) {
    return region.test(row);
  }

  /// Whether all is known of a partition that the log told rows of before the message.
  boolean knows(int partition, Replacement made) {
    return known.contains(partition) || made.regions().containsKey(partition);
  }

  /// Says what there is; before the message is committed.
  public void ready(
      ZSet before, ZSet present, Set<String> partitions, Map<Integer, String> regions) {
    found = new Found(before, present, Set.copyOf(partitions), Map.copyOf(regions));
  }

  /// Completed with the number of rows replaced once the message's epoch has ended; cancelled when
  /// the table
  /// is not followed any more.
  public CompletableFuture<Long> done() {
    return done;
  }

  /// An epoch changed the table after the snapshot.
  ///
  /// @throws EvaluationFailure when too much has changed, or it cannot be said
  void changed(ZSet net) {
    net.forEach(
        (row, weight) -> {
          if (contains(row)) {
            since.add(row, weight);
          }
        });
    if (since.size() > MOST_ROWS) {
      since.addAll(since.build());
      if (since.size() > MOST_ROWS) {
        throw new EvaluationFailure("53400", "more than " + MOST_ROWS + " rows have changed");
      }
    }
  }

  /// The repair at its message; nothing when it is not [#ready].
  @Nullable Replacement replacement() {
    Found there = found;
    return there == null
        ? null
        : new Replacement(
            there.before.plus(since.build()), there.present, there.partitions, there.regions);
  }

  /// What takes the place of what; one of the two may be empty.
  ///
  /// @param held the rows in the region as of the last epoch
  /// @param present those that there are now
  record Replacement(
      ZSet held, ZSet present, Set<String> partitions, Map<Integer, String> regions) {
    /// How many are taken away and put.
    long rows() {
      return (long) held.size() + present.size();
    }
  }
}
