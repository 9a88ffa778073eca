package io.pgtrickle.engine.apply;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.ZSet;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.function.Function;

/// PH-D1 cleanup: compares the rows an epoch touched in a joining stream table with the weight they
/// must
/// have, recomputed by point look-ups in the input arrangements and never from the delta itself.
///
/// In delta-query engines a deletion on both sides of a join in one refresh can leave *phantom
/// rows* that no
/// committed state contains. The bilinear operators here cannot produce one, so this check is
/// expected to
/// remove nothing, for ever; it exists to prove that on the user's own data. A surplus is removed
/// and
/// counted; a missing row cannot be explained by phantoms and fails the table.
public final class ResidueCheck {
  /// How many rows are read back by one statement.
  static final int BATCH_ROWS = 1_024;

  private final Connection connection;
  private final StreamTable table;

  /// @param connection in a transaction, entitled to write the table
  public ResidueCheck(Connection connection, StreamTable table) {
    this.connection = connection;
    this.table = table;
  }

  /// What a check found.
  ///
  /// @param checked rows whose weight could be recomputed and was compared
  /// @param removed copies that should not have been there
  public record Residue(long checked, long removed) {}

  /// Checks the rows of a delta that was just applied and removes what should not be there.
  ///
  /// @param expected the recomputed weight of a row, empty where no point look-up can tell
  /// @throws StateDamaged when a row has fewer copies than it must
  public Residue check(ZSet touched, Function<Row, OptionalLong> expected) throws SQLException {
    long checked = 0;
    long removed = 0;
    for (ZSet group : byNullKeys(touched)) {
      for (int from = 0; from < group.size(); from += BATCH_ROWS) {
        List<Row> rows = new ArrayList<>();
        List<Long> weights = new ArrayList<>();
        for (int i = from; i < Math.min(from + BATCH_ROWS, group.size()); i++) {
          OptionalLong weight = expected.apply(group.row(i));
          if (weight.isPresent()) {
            rows.add(group.row(i));
            weights.add(weight.getAsLong());
          }
        }
        checked += rows.size();
        removed += compare(rows, weights);
      }
    }
    return new Residue(checked, removed);
  }

  // One statement finds rows that are alike in which of their key columns are NULL: only then can
  // it use
  // the index.
  private Collection<ZSet> byNullKeys(ZSet touched) {
    if (!table.keyed()) {
      return List.of(touched);
    }
    Map<Integer, ZSet.Builder> groups = new TreeMap<>();
    touched.forEach(
        (row, weight) ->
            groups.computeIfAbsent(table.nullKeys(row), _ -> new ZSet.Builder()).add(row, weight));
    return groups.values().stream().map(ZSet.Builder::build).toList();
  }

  private long compare(List<Row> rows, List<Long> weights) throws SQLException {
    if (rows.isEmpty()) {
      return 0;
    }
    long[] actual = copies(rows);
    ZSet.Builder surplus = new ZSet.Builder();
    long removed = 0;
    for (int i = 0; i < actual.length; i++) {
      long extra = actual[i] - weights.get(i);
      if (extra < 0) {
        throw new StateDamaged(
            table.qualifiedName()
                + " holds "
                + actual[i]
                + " copies of a row that its query has "
                + weights.get(i)
                + " times: "
                + table.schema().toText(rows.get(i)),
            null);
      }
      surplus.add(rows.get(i), -extra);
      removed += extra;
    }
    if (removed > 0) {
      new DeltaWriter(connection, table).write(surplus.build());
    }
    return removed;
  }

  private long[] copies(List<Row> rows) throws SQLException {
    DeltaStatements statements = new DeltaStatements(table);
    String sql =
        statements.countCopies(
            new DeltaStatements.Source.Parameters(false),
            table.nullKeyFlags(table.nullKeys(rows.getFirst())));
    try (PreparedStatement count = connection.prepareStatement(sql)) {
      for (int column = 0; column < table.schema().size(); column++) {
        ArrayText array = new ArrayText();
        for (Row row : rows) {
          Object value = table.schema().value(row, column);
          array.add(value == null ? null : table.schema().codec(column).toText(value));
        }
        count.setObject(column + 1, array.toString(), Types.OTHER);
      }
      ArrayText ones = new ArrayText();
      rows.forEach(row -> ones.add(1));
      count.setObject(table.schema().size() + 1, ones.toString(), Types.OTHER);
      long[] copies = new long[rows.size()];
      try (ResultSet result = count.executeQuery()) {
        while (result.next()) {
          copies[Math.toIntExact(result.getLong(1)) - 1] = result.getLong(2);
        }
      }
      return copies;
    }
  }
}
