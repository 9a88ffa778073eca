package io.pgtrickle.engine.intake;

import io.pgtrickle.cdc.Change;
import io.pgtrickle.cdc.Change.OldRow;
import io.pgtrickle.cdc.LogicalMessage;
import io.pgtrickle.cdc.Oid;
import io.pgtrickle.cdc.Relation;
import io.pgtrickle.cdc.ReplicaIdentity;
import io.pgtrickle.cdc.Tuple;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.dataflow.SourceState;
import io.pgtrickle.dvm.dataflow.StateSize;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.state.Capture;
import io.pgtrickle.dvm.state.Saved;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.KeptColumns;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/// A base table as the dataflow reads it, with its primary arrangement.
///
/// The law: after every epoch the arrangement holds exactly the table's rows as of the frontier,
/// and the epoch's delta is the difference of the two. Several changes of one row in one epoch are
/// netted before anything is evaluated, so no operator ever sees a row that no commit contained.
///
/// Only the columns that are *kept* are decoded and arranged: those that some view reads, and those
/// by which rows are told apart. Rows have NULL in the others, and what changes nothing but them is
/// no change.
///
/// Where whole rows are logged, changes are netted as a Z-set. Where only keys are, they are netted
/// by key: most updates do not say what the row was before, and the answers are fetched from the
/// arrangement all at once when the epoch ends, in the order in which it has them.
public final class SourceTable {
  private static final int FIRST_USER_OID = 16_384;

  private final int relation;
  private final String name;
  private final Schema schema;
  private final int[] identity;
  private final Set<String> logged;
  private SourceShape shape;
  private Map<Integer, String> regions;
  private KeptColumns columns;
  private RowStore rows;
  private String membership = "";
  private @Nullable RegionRepair repair;
  // In the epoch under way.
  private RegionRepair.@Nullable Replacement repairing;

  private @Nullable Relation described;
  private @Nullable TupleDecoder decoder;

  // The epoch under way: by whole rows, or by key.
  private final ZSet.Builder delta = new ZSet.Builder();
  // In the log's order, which is often near that of the key: sorting is cheap then.
  private final Map<Row, Touched> touched = new LinkedHashMap<>();
  private boolean truncated;
  // What that takes, and will take when it ends.
  private long pendingBytes;
  // What a stored row takes on average; 0 if that was not asked for in this epoch.
  private long storedRowBytes;
  private final ByteSink keyBytes = new ByteSink(64);

  /// What an epoch did to one key.
  private static final class Touched {
    /// Whether the arrangement holds a row of this key, which is replaced.
    private boolean stored;
    /// The row there is now.
    private @Nullable Row after;

    Touched(boolean stored) {
      this.stored = stored;
    }
  }

  /// @param relation `pg_class.oid`, which is also how plans name it
  /// @param name qualified, for messages
  /// @param columns those that are kept, of the columns as plans scan them
  /// @param identity positions of the replica identity's columns, all of them kept; empty when
  ///     whole rows are logged
  /// @param logged the columns that the log carries: all but the virtual ones
  /// @param shape what DDL had made of the table before it was copied
  /// @param regions of each partition the condition that its rows fulfil, SQL
  /// @param storage where the arrangement is kept
  public SourceTable(
      int relation,
      String name,
      KeptColumns columns,
      int[] identity,
      List<String> logged,
      SourceShape shape,
      Map<Integer, String> regions,
      Storage storage) {
    this.relation = relation;
    this.name = name;
    this.schema = columns.schema();
    this.columns = columns;
    this.identity = identity.clone();
    this.logged = Set.copyOf(logged);
    this.shape = shape;
    this.regions = Map.copyOf(regions);
    this.rows = new RowStore(columns, this.identity, storage);
  }

  public int relation() {
    return relation;
  }

  public String name() {
    return name;
  }

  public Schema schema() {
    return schema;
  }

  /// Whether its rows are those of a scan, with all of some columns.
  ///
  /// @param read names
  public boolean isReadBy(Plan.Scan scan, Set<String> read) {
    return schema.equals(scan.schema()) && columns.keepAll(read);
  }

  /// The columns that its rows have; all others are NULL.
  public KeptColumns columns() {
    return columns;
  }

  /// What the table must still look like for its rows to be those that are arranged here.
  public SourceShape shape() {
    return shape;
  }

  /// Of each partition the condition that its rows fulfil, SQL.
  public Map<Integer, String> regions() {
    return regions;
  }

  /// The columns to be read of the server's rows, in the order of the schema: those kept that the
  /// log carries.
  public List<String> read() {
    return columns.names().stream().filter(logged::contains).toList();
  }

  /// Whether the log tells rows apart by these columns; by whole rows for none.
  public boolean isIdentifiedBy(int[] columns) {
    return Arrays.equals(identity, columns);
  }

  /// The rows as of the last epoch.
  public SourceRows rows() {
    return rows.current();
  }

  /// How much there is of it.
  public SourceState state() {
    Snapshot stored = rows().stored();
    return new SourceState(
        new StateSize(stored.rows(), stored.bytes()), columns.names(), schema.size());
  }

  /// Adds the rows of an initial copy, which no epoch contains.
  ///
  /// @param copied with the kept columns only
  public void load(ZSet copied) {
    rows.settle();
    rows.load(copied);
  }

  /// Prepares the end of the epoch, which nothing can prevent after that.
  ///
  /// @throws io.pgtrickle.dvm.TrickleException.StorageUnavailable when it has to be tried again
  /// @throws StateDamaged when rows cannot be read
  void settle() {
    rows.settle();
  }

  /// The table is in the publication, by this entry.
  ///
  /// @param entry which a table that left and came back has another one of, and changes that nobody
  ///     was told of
  public void published(String entry) {
    membership = entry;
  }

  /// The entry of the publication that its rows go with; an empty text before there is one.
  public String membership() {
    return membership;
  }

  /// Whether this copy has the rows that a former one has by now, with other columns, as far as can
  /// be told. Where DDL came in between, it may have what the log has not told, and nobody who read
  /// the other one will be told.
  boolean continues(SourceTable former) {
    return !shape.isPartitioned()
        && former.shape.isKeptBy(shape)
        && former.membership.equals(membership)
        && Arrays.equals(former.identity, identity);
  }

  /// Puts the table into a checkpoint, as of the last epoch.
  void save(Capture capture) {
    String saved = SavedSource.name(relation);
    capture.put(saved, new SavedSource(description(), columns.names(), membership, shape).encode());
    capture.put(saved, rows.arrangement());
  }

  /// Takes the rows of a checkpoint over, if they are rows of this table as it is now.
  ///
  /// @return why not; empty when it has them
  public Optional<String> restore(Saved saved, Storage storage) {
    String entry = SavedSource.name(relation);
    try {
      Optional<SavedSource> found = saved.value(entry).map(SavedSource::decode);
      if (found.isEmpty()) {
        return Optional.of("the checkpoint does not have " + name);
      }
      SavedSource was = found.get();
      if (!was.description().equals(description()) || !was.shape().isKeptBy(shape)) {
        return Optional.of(name + " was altered");
      }
      if (!was.membership().equals(membership)) {
        return Optional.of(name + " was out of the publication for a time");
      }
      // It may have more columns than anybody reads by now; they go with the next copy.
      if (!was.columns().containsAll(columns.names())) {
        return Optional.of("columns of " + name + " are read that the checkpoint does not have");
      }
      KeptColumns kept = KeptColumns.of(schema, was.columns());
      RowStore restored = new RowStore(kept, identity, saved.arrangement(entry, storage));
      rows.close();
      rows = restored;
      columns = kept;
      return Optional.empty();
    } catch (StateDamaged e) {
      return Optional.of("the rows of " + name + " are damaged: " + e.getMessage());
    }
  }

  // Everything that decides how a change becomes a row.
  private String description() {
    return schema.columns() + " " + Arrays.toString(identity) + " " + new TreeSet<>(logged);
  }

  /// Gives the rows up.
  public void close() {
    abandonRepair();
    rows.close();
  }

  /// Takes one change of this table into the epoch under way.
  ///
  /// @throws StateDamaged when it cannot be understood, or cannot have happened to these rows
  void accept(Change change) {
    switch (change) {
      case Change.Insert insert -> put(decoder(insert.relation()).row(insert.row(), null));
      case Change.Update update -> update(update, decoder(update.relation()));
      case Change.Delete delete -> delete(delete.old(), decoder(delete.relation()));
      case Change.Truncate ignored -> removeAll();
      case Change.InPartition told -> meet(told.partition().value());
      case LogicalMessage ignored -> {}
    }
  }

  // Whoever compares the shape with the catalog finds out what became of it.
  private void meet(int partition) {
    if (shape.isPartitioned() && !Partition.oids(shape.partitions()).contains(partition)) {
      Set<String> met = new TreeSet<>(shape.partitions());
      met.add(Partition.unknown(partition));
      shape = shape.with(met);
    }
  }

  /// Has a repair told from now on what changes; between two epochs.
  public void prepare(RegionRepair next) {
    abandonRepair();
    repair = next;
  }

  /// No repair is under way any more.
  public void abandonRepair() {
    RegionRepair last = repair;
    repair = null;
    if (last != null) {
      last.done().cancel(false);
    }
  }

  /// Whether this repair is under way.
  boolean awaits(UUID id) {
    return repair != null && repair.id().equals(id);
  }

  /// The message of the repair under way was met; the epoch's end is when it has taken place.
  ///
  /// @return the number of rows replaced
  /// @throws EvaluationFailure when it cannot be said which rows are concerned
  long repair() {
    RegionRepair due = repair;
    RegionRepair.Replacement replacement = due == null ? null : due.replacement();
    if (due == null || replacement == null) {
      return 0;
    }
    if (identity.length == 0) {
      replaceRows(due, replacement);
    } else {
      replaceByKey(due, replacement);
    }
    repairing = replacement;
    return replacement.rows();
  }

  private void replaceRows(RegionRepair due, RegionRepair.Replacement replacement) {
    ZSet pending = delta.build();
    delta.addAll(pending);
    pending.forEach(
        (row, weight) -> {
          if (due.contains(row)) {
            add(row, -weight);
          }
        });
    removeHeld(replacement);
    replacement.present().forEach(this::add);
  }

  // Unless they are among all those that the epoch removes.
  private void removeHeld(RegionRepair.Replacement replacement) {
    if (!truncated) {
      replacement.held().forEach((row, weight) -> add(row, -weight));
    }
  }

  // Of a key there may be two rows, as of a partition that was emptied and filled again: all that
  // are held are taken away here, whatever the epoch did to the key before.
  private void replaceByKey(RegionRepair due, RegionRepair.Replacement replacement) {
    removeHeld(replacement);
    if (!truncated) {
      replacement.held().forEach((row, _) -> touch(key(row)).stored = false);
    }
    for (Touched change : touched.values()) {
      Row after = change.after;
      if (after != null && due.contains(after)) {
        leave(change, null);
      }
    }
    replacement.present().forEach((row, _) -> put(row));
  }

  /// Forgets the epoch under way, as when one of its changes could not be read.
  void abandonEpoch() {
    forgetChanges();
    truncated = false;
    repairing = null;
  }

  private void forgetChanges() {
    delta.build();
    touched.clear();
    pendingBytes = 0;
    storedRowBytes = 0;
  }

  /// What the epoch under way takes of the heap, and will take when it ends, in bytes; see
  /// [EpochMemory].
  long pendingBytes() {
    return pendingBytes;
  }

  /// Ends the epoch: folds its net delta into the arrangement and returns it.
  ///
  /// @throws StateDamaged when the arrangement does not hold a row that was changed; the epoch is
  ///     abandoned
  ZSet endEpoch() {
    try {
      resolve();
      ZSet net = delta.build();
      if (identity.length == 0 && shape.isPartitioned()) {
        requireHeld(net);
      }
      rows.apply(net);
      tellRepair(net);
      return net;
    } finally {
      abandonEpoch();
    }
  }

  // What a checkpoint says of partitions must go with the rows that it has.
  private void tellRepair(ZSet net) {
    RegionRepair underWay = repair;
    if (underWay == null) {
      return;
    }
    RegionRepair.Replacement made = repairing;
    if (made != null) {
      Set<String> partitions = new TreeSet<>(made.partitions());
      shape.partitions().stream()
          .filter(Partition::isUnknown)
          .filter(one -> !underWay.knows(Partition.oid(one), made))
          .forEach(partitions::add);
      shape = shape.with(partitions);
      regions = made.regions();
      repair = null;
      underWay.done().complete(made.rows());
      return;
    }
    try {
      underWay.changed(net);
    } catch (EvaluationFailure undecided) {
      repair = null;
      underWay.done().completeExceptionally(undecided);
    }
  }

  private void update(Change.Update update, TupleDecoder decode) {
    Tuple after = update.row();
    if (identity.length == 0) {
      Row before = whole(update.old(), decode);
      add(before, -1);
      add(decode.row(after, before), 1);
      return;
    }
    Row key =
        switch (update.old()) {
          case OldRow.Full full -> key(decode.partial(full.row(), identity));
          case OldRow.Key old -> key(decode.partial(old.key(), identity));
          case OldRow.Unknown ignored -> key(decode.partial(after, identity));
        };
    // A value that was not sent is that of the row before, whether this epoch wrote it or not.
    Row before = decode.needsRowBefore(after) ? current(key) : null;
    remove(key);
    put(decode.row(after, before));
  }

  private void delete(OldRow old, TupleDecoder decode) {
    if (identity.length == 0) {
      add(whole(old, decode), -1);
      return;
    }
    switch (old) {
      case OldRow.Full full -> remove(key(decode.partial(full.row(), identity)));
      case OldRow.Key key -> remove(key(decode.partial(key.key(), identity)));
      case OldRow.Unknown ignored -> throw noOldRow();
    }
  }

  private Row whole(OldRow old, TupleDecoder decode) {
    return switch (old) {
      case OldRow.Full full -> decode.row(full.row(), null);
      // It is called a key when the partitioned table's own setting is not FULL, whatever that of
      // the partition; whether it is a row of ours shows when the epoch ends.
      case OldRow.Key key when shape.isPartitioned() -> decode.row(key.key(), null);
      case OldRow.Key ignored -> throw noOldRow();
      case OldRow.Unknown ignored -> throw noOldRow();
    };
  }

  private StateDamaged noOldRow() {
    return new StateDamaged(
        name + " logged a change without its old row although it logs whole rows", null);
  }

  private void put(Row row) {
    if (identity.length == 0) {
      add(row, 1);
    } else {
      leave(touch(key(row)), row);
    }
  }

  private void add(Row row, long weight) {
    delta.add(row, weight);
    pendingBytes += EpochMemory.of(row);
  }

  // One of which nothing is known is that of a row that is new.
  private Touched touch(Row key) {
    Touched known = touched.get(key);
    if (known == null) {
      known = new Touched(false);
      touched.put(key, known);
      pendingBytes += EpochMemory.ofKey(key);
    }
    return known;
  }

  private void leave(Touched change, @Nullable Row after) {
    Row before = change.after;
    pendingBytes +=
        (after == null ? 0 : EpochMemory.of(after)) - (before == null ? 0 : EpochMemory.of(before));
    change.after = after;
  }

  private void remove(Row key) {
    Touched known = touched.get(key);
    if (known == null) {
      if (truncated) {
        throw missing();
      }
      touch(key).stored = true;
      pendingBytes += storedRowBytes();
    } else if (known.after == null) {
      throw missing();
    } else {
      leave(known, null);
    }
  }

  // The row that a key has is fetched when the epoch ends, and may be large where the log tells no
  // more than the key.
  private long storedRowBytes() {
    if (storedRowBytes == 0) {
      Snapshot stored = rows().stored();
      storedRowBytes = EpochMemory.ofStored(1, stored.bytes() / Math.max(1, stored.rows()));
    }
    return storedRowBytes;
  }

  // Whatever the epoch did before, its net effect is now the removal of every row there was. They
  // are read when it ends, if there is room for them.
  private void removeAll() {
    forgetChanges();
    truncated = true;
    Snapshot stored = rows().stored();
    pendingBytes = EpochMemory.ofStored(stored.rows(), stored.bytes());
  }

  /// The row of a key as the epoch has left it so far.
  private Row current(Row key) {
    Touched known = touched.get(key);
    Row row = known != null ? known.after : truncated ? null : rows.find(key);
    if (row == null) {
      throw missing();
    }
    return row;
  }

  private void resolve() {
    if (truncated) {
      rows.forEach((row, weight) -> delta.add(row, -weight));
    }
    List<Row> replaced = new ArrayList<>();
    touched.forEach(
        (key, change) -> {
          if (change.stored) {
            replaced.add(key);
          }
          if (change.after != null) {
            delta.add(change.after, 1);
          }
        });
    rows.findAll(
        replaced,
        (key, row) -> {
          if (row == null) {
            throw missing();
          }
          delta.add(row, -1);
        });
  }

  // A partition that came lately may log its rows in another way than those there were.
  private void requireHeld(ZSet net) {
    net.forEach(
        (row, weight) -> {
          if (weight < 0 && rows.weight(row) + weight < 0) {
            throw missing();
          }
        });
  }

  // Which one is not said: messages hold no users' data, and keys are some.
  private StateDamaged missing() {
    return new StateDamaged(
        name + " changed a row that its arrangement does not hold; the table is copied again",
        null);
  }

  private Row key(Row row) {
    keyBytes.clear();
    schema.appendKey(row, identity, keyBytes);
    return Row.of(keyBytes);
  }

  private TupleDecoder decoder(Relation relation) {
    TupleDecoder current = decoder;
    if (current == null || !relation.equals(described)) {
      checkColumns(relation);
      checkIdentity(relation);
      current = TupleDecoder.of(columns, relation);
      decoder = current;
      described = relation;
    }
    return current;
  }

  // A column that is gone would read as NULL, and one of another type as another value.
  private void checkColumns(Relation now) {
    for (Column column : columns.narrowSchema().columns()) {
      if (logged.contains(column.name())) {
        checkColumn(column, now);
      }
    }
  }

  private void checkColumn(Column column, Relation now) {
    Relation.Column found =
        now.columns().stream()
            .filter(c -> c.name().equals(column.name()))
            .findFirst()
            .orElseThrow(
                () ->
                    new StateDamaged(
                        name + " no longer logs column \"" + column.name() + "\"", null));
    int type = found.type().value();
    // A domain is logged under its own OID, and read as its base type. An enum or a domain that
    // takes the place of another type has one of its own, too, and other bytes.
    boolean builtIn = Integer.compareUnsigned(type, FIRST_USER_OID) < 0;
    if ((builtIn && type != column.type().oid())
        || shape.type(column.name()).orElse(type) != type) {
      throw new StateDamaged(
          name + " logs column \"" + column.name() + "\" with another type than before", null);
    }
  }

  // Another identity means that what told rows apart may be gone, and two rows may have one key.
  // Of a partitioned table this describes the root, whose own setting says nothing of its leaves.
  private void checkIdentity(Relation now) {
    boolean full = now.identity() == ReplicaIdentity.FULL;
    if (identity.length == 0 || (full && shape.isPartitioned())) {
      return;
    }
    Set<String> relied = new TreeSet<>();
    for (int column : identity) {
      relied.add(schema.column(column).name());
    }
    Set<String> logged = new TreeSet<>();
    for (Relation.Column column : now.columns()) {
      if (column.key()) {
        logged.add(column.name());
      }
    }
    boolean kept =
        shape.isPartitioned() ? logged.containsAll(relied) : !full && logged.equals(relied);
    if (!kept) {
      throw new StateDamaged(
          "the replica identity of %s is no longer %s but %s"
              .formatted(name, relied, full ? "FULL" : logged),
          null);
    }
  }

  /// How the OID is written in the capture module.
  public Oid oid() {
    return new Oid(relation);
  }
}
