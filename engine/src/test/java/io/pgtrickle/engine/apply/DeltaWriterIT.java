package io.pgtrickle.engine.apply;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import io.pgtrickle.engine.catalog.CatalogDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Deltas written into real tables, by every way of finding a row again, against a map of what must
/// be there.
class DeltaWriterIT {
  private static final int ROUNDS = 12;
  // More than DeltaWriter sends as arrays.
  private static final int MANY = 25_000;

  private CatalogDatabase database;
  private Connection connection;

  /// A table and the columns that identify its rows; the last column is never among them.
  enum Layout {
    INTEGER_KEY("k int, v numeric", Identity.Kind.UNIQUE, 1),
    NULLABLE_KEY("k int, l varchar(20), v text", Identity.Kind.UNIQUE, 2),
    MANY_KEYS(
        "a int, b int, c int, d int, e int, f int, g int, h int, i int, j int, k int, l int, v int",
        Identity.Kind.UNIQUE,
        12),
    TEXT_KEY("k text, v bigint", Identity.Kind.KEY_HASH, 1),
    NUMERIC_KEY("k numeric, l float8, v text", Identity.Kind.KEY_HASH, 2),
    COLLATED_KEY("k text COLLATE \"und-x-icu\", v int", Identity.Kind.KEY_HASH, 1),
    COLLATED_SHORT_KEY("k varchar(9) COLLATE \"und-x-icu\", v int", Identity.Kind.UNIQUE, 1),
    SINGLE_ROW("n bigint, v numeric", Identity.Kind.SINGLE_ROW, 0),
    NO_KEY("a int, b text, v numeric", Identity.Kind.ROW_HASH, 0),
    NO_KEY_COLLATED("a text COLLATE \"und-x-icu\", v int", Identity.Kind.ROW_HASH, 0);

    private final String columns;
    private final Identity.Kind kind;
    private final int keys;

    Layout(String columns, Identity.Kind kind, int keys) {
      this.columns = columns;
      this.kind = kind;
      this.keys = keys;
    }

    /// The first columns.
    List<Integer> keyColumns() {
      return IntStream.range(0, keys).boxed().toList();
    }

    Optional<List<Integer>> key() {
      return kind == Identity.Kind.ROW_HASH ? Optional.empty() : Optional.of(keyColumns());
    }
  }

  @BeforeEach
  void open() throws SQLException {
    database = CatalogDatabase.installed();
    connection = database.connection();
  }

  @AfterEach
  void close() throws SQLException {
    database.close();
  }

  @ParameterizedTest
  @EnumSource
  void tableHoldsTheSumOfItsDeltas(Layout layout) throws SQLException {
    StreamTable table = create(layout);
    Model model = new Model(layout, table.schema());
    connection.setAutoCommit(false);
    for (int round = 0; round < ROUNDS; round++) {
      ZSet delta = model.change(round == ROUNDS / 2 ? MANY : 1 + 5 * round);
      new DeltaWriter(connection, table).write(delta);
      connection.commit();
      assertThat(contents()).as("round %d", round).isEqualTo(model.contents());
      ResidueCheck check = new ResidueCheck(table);
      assertThat(check.check(connection, delta, model::weight))
          .isEqualTo(new ResidueCheck.Residue(delta.size(), 0, 0));
    }
  }

  @ParameterizedTest
  @EnumSource
  void oneTransactionTakesSeveralLargeDeltas(Layout layout) throws SQLException {
    StreamTable table = create(layout);
    Model model = new Model(layout, table.schema());
    connection.setAutoCommit(false);
    DeltaWriter writer = new DeltaWriter(connection, table);
    for (int i = 0; i < 3; i++) {
      writer.write(model.change(MANY));
    }
    connection.commit();
    assertThat(contents()).isEqualTo(model.contents());
  }

  @ParameterizedTest
  @EnumSource
  void rowsThatAreNotThereCannotBeTakenAway(Layout layout) throws SQLException {
    StreamTable table = create(layout);
    Model model = new Model(layout, table.schema());
    connection.setAutoCommit(false);
    ZSet delta = model.change(1);
    assertThatThrownBy(() -> new DeltaWriter(connection, table).write(delta.negate()))
        .isInstanceOf(StateDamaged.class)
        .hasMessageContaining("affected 0");
  }

  @ParameterizedTest
  @EnumSource
  void whatIsMissingIsFoundAndWhatIsTooMuchIsRemoved(Layout layout) throws SQLException {
    StreamTable table = create(layout);
    Model model = new Model(layout, table.schema());
    connection.setAutoCommit(false);
    ZSet delta = model.change(20);
    new DeltaWriter(connection, table).write(delta);
    assertThat(new ResidueCheck(table).check(connection, delta, row -> OptionalLong.of(0)))
        .isEqualTo(new ResidueCheck.Residue(delta.size(), 0, copies(delta)));
    assertThat(contents()).isEmpty();
    assertThat(new ResidueCheck(table).check(connection, delta, row -> OptionalLong.empty()))
        .isEqualTo(new ResidueCheck.Residue(0, delta.size(), 0));
    assertThatThrownBy(
            () -> new ResidueCheck(table).check(connection, delta, row -> OptionalLong.of(1)))
        .isInstanceOf(StateDamaged.class)
        .hasMessageContaining("holds 0 copies");
  }

  @ParameterizedTest
  @EnumSource
  void anIndexOfAFormerQueryIsReplaced(Layout layout) throws SQLException {
    StreamTable table = create(layout);
    StreamTable other =
        StorageCatalog.load(connection, 1, "public", "t", Optional.of(List.of(1)), false);
    new DeltaWriter(connection, other).ensureIdentityIndex();
    new DeltaWriter(connection, table).ensureIdentityIndex();
    new DeltaWriter(connection, table).ensureIdentityIndex();
    assertThat(
            database.rows("SELECT indisunique FROM pg_index WHERE indrelid = 'public.t'::regclass"))
        .isEqualTo(
            switch (table.identity().kind()) {
              case UNIQUE -> List.of("t");
              case KEY_HASH, ROW_HASH -> List.of("f");
              case SINGLE_ROW -> List.of();
            });
  }

  private StreamTable create(Layout layout) throws SQLException {
    database.execute("CREATE TABLE public.t (" + layout.columns + ")");
    StreamTable table = StorageCatalog.load(connection, 1, "public", "t", layout.key(), true);
    assertThat(table.identity().kind())
        .isEqualTo(
            layout.kind == Identity.Kind.UNIQUE && serverVersion() < 15
                ? Identity.Kind.KEY_HASH
                : layout.kind);
    new DeltaWriter(connection, table).ensureIdentityIndex();
    return table;
  }

  private int serverVersion() throws SQLException {
    return connection.getMetaData().getDatabaseMajorVersion();
  }

  private static long copies(ZSet delta) {
    long copies = 0;
    for (int i = 0; i < delta.size(); i++) {
      copies += delta.weight(i);
    }
    return copies;
  }

  private Map<String, Long> contents() throws SQLException {
    Map<String, Long> contents = new HashMap<>();
    CatalogDatabase.rows(connection, "SELECT t::text FROM public.t t")
        .forEach(row -> contents.merge(row, 1L, Long::sum));
    return contents;
  }

  /// What must be in the table: rows by their key, or rows with a count where there is none.
  private static final class Model {
    private final Layout layout;
    private final Schema schema;
    private final Random random = new Random(20261121);
    private final Map<Object, Row> byKey = new HashMap<>();
    private ZSet rows = ZSet.EMPTY;

    Model(Layout layout, Schema schema) {
      this.layout = layout;
      this.schema = schema;
    }

    ZSet change(int changes) {
      ZSet.Builder delta = new ZSet.Builder();
      Set<Row> taken = new HashSet<>();
      for (int i = 0; i < changes; i++) {
        @Nullable Object[] values = values(changes);
        if (layout.kind == Identity.Kind.ROW_HASH) {
          delta.add(schema.pack(values), 1 + random.nextInt(3));
          if (!rows.isEmpty()) {
            Row gone = rows.row(random.nextInt(rows.size()));
            if (taken.add(gone)) {
              delta.add(gone, -1);
            }
          }
        } else {
          List<@Nullable Object> key = new ArrayList<>();
          layout.keyColumns().forEach(column -> key.add(values[column]));
          Row now = random.nextInt(4) == 0 ? null : schema.pack(values);
          Row before = now == null ? byKey.remove(key) : byKey.put(key, now);
          if (before != null) {
            delta.add(before, -1);
          }
          if (now != null) {
            delta.add(now, 1);
          }
        }
      }
      ZSet built = delta.build();
      if (built.isEmpty()) {
        return change(changes);
      }
      rows = rows.plus(built);
      return built;
    }

    private @Nullable Object[] values(int changes) {
      int distinct = Math.max(8, 2 * changes);
      @Nullable Object[] values = new @Nullable Object[schema.size()];
      for (int i = 0; i < values.length; i++) {
        // Keys of many columns are alike in most of them.
        int range = layout.keys > 2 && i > 0 ? 2 : distinct;
        values[i] =
            random.nextInt(5) == 0
                ? null
                : schema.codec(i).fromText(Integer.toString(random.nextInt(range)));
      }
      return values;
    }

    OptionalLong weight(Row row) {
      return OptionalLong.of(rows.weightOf(row));
    }

    Map<String, Long> contents() {
      Map<String, Long> contents = new HashMap<>();
      for (int i = 0; i < rows.size(); i++) {
        contents.merge(text(rows.row(i)), rows.weight(i), Long::sum);
      }
      return contents;
    }

    // As the server shows a row of values that need no quotes.
    private String text(Row row) {
      List<String> texts = new ArrayList<>();
      for (int i = 0; i < schema.size(); i++) {
        Object value = schema.value(row, i);
        texts.add(value == null ? "" : schema.codec(i).toText(value));
      }
      return "(" + String.join(",", texts) + ")";
    }
  }
}
