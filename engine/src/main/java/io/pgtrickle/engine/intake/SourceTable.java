package io.pgtrickle.engine.intake;

import io.pgtrickle.cdc.Change;
import io.pgtrickle.cdc.Change.OldRow;
import io.pgtrickle.cdc.Oid;
import io.pgtrickle.cdc.Relation;
import io.pgtrickle.cdc.ReplicaIdentity;
import io.pgtrickle.cdc.Tuple;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/// A base table as the dataflow reads it, with its primary arrangement.
///
/// The law: after every epoch the arrangement holds exactly the table's rows as of the frontier,
/// and the
/// epoch's delta is the difference of the two. Several changes of one row in one epoch are netted
/// before
/// anything is evaluated, so no operator ever sees a row that no commit contained.
public final class SourceTable {
  private static final int FIRST_USER_OID = 16_384;

  private final int relation;
  private final String name;
  private final Schema schema;
  private final int[] identity;
  private final Set<String> logged;
  private final SourceShape shape;
  private final RowStore rows;

  private @Nullable Relation described;
  private @Nullable TupleDecoder decoder;

  // The epoch under way: its changes, and the rows it touched by key where the log carries only
  // keys.
  private final ZSet.Builder delta = new ZSet.Builder();
  private final Map<Row, Optional<Row>> touched = new HashMap<>();
  private boolean truncated;
  private final ByteSink keyBytes = new ByteSink(64);

  /// @param relation `pg_class.oid`, which is also how plans name it
  /// @param name qualified, for messages
  /// @param schema the columns as plans scan them
  /// @param identity positions of the replica identity's columns; empty when whole rows are logged
  /// @param logged the columns that the log carries: all but the virtual ones
  /// @param shape what DDL had made of the table before it was copied
  /// @param merges runs the long merges of the arrangement
  public SourceTable(
      int relation,
      String name,
      Schema schema,
      int[] identity,
      List<String> logged,
      SourceShape shape,
      Executor merges) {
    this.relation = relation;
    this.name = name;
    this.schema = schema;
    this.identity = identity.clone();
    this.logged = Set.copyOf(logged);
    this.shape = shape;
    this.rows = new RowStore(schema, this.identity, merges);
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

  /// What the table must still look like for its rows to be those that are arranged here.
  public SourceShape shape() {
    return shape;
  }

  /// The rows as of the last epoch.
  public RowStore rows() {
    return rows;
  }

  /// Adds the rows of an initial copy, which no epoch contains.
  public void load(ZSet copied) {
    rows.apply(copied);
  }

  /// Takes one change of this table into the epoch under way.
  void accept(Change change) {
    switch (change) {
      case Change.Insert insert -> {
        TupleDecoder decode = decoder(insert.relation());
        put(decode.row(insert.row(), null));
      }
      case Change.Update update -> {
        TupleDecoder decode = decoder(update.relation());
        Row before = before(update.old(), update.row(), decode);
        remove(before);
        put(decode.row(update.row(), before));
      }
      case Change.Delete delete -> {
        TupleDecoder decode = decoder(delete.relation());
        remove(before(delete.old(), null, decode));
      }
      case Change.Truncate ignored -> removeAll();
      case io.pgtrickle.cdc.LogicalMessage ignored -> {}
    }
  }

  /// Forgets the epoch under way, as when one of its changes could not be read.
  void abandonEpoch() {
    delta.build();
    touched.clear();
    truncated = false;
  }

  /// Ends the epoch: folds its net delta into the arrangement and returns it.
  ZSet endEpoch() {
    ZSet net = delta.build();
    touched.clear();
    truncated = false;
    rows.apply(net);
    return net;
  }

  private void put(Row row) {
    delta.add(row, 1);
    if (identity.length > 0) {
      touched.put(key(row), Optional.of(row));
    }
  }

  private void remove(Row row) {
    delta.add(row, -1);
    if (identity.length > 0) {
      touched.put(key(row), Optional.empty());
    }
  }

  // Whatever the epoch did before, its net effect is now the removal of every row there was.
  private void removeAll() {
    delta.build();
    rows.forEach((row, weight) -> delta.add(row, -weight));
    touched.clear();
    truncated = true;
  }

  private Row before(OldRow old, @Nullable Tuple after, TupleDecoder decode) {
    return switch (old) {
      case OldRow.Full full -> decode.row(full.row(), null);
      case OldRow.Key key -> find(decode.partial(key.key(), identity));
      case OldRow.Unknown ignored -> {
        if (after == null || identity.length == 0) {
          throw new StateDamaged(
              name + " logged a change without its old row although it logs whole rows", null);
        }
        yield find(decode.partial(after, identity));
      }
    };
  }

  private Row find(Row keyed) {
    Row key = key(keyed);
    Optional<Row> inEpoch = touched.get(key);
    Row found;
    if (inEpoch != null) {
      found = inEpoch.orElse(null);
    } else {
      found = truncated ? null : rows.find(key);
    }
    if (found == null) {
      throw new StateDamaged(
          name
              + " changed a row that its arrangement does not hold, key of "
              + schema.toText(keyed),
          null);
    }
    return found;
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
      current = TupleDecoder.of(schema, relation);
      decoder = current;
      described = relation;
    }
    return current;
  }

  // A column that is gone would read as NULL, and one of another type as another value.
  private void checkColumns(Relation now) {
    for (Column column : schema.columns()) {
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
    // A domain is logged under its own OID, and read as its base type.
    boolean builtIn = Integer.compareUnsigned(type, FIRST_USER_OID) < 0;
    if (builtIn && type != column.type().oid()) {
      throw new StateDamaged(
          name + " logs column \"" + column.name() + "\" with another type than before", null);
    }
  }

  private void checkIdentity(Relation now) {
    if (now.identity() == ReplicaIdentity.FULL) {
      return;
    }
    for (int column : identity) {
      String wanted = schema.column(column).name();
      boolean logged = now.columns().stream().anyMatch(c -> c.key() && c.name().equals(wanted));
      if (!logged) {
        throw new StateDamaged(
            name + " no longer logs column \"" + wanted + "\" in its replica identity", null);
      }
    }
  }

  /// How the OID is written in the capture module.
  Oid oid() {
    return new Oid(relation);
  }
}
