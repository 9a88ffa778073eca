package io.pgtrickle.engine.intake;

import io.pgtrickle.cdc.Change;
import io.pgtrickle.cdc.LogicalMessage;
import io.pgtrickle.cdc.Oid;
import io.pgtrickle.cdc.Relation;
import io.pgtrickle.cdc.Transaction;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.TrickleException.StorageUnavailable;
import io.pgtrickle.dvm.state.Capture;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.ZSet;
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
import java.util.Set;
import java.util.UUID;

/// The change buffers of the engine: collects the changes of whole transactions and ends an epoch
/// by
/// yielding the net delta of every base table that some stream table reads.
///
/// Used by the refresh thread only.
public final class Intake {
  private static final long EPOCH_ROWS = 200_000;

  private final EpochMemory memory;
  private final Map<Oid, SourceTable> tables = new HashMap<>();
  private final Map<Oid, Attachment> attaching = new HashMap<>();
  // Let go of while they may still be copied into.
  private final Set<Attachment> abandoned = new HashSet<>();

  private final Set<SourceTable> changed = new LinkedHashSet<>();
  private final Set<Oid> touched = new HashSet<>();
  private final Map<Integer, StateDamaged> damaged = new LinkedHashMap<>();
  private long rows;

  public Intake() {
    this(EpochMemory.ofHeap());
  }

  Intake(EpochMemory memory) {
    this.memory = memory;
  }

  /// What one epoch changed.
  ///
  /// @param deltas per relation the net change of its rows
  /// @param touched every published relation that had a change, whether or not it is decoded
  /// @param damaged relations whose changes could not be understood, or are more than there is
  ///     memory for; they need a new initial copy
  /// @param rows the number of row changes decoded, before netting
  public record Deltas(
      Map<Integer, ZSet> deltas, Set<Oid> touched, Map<Integer, StateDamaged> damaged, long rows) {}

  /// Starts decoding a table whose arrangement is complete up to the current frontier; it takes the
  /// place of one that had fewer columns.
  ///
  /// @return false when readers of that one may lack what the log has not told
  public boolean attach(SourceTable table) {
    attaching.remove(table.oid());
    SourceTable before = tables.put(table.oid(), table);
    if (before == null || before == table) {
      return true;
    }
    boolean continues = table.continues(before);
    before.close();
    return continues;
  }

  /// Starts retaining a table's changes while it is copied. One that is decoded already stays so
  /// until the copy takes its place.
  public void retain(Attachment attachment) {
    Attachment before = attaching.put(attachment.table().oid(), attachment);
    if (before != null) {
      before.table().close();
    }
  }

  /// Stops retaining a table's changes for an attachment; one that is decoded already stays so.
  public void release(Attachment attachment) {
    boolean held = attaching.remove(attachment.table().oid(), attachment);
    if (abandoned.remove(attachment) || held) {
      attachment.table().close();
    }
  }

  /// Whether a table's changes are retained for this attachment.
  public boolean isRetaining(Attachment attachment) {
    return attachment.equals(attaching.get(attachment.table().oid()));
  }

  /// Stops decoding or retaining a table, whatever the epoch under way did to it. Whoever copies it
  /// has to [#release] it.
  public void detach(Oid oid) {
    SourceTable table = tables.get(oid);
    if (table != null) {
      changed.remove(table);
      damaged.remove(table.relation());
    }
    letGo(oid);
  }

  private void letGo(Oid oid) {
    Attachment attachment = attaching.remove(oid);
    if (attachment != null) {
      abandoned.add(attachment);
    }
    SourceTable table = tables.remove(oid);
    if (table != null) {
      table.close();
    }
  }

  /// Puts all tables into a checkpoint, as of the last epoch; those that are still being copied
  /// are not part of it.
  public void save(Capture capture) {
    tables.values().forEach(table -> table.save(capture));
  }

  /// Gives all rows up.
  public void close() {
    attaching.values().forEach(attachment -> attachment.table().close());
    abandoned.forEach(attachment -> attachment.table().close());
    abandoned.clear();
    tables.values().forEach(SourceTable::close);
    attaching.clear();
    tables.clear();
  }

  /// The OIDs of the decoded tables.
  public Set<Integer> relations() {
    Set<Integer> relations = new HashSet<>();
    tables.keySet().forEach(oid -> relations.add(oid.value()));
    return relations;
  }

  /// The size of the primary arrangements, in bytes.
  public long stateBytes() {
    return tables.values().stream().mapToLong(table -> table.rows().bytes()).sum();
  }

  /// The decoded table of an OID.
  public Optional<SourceTable> table(int relation) {
    return Optional.ofNullable(tables.get(new Oid(relation)));
  }

  /// Takes a transaction, or a part of one, into the epoch under way; which may end when the
  /// transaction is complete.
  ///
  /// @return its logical messages, which are not the intake's business
  public List<LogicalMessage> accept(Transaction transaction) {
    List<LogicalMessage> messages = new ArrayList<>();
    for (Change change : transaction.changes()) {
      switch (change) {
        case LogicalMessage message -> messages.add(message);
        case Change.Insert insert -> accept(insert.relation(), insert, transaction);
        case Change.Update update -> accept(update.relation(), update, transaction);
        case Change.Delete delete -> accept(delete.relation(), delete, transaction);
        case Change.InPartition partition -> accept(partition, transaction);
        case Change.Truncate truncate -> {
          for (Relation relation : truncate.relations()) {
            accept(relation, truncate, transaction);
          }
        }
      }
    }
    giveUpLargest();
    overflowLargest();
    return messages;
  }

  // Once per part of a transaction, of which none is large.
  private void giveUpLargest() {
    while (pendingBytes() > memory.limit()) {
      SourceTable largest =
          Collections.max(changed, Comparator.comparingLong(SourceTable::pendingBytes));
      damaged.put(largest.relation(), memory.exceededBy(largest.name(), largest.pendingBytes()));
      largest.abandonEpoch();
    }
  }

  // What is read from the log for copies that are being made is on the heap, too.
  private void overflowLargest() {
    while (retainedBytes() > memory.limit()) {
      Collections.max(attaching.values(), Comparator.comparingLong(Attachment::retainedBytes))
          .overflow();
    }
  }

  private long retainedBytes() {
    return attaching.values().stream().mapToLong(Attachment::retainedBytes).sum();
  }

  private long pendingBytes() {
    return changed.stream().mapToLong(SourceTable::pendingBytes).sum();
  }

  /// Takes the message of a repair into the epoch under way, where that of a table is awaited.
  public void repair(UUID id) {
    for (SourceTable table : tables.values()) {
      if (table.awaits(id) && !damaged.containsKey(table.relation())) {
        changed.add(table);
        touched.add(table.oid());
        try {
          rows += table.repair();
        } catch (EvaluationFailure e) {
          damaged.put(
              table.relation(),
              new StateDamaged("rows of " + table.name() + " are of no partition", e));
        }
      }
    }
    giveUpLargest();
  }

  /// Whether the epoch under way has so many changes that it should end with this transaction.
  public boolean hasEnough() {
    return rows >= EPOCH_ROWS || pendingBytes() >= memory.enough();
  }

  /// Prepares the end of the epoch; may be done again.
  ///
  /// @throws io.pgtrickle.dvm.TrickleException.StorageUnavailable when state cannot be written and
  ///     too much of it waits for that
  public void settle() {
    // All of them: also one that does not change may have a merge under way, or rows to move.
    for (SourceTable table : tables.values()) {
      try {
        table.settle();
      } catch (StorageUnavailable notNow) {
        throw notNow;
      } catch (RuntimeException | InternalError e) {
        damaged.put(table.relation(), damage(table, e));
        changed.add(table);
      }
    }
  }

  // An internal error is how a mapped file says that the disk does not give what was written.
  private static StateDamaged damage(SourceTable table, Throwable cause) {
    return cause instanceof StateDamaged known
        ? known
        : new StateDamaged("the rows kept of " + table.name() + " cannot be used: " + cause, cause);
  }

  /// Ends the epoch, after [#settle].
  public Deltas endEpoch() {
    Map<Integer, ZSet> deltas = new HashMap<>();
    for (SourceTable table : changed) {
      if (damaged.containsKey(table.relation())) {
        table.abandonEpoch();
        letGo(table.oid());
      } else {
        try {
          ZSet delta = table.endEpoch();
          if (!delta.isEmpty()) {
            deltas.put(table.relation(), delta);
          }
        } catch (StateDamaged | InternalError e) {
          damaged.put(table.relation(), damage(table, e));
          letGo(table.oid());
        }
      }
    }
    Deltas result = new Deltas(deltas, Set.copyOf(touched), Map.copyOf(damaged), rows);
    changed.clear();
    touched.clear();
    damaged.clear();
    rows = 0;
    return result;
  }

  // One that is followed by itself is no partition of what is told as another table.
  private void accept(Change.InPartition change, Transaction transaction) {
    if (tables.containsKey(change.partition()) || attaching.containsKey(change.partition())) {
      return;
    }
    Oid root = change.root().oid();
    Attachment attachment = attaching.get(root);
    if (attachment != null) {
      attachment.retain(transaction.finalLsn(), change);
    }
    SourceTable table = tables.get(root);
    if (table != null) {
      table.accept(change);
    }
  }

  private void accept(Relation relation, Change change, Transaction transaction) {
    touched.add(relation.oid());
    Attachment attachment = attaching.get(relation.oid());
    if (attachment != null) {
      attachment.retain(transaction.finalLsn(), change);
    }
    SourceTable table = tables.get(relation.oid());
    if (table == null || damaged.containsKey(table.relation())) {
      return;
    }
    rows++;
    changed.add(table);
    try {
      table.accept(change);
    } catch (StateDamaged | InternalError e) {
      damaged.put(table.relation(), damage(table, e));
      table.abandonEpoch();
    }
  }
}
