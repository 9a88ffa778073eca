package io.pgtrickle.engine.apply;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.ZSet;
import io.pgtrickle.engine.catalog.Pipeline;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.function.Function;

/// PH-D1 cleanup: compares the rows an epoch touched in a joining stream table with the weight they
/// must have, recomputed by point look-ups in the input arrangements and never from the delta
/// itself.
///
/// In delta-query engines a deletion on both sides of a join in one refresh can leave *phantom
/// rows* that no committed state contains. The bilinear operators here cannot produce one, so this
/// check is expected to remove nothing, for ever; it exists to prove that on the user's own data. A
/// surplus is removed and counted; a missing row cannot be explained by phantoms and fails the
/// table.
///
/// Rows whose weight no bounded look-up tells are counted as unchecked.
///
/// A small delta is read back in the transaction that writes it, in the same round trip
/// ([#readBack], then [#removeSurplus]): nobody ever sees what is removed. A large one is checked
/// after its commit ([#check]), so that its rows are visible before their proof.
public final class ResidueCheck {
  /// How many rows are read back by one statement.
  static final int BATCH_ROWS = 1_024;

  private final StreamTable table;
  private final ZSet.Builder surplus = new ZSet.Builder();
  private long checked;
  private long unchecked;
  private long removed;

  /// A check of one delta.
  public ResidueCheck(StreamTable table) {
    this.table = table;
  }

  /// What a check found.
  ///
  /// @param checked rows whose weight could be recomputed and was compared
  /// @param unchecked rows whose weight could not be recomputed with bounded work
  /// @param removed copies that should not have been there
  public record Residue(long checked, long unchecked, long removed) {}

  /// Whether a delta is read back in the transaction that writes it.
  static boolean belongsToEpoch(ZSet touched) {
    return touched.size() <= BATCH_ROWS;
  }

  /// Checks the rows of a delta that was applied before, and removes what should not be there.
  ///
  /// @param session in a transaction, entitled to write the table
  /// @param expected the recomputed weight of a row, empty where no point look-up can tell
  /// @throws StateDamaged when a row has fewer copies than it must
  public Residue check(Connection session, ZSet touched, Function<Row, OptionalLong> expected)
      throws SQLException {
    for (int from = 0; from < touched.size(); from += BATCH_ROWS) {
      ZSet.Builder batch = new ZSet.Builder();
      for (int i = from; i < Math.min(from + BATCH_ROWS, touched.size()); i++) {
        batch.add(touched.row(i), touched.weight(i));
      }
      Pipeline pipeline = new Pipeline();
      OwnerCalls.ownSettings(pipeline);
      readBack(batch.build(), expected, pipeline);
      pipeline.run(session);
    }
    return removeSurplus(session);
  }

  /// Adds to a pipeline, after what writes the rows, what reads them back.
  ///
  /// @param expected as for [#check]; asked at once
  void readBack(ZSet touched, Function<Row, OptionalLong> expected, Pipeline pipeline) {
    DeltaStatements statements = new DeltaStatements(table);
    byNullKeys(touched)
        .forEach(
            (nullKeys, rows) -> {
              Batch batch = Batch.of(rows, expected);
              unchecked += rows.size() - batch.rows.size();
              if (!batch.rows.isEmpty()) {
                checked += batch.rows.size();
                OwnerCalls.query(
                    table,
                    statements.countCopies(
                        new DeltaStatements.Source.Parameters(table.delegated()), nullKeys),
                    arrays(batch.rows),
                    "n pg_catalog.int8, copies pg_catalog.int8",
                    pipeline,
                    counts -> {
                      while (counts.next()) {
                        int i = Math.toIntExact(counts.getLong(1)) - 1;
                        compare(batch.rows.get(i), counts.getLong(2), batch.weights.get(i));
                      }
                    });
              }
            });
  }

  /// Removes what [#readBack] found too much of.
  ///
  /// @param session in the transaction that read it
  Residue removeSurplus(Connection session) throws SQLException {
    if (removed > 0) {
      new DeltaWriter(session, table).write(surplus.build());
    }
    return new Residue(checked, unchecked, removed);
  }

  private record Batch(List<Row> rows, List<Long> weights) {
    static Batch of(ZSet touched, Function<Row, OptionalLong> expected) {
      List<Row> rows = new ArrayList<>();
      List<Long> weights = new ArrayList<>();
      for (int i = 0; i < touched.size(); i++) {
        OptionalLong weight = expected.apply(touched.row(i));
        if (weight.isPresent()) {
          rows.add(touched.row(i));
          weights.add(weight.getAsLong());
        }
      }
      return new Batch(rows, weights);
    }
  }

  // One statement finds rows that are alike in which of their key columns are NULL: only then can
  // it use the index.
  private Map<Integer, ZSet> byNullKeys(ZSet touched) {
    Map<Integer, ZSet.Builder> groups = new TreeMap<>();
    touched.forEach(
        (row, weight) ->
            groups
                .computeIfAbsent(table.nullKeys(row), nullKeys -> new ZSet.Builder())
                .add(row, weight));
    Map<Integer, ZSet> built = new TreeMap<>();
    groups.forEach((nullKeys, rows) -> built.put(nullKeys, rows.build()));
    return built;
  }

  private void compare(Row row, long actual, long expected) {
    long extra = actual - expected;
    if (extra < 0) {
      throw new StateDamaged(
          table.qualifiedName()
              + " holds "
              + actual
              + " copies of a row that its query has "
              + expected
              + " times",
          null);
    }
    surplus.add(row, -extra);
    removed += extra;
  }

  private List<String> arrays(Collection<Row> rows) {
    List<String> arrays = new ArrayList<>();
    for (int column = 0; column < table.schema().size(); column++) {
      ArrayText array = new ArrayText();
      for (Row row : rows) {
        Object value = table.schema().value(row, column);
        array.add(value == null ? null : table.schema().codec(column).toText(value));
      }
      arrays.add(array.toString());
    }
    ArrayText ones = new ArrayText();
    rows.forEach(row -> ones.add(1));
    arrays.add(ones.toString());
    return arrays;
  }
}
