package io.pgtrickle.engine.apply;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import io.pgtrickle.engine.apply.DeltaStatements.Source;
import io.pgtrickle.engine.apply.DeltaStatements.StageKind;
import io.pgtrickle.engine.catalog.Pipeline;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyIn;

/// Writes the delta of one stream table inside the caller's transaction.
///
/// Small deltas go as arrays through `unnest`, large ones by COPY into a staging table; either way
/// it is one statement per kind of change, deletions first. Every affected-row count is compared
/// with
/// the
/// delta: a difference means the table is not what the state believes, and fails the transaction.
///
/// Serves one transaction.
public final class DeltaWriter {
  // Above this many rows COPY into a staging table is cheaper than array texts.
  private static final int STAGE_ROWS = 20_000;
  // Up to here a nested loop through the index beats every plan that reads the whole table.
  private static final int NESTED_LOOP_ROWS = 100_000;
  // One array parameter stays far below the server's limit of 1 GiB.
  private static final int CHUNK_ROWS = 5_000;

  private final Connection connection;
  private final StreamTable table;
  private final DeltaStatements statements;

  /// @param connection in a transaction, its session holding what the guard trigger asks for
  public DeltaWriter(Connection connection, StreamTable table) {
    this.connection = connection;
    this.table = table;
    this.statements = new DeltaStatements(table);
  }

  /// How many rows were written.
  ///
  /// @param inserted rows that appeared, an updated row counting once here and once as deleted
  /// @param deleted rows that disappeared
  public record Written(long inserted, long deleted) {}

  /// Applies the whole delta at once.
  ///
  /// @throws StateDamaged when the table did not hold the rows to delete or update
  public Written write(ZSet delta) throws SQLException {
    Pipeline pipeline = new Pipeline();
    Written written = write(delta, pipeline);
    pipeline.run(connection);
    return written;
  }

  /// Adds to a pipeline what applies the delta, or does it at once where that needs more than one
  /// round trip: a large delta.
  ///
  /// @return what will have been written when the pipeline has run without failing; it throws
  ///     [StateDamaged] when the table does not hold the rows to delete or update
  public Written write(ZSet delta, Pipeline pipeline) throws SQLException {
    if (delta.isEmpty()) {
      return new Written(0, 0);
    }
    Batches batches = table.keyed() ? keyed(delta) : byImage(delta);
    if (isStaged(delta)) {
      String stage = stage(batches);
      boolean manyRows = delta.size() > NESTED_LOOP_ROWS;
      if (manyRows) {
        planner("on");
      }
      writeStaged(batches, stage);
      if (manyRows) {
        planner("off");
      }
    } else {
      writeArrays(batches, pipeline);
    }
    long inserted = 0;
    long deleted = 0;
    for (int i = 0; i < delta.size(); i++) {
      long weight = delta.weight(i);
      if (weight > 0) {
        inserted += weight;
      } else {
        deleted -= weight;
      }
    }
    return new Written(inserted, deleted);
  }

  private boolean isStaged(ZSet delta) {
    return delta.size() > STAGE_ROWS
        || table.schema().columns().stream().anyMatch(c -> c.type().kind() == TypeKind.OPAQUE);
  }

  /// Whether several rows of the table have what is a key by its query. Contents of another query
  /// may, and those that somebody has tampered with.
  public boolean repeatsKeys() throws SQLException {
    if (!table.keyed()) {
      return false;
    }
    AtomicBoolean repeated = new AtomicBoolean();
    Pipeline pipeline = new Pipeline();
    Pipeline.Reader reader =
        row -> {
          row.next();
          repeated.set(row.getBoolean(1));
        };
    if (table.delegated()) {
      OwnerCalls.query(
          table, statements.repeatsKey(), List.of(), "repeated pg_catalog.bool", pipeline, reader);
    } else {
      pipeline.query(statements.repeatsKey(), List.of(), reader);
    }
    pipeline.run(connection);
    return repeated.get();
  }

  /// Creates the index that finds rows again, unless it is there, and drops what an earlier query
  /// left of its kind.
  public void ensureIdentityIndex() throws SQLException {
    dropFormerIdentityIndexes();
    Optional<DeltaStatements.Index> wanted = statements.identityIndex();
    if (wanted.isPresent()) {
      execute(wanted.get().create());
    }
  }

  /// Drops the indexes that an earlier query left: rows of this one may be the same to them.
  public void dropFormerIdentityIndexes() throws SQLException {
    Optional<DeltaStatements.Index> wanted = statements.identityIndex();
    for (String name : identityIndexes()) {
      if (!Optional.of(name).equals(wanted.map(DeltaStatements.Index::name))) {
        execute(
            "DROP INDEX " + Identifiers.quote(table.schemaName()) + "." + Identifiers.quote(name));
      }
    }
  }

  private List<String> identityIndexes() throws SQLException {
    try (PreparedStatement query =
        connection.prepareStatement(
            "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
                + " WHERE i.indrelid = ?::oid AND starts_with(c.relname, ?)")) {
      query.setObject(1, Integer.toUnsignedString(table.relation()), Types.OTHER);
      query.setString(2, statements.indexPrefix());
      try (ResultSet rows = query.executeQuery()) {
        List<String> names = new ArrayList<>();
        while (rows.next()) {
          names.add(rows.getString(1));
        }
        return names;
      }
    }
  }

  private Batches byImage(ZSet delta) {
    Batches batches = new Batches();
    for (int i = 0; i < delta.size(); i++) {
      long weight = delta.weight(i);
      Batch batch = weight < 0 ? batches.of(StageKind.DELETE, 0) : batches.of(StageKind.INSERT, 0);
      batch.add(delta.row(i), Math.abs(weight));
    }
    return batches;
  }

  private Batches keyed(ZSet delta) {
    KeyedDelta changes = KeyedDelta.of(table, delta);
    Batches batches = new Batches();
    for (Row row : changes.deleted()) {
      batches.of(StageKind.DELETE, table.nullKeys(row)).add(row, 1);
    }
    for (Row row : changes.updated()) {
      batches.of(StageKind.UPDATE, table.nullKeys(row)).add(row, 1);
    }
    for (Row row : changes.inserted()) {
      batches.of(StageKind.INSERT, 0).add(row, 1);
    }
    return batches;
  }

  private void writeArrays(Batches batches, Pipeline pipeline) throws SQLException {
    Source source = new Source.Parameters(table.delegated());
    for (Map.Entry<BatchKind, Batch> entry : batches.byKind.entrySet()) {
      BatchKind kind = entry.getKey();
      Batch batch = entry.getValue();
      String sql = sql(kind, source);
      List<Integer> positions =
          kind.kind == StageKind.DELETE && table.keyed() ? table.identity().key() : all();
      for (int from = 0; from < batch.rows.size(); from += CHUNK_ROWS) {
        int to = Math.min(from + CHUNK_ROWS, batch.rows.size());
        long copies = batch.copies(from, to);
        List<String> arrays = arrays(batch, positions, from, to);
        OwnerCalls.exec(table, sql, arrays, pipeline, affected -> check(kind, copies, affected));
      }
    }
  }

  private void writeStaged(Batches batches, String stage) throws SQLException {
    for (Map.Entry<BatchKind, Batch> entry : batches.byKind.entrySet()) {
      Batch batch = entry.getValue();
      check(
          entry.getKey(),
          batch.copies(0, batch.rows.size()),
          execute(sql(entry.getKey(), new Source.Stage(stage, entry.getKey().code()))));
    }
  }

  private String sql(BatchKind kind, Source source) {
    return switch (kind.kind) {
      case DELETE ->
          table.keyed()
              ? statements.deleteByKey(source, kind.nullKeys)
              : statements.deleteByImage(source);
      case UPDATE -> statements.update(source, kind.nullKeys);
      case INSERT -> statements.insert(source);
    };
  }

  private void check(BatchKind kind, long expected, long affected) {
    if (expected != affected) {
      throw new StateDamaged(
          "writing "
              + table.qualifiedName()
              + ": "
              + kind.kind
              + " of "
              + expected
              + " rows affected "
              + affected
              + "; the table was changed by someone else and is rebuilt",
          null);
    }
  }

  private List<String> arrays(Batch batch, List<Integer> positions, int from, int to) {
    Schema schema = table.schema();
    List<String> arrays = new ArrayList<>(positions.size() + 1);
    for (int column : positions) {
      ArrayText array = new ArrayText();
      for (int i = from; i < to; i++) {
        Object value = schema.value(batch.rows.get(i), column);
        array.add(value == null ? null : schema.codec(column).toText(value));
      }
      arrays.add(array.toString());
    }
    ArrayText weights = new ArrayText();
    for (int i = from; i < to; i++) {
      weights.add(batch.weights.getLong(i));
    }
    arrays.add(weights.toString());
    return arrays;
  }

  // Returns the staging table's name.
  private String stage(Batches batches) throws SQLException {
    String stage = StagingTable.emptied(connection, table);
    CopyIn copy =
        connection.unwrap(PGConnection.class).getCopyAPI().copyIn(StagingTable.copyInto(stage));
    try {
      ByteSink out = new ByteSink(1 << 16);
      CopyBinary.header(out);
      for (Map.Entry<BatchKind, Batch> entry : batches.byKind.entrySet()) {
        Batch batch = entry.getValue();
        for (int i = 0; i < batch.rows.size(); i++) {
          CopyBinary.row(
              table.schema(),
              batch.rows.get(i),
              entry.getKey().code(),
              batch.weights.getLong(i),
              out);
          if (out.size() > 1 << 15) {
            copy.writeToCopy(out.array(), 0, out.size());
            out.clear();
          }
        }
      }
      CopyBinary.trailer(out);
      copy.writeToCopy(out.array(), 0, out.size());
      copy.endCopy();
    } finally {
      if (copy.isActive()) {
        copy.cancelCopy();
      }
    }
    try (Statement analyze = connection.createStatement()) {
      analyze.execute("ANALYZE " + stage);
    }
    return stage;
  }

  private long execute(String sql) throws SQLException {
    AtomicLong count = new AtomicLong();
    Pipeline pipeline = new Pipeline();
    OwnerCalls.exec(table, sql, List.of(), pipeline, count::set);
    pipeline.run(connection);
    return count.get();
  }

  private void planner(String value) throws SQLException {
    try (Statement set = connection.createStatement()) {
      set.execute(
          "SET LOCAL enable_hashjoin = " + value + "; SET LOCAL enable_mergejoin = " + value);
    }
  }

  private List<Integer> all() {
    return java.util.stream.IntStream.range(0, table.schema().size()).boxed().toList();
  }

  /// What is done with the rows of a batch, and which of their key columns are NULL.
  private record BatchKind(StageKind kind, int nullKeys) implements Comparable<BatchKind> {
    /// The staging table's `kind` of such rows.
    long code() {
      return ((long) kind.code() << Integer.SIZE) | (nullKeys & 0xFFFF_FFFFL);
    }

    // Deletions come before updates, those before insertions: no transient unique violation.
    @Override
    public int compareTo(BatchKind other) {
      int byKind = kind.compareTo(other.kind);
      return byKind != 0 ? byKind : Integer.compareUnsigned(nullKeys, other.nullKeys);
    }
  }

  private static final class Batches {
    private final Map<BatchKind, Batch> byKind = new TreeMap<>();
    private @Nullable BatchKind lastKind;
    private Batch last = new Batch();

    // Nearly all rows are of the same kind as the one before.
    Batch of(StageKind kind, int nullKeys) {
      if (lastKind == null || lastKind.kind != kind || lastKind.nullKeys != nullKeys) {
        lastKind = new BatchKind(kind, nullKeys);
        last = byKind.computeIfAbsent(lastKind, k -> new Batch());
      }
      return last;
    }
  }

  private static final class Batch {
    private final List<Row> rows = new ArrayList<>();
    private final it.unimi.dsi.fastutil.longs.LongArrayList weights =
        new it.unimi.dsi.fastutil.longs.LongArrayList();

    void add(Row row, long weight) {
      rows.add(row);
      weights.add(weight);
    }

    long copies(int from, int to) {
      long[] slice = Arrays.copyOfRange(weights.elements(), from, to);
      return Arrays.stream(slice).sum();
    }
  }
}
