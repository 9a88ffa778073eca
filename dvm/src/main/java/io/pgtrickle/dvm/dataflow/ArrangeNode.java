package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.operator.Output;
import io.pgtrickle.dvm.operator.Project;
import io.pgtrickle.dvm.operator.RowKey;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.state.Arrangement;
import io.pgtrickle.dvm.state.Batch;
import io.pgtrickle.dvm.state.Lookup;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.state.Walk;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.List;
import java.util.function.ObjLongConsumer;
import org.jspecify.annotations.Nullable;

/// Its input arranged by key expressions, shared by every operator that wants it so.
///
/// Its output is not rows but the step's [Batch] and the snapshots before and after.
final class ArrangeNode extends Node {
  private final RowKey rowKey;
  private final @Nullable Project stored;
  private final boolean dropNulls;
  private final String label;
  private Arrangement arrangement;
  private final ByteSink scratch = new ByteSink();
  private Batch batch = Batch.EMPTY;

  /// What identifies an arrangement.
  ///
  /// @param input the key of the input node
  /// @param keys over the input's row; what is only looked up is ascending, so that all share it
  /// @param stored the columns kept; `null` for the whole row
  /// @param dropNulls whether rows with a NULL in the key are left out
  /// @param settings `null` when the expressions are plain columns, which depend on none
  record Key(
      Object input,
      List<Plan.SortKey> keys,
      @Nullable List<Expr> stored,
      boolean dropNulls,
      @Nullable EvaluationSettings settings) {}

  ArrangeNode(
      Key key,
      Schema schema,
      Node input,
      RowKey rowKey,
      @Nullable Project stored,
      String label,
      Storage storage) {
    super(key, schema, List.of(input));
    this.rowKey = rowKey;
    this.stored = stored;
    this.dropNulls = key.dropNulls();
    this.label = label;
    arrangement = new Arrangement(storage);
  }

  /// Whether rows with a NULL in the key are missing.
  boolean dropsNulls() {
    return dropNulls;
  }

  @Override
  String label() {
    return label;
  }

  @Override
  void run(Output out) {
    batch = batch(input(0).output(), rowKey, stored, dropNulls, scratch, out);
    arrangement.stage(batch);
    if (input(0) instanceof SourceNode source && source.firstArrangement() == this) {
      checkRetractions(source);
    }
  }

  static Batch batch(
      ZSet delta,
      RowKey rowKey,
      @Nullable Project stored,
      boolean dropNulls,
      ByteSink scratch,
      Output out) {
    Batch.Builder builder = new Batch.Builder(delta.size());
    for (int i = 0; i < delta.size(); i++) {
      Row row = delta.row(i);
      try {
        if (rowKey.encode(row, scratch) || !dropNulls) {
          builder.add(scratch, stored == null ? row : stored.project(row), delta.weight(i));
        }
      } catch (EvaluationFailure failure) {
        out.fail(failure, delta.weight(i));
      }
    }
    return builder.build();
  }

  // Deleting a row that is not there means that the changes do not belong to the contents we have.
  private void checkRetractions(SourceNode source) {
    if (batch.retractions() == 0) {
      return;
    }
    Lookup after = arrangement.staged().lookup();
    Walk walk = Batch.walk(batch);
    while (walk.next()) {
      walk.forEach(
          0,
          (row, weight) -> {
            if (weight < 0 && after.weight(walk.key(), row) < 0) {
              throw new StateDamaged(
                  source.scan().name()
                      + " loses a row that it does not have; the changes received do not belong to"
                      + " the contents the state was built from",
                  null);
            }
          });
    }
  }

  /// Whether the key that a walk is at has a NULL in it, told from a row of this node's batch.
  boolean isNullKey(Walk walk, int own) {
    if (dropNulls) {
      return false;
    }
    if (stored != null) {
      throw new IllegalStateException("the key cannot be told from the columns that are kept");
    }
    NullTest test = new NullTest();
    walk.forEach(own, test);
    return test.isNull;
  }

  // All rows of a key have the same one, so the first tells.
  private final class NullTest implements ObjLongConsumer<Row> {
    private boolean asked;
    private boolean isNull;

    @Override
    public void accept(Row row, long weight) {
      if (!asked) {
        asked = true;
        isNull = !rowKey.encode(row, scratch);
      }
    }
  }

  /// The step's delta; empty when it did not run.
  Batch batch() {
    return batch;
  }

  Snapshot before() {
    return arrangement.current();
  }

  Snapshot after() {
    return arrangement.staged();
  }

  @Override
  long rowsPassedOn() {
    return batch.size();
  }

  @Override
  boolean changed() {
    return !batch.isEmpty();
  }

  @Override
  void keepState() {
    batch = Batch.EMPTY;
    arrangement.keep();
  }

  @Override
  boolean commitState() {
    batch = Batch.EMPTY;
    return arrangement.commit();
  }

  @Override
  void rollbackState() {
    batch = Batch.EMPTY;
    arrangement.rollback();
  }

  @Override
  boolean settle() {
    return arrangement.settle();
  }

  @Override
  Arrangement state() {
    return arrangement;
  }

  @Override
  void restore(Arrangement saved) {
    close();
    arrangement = saved;
  }

  @Override
  void close() {
    arrangement.close();
  }

  @Override
  StateSize stateSize() {
    Snapshot contents = arrangement.snapshot();
    return new StateSize(contents.rows(), contents.bytes());
  }

  /// The columns that are its key, when it keeps whole rows under plain columns; else `null`.
  @Nullable List<Integer> plainKey() {
    Key key = (Key) key();
    boolean ascending =
        key.keys().stream().allMatch(by -> by.equals(Plan.SortKey.ascending(by.value())));
    if (stored != null || key.settings() != null || !ascending) {
      return null;
    }
    return key.keys().stream().map(by -> ((Expr.Column) by.value()).index()).toList();
  }

  RowKey rowKey() {
    return rowKey;
  }
}
