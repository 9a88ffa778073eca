package io.pgtrickle.engine.apply;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// The SQL that writes a delta into one storage table.
///
/// A statement reads its rows from a *source*: either the one parameter, a `text[]` with an array
/// text
/// per column and one of weights, or the staging table that COPY filled. A keyed table is written
/// by
/// its key, any other by the index on `hash_record_extended(ROW(…), 0)`, rechecked by the image
/// equality so that exactly the displayed row goes, and exactly as many copies as asked.
final class DeltaStatements {
  private final StreamTable table;
  private final List<String> columns;

  DeltaStatements(StreamTable table) {
    this.table = table;
    this.columns = table.schema().columns().stream().map(c -> Identifiers.quote(c.name())).toList();
  }

  String insert(Source source) {
    // A row with a key has one copy.
    String copies = table.keyed() ? "" : ", LATERAL generate_series(1, d.w)";
    return "INSERT INTO "
        + table.qualifiedName()
        + " ("
        + String.join(", ", columns)
        + ") SELECT "
        + delta("d", all())
        + " FROM "
        + source.from(this, all())
        + copies
        + source.where();
  }

  /// Overwrites rows by key.
  ///
  /// @param nullKeys what [StreamTable#nullKeys] says of every row of the source
  String update(Source source, int nullKeys) {
    String assignments =
        IntStream.range(0, columns.size())
            .mapToObj(i -> columns.get(i) + " = d.c" + i)
            .collect(Collectors.joining(", "));
    return "UPDATE "
        + table.qualifiedName()
        + " AS t SET "
        + assignments
        + " FROM "
        + source.from(this, all())
        + source.whereAnd(keyMatches(nullKeys));
  }

  String deleteByKey(Source source, int nullKeys) {
    return "DELETE FROM "
        + table.qualifiedName()
        + " AS t USING "
        + source.from(this, table.identity().key())
        + source.whereAnd(keyMatches(nullKeys));
  }

  String deleteByImage(Source source) {
    return "DELETE FROM "
        + table.qualifiedName()
        + " WHERE ctid = ANY (ARRAY(SELECT x.id FROM (SELECT t.ctid AS id, d.w,"
        + " row_number() OVER (PARTITION BY d.n) AS copy FROM "
        + source.fromNumbered(this, all())
        + " JOIN "
        + table.qualifiedName()
        + " AS t ON "
        + imageMatches()
        + source.where()
        + ") AS x WHERE x.copy <= x.w))";
  }

  /// Counts, per row of the source, the copies that the table holds: pairs of the row's number in
  /// the source, from 1, and the count.
  String countCopies(Source source, int nullKeys) {
    return "SELECT d.n, (SELECT count(*) FROM "
        + table.qualifiedName()
        + " AS t WHERE "
        + (table.keyed() ? keyMatches(nullKeys) + " AND " + sameImage() : imageMatches())
        + ") FROM "
        + source.fromNumbered(this, all());
  }

  /// Tells whether several rows of a keyed table have the same key, by the equality that a unique
  /// index has.
  String repeatsKey() {
    List<Integer> key = table.identity().key();
    String groups =
        key.isEmpty() ? "()" : key.stream().map(columns::get).collect(Collectors.joining(", "));
    return "SELECT EXISTS (SELECT FROM ONLY "
        + table.qualifiedName()
        + " GROUP BY "
        + groups
        + " HAVING count(*) > 1)";
  }

  /// The index that finds rows again, so that every statement here costs as much as the delta;
  /// empty
  /// where none is needed.
  Optional<Index> identityIndex() {
    List<Integer> key = table.identity().key();
    return switch (table.identity().kind()) {
      case UNIQUE ->
          Optional.of(
              index(
                  "UNIQUE ",
                  key.stream().map(columns::get).collect(Collectors.joining(", ")),
                  " NULLS NOT DISTINCT"));
      case KEY_HASH -> Optional.of(index("", "(" + hash(key, columns::get) + ")", ""));
      case SINGLE_ROW -> Optional.empty();
      case ROW_HASH -> Optional.of(index("", "(" + hash(all(), columns::get) + ")", ""));
    };
  }

  /// An index of ours. Its name tells what is indexed, so that one that a former query left behind
  /// is
  /// not taken for it.
  ///
  /// @param name unquoted
  /// @param create does nothing when an index of this name exists
  record Index(String name, String create) {}

  /// What the names of the table's identity indexes begin with.
  String indexPrefix() {
    return "pgt_identity_" + table.id() + "_";
  }

  private Index index(String unique, String indexed, String nulls) {
    String name = indexPrefix() + Integer.toHexString((unique + indexed).hashCode());
    return new Index(
        name,
        "CREATE "
            + unique
            + "INDEX IF NOT EXISTS "
            + Identifiers.quote(name)
            + " ON "
            + table.qualifiedName()
            + " ("
            + indexed
            + ")"
            + nulls);
  }

  private String keyMatches(int nullKeys) {
    List<Integer> key = table.identity().key();
    List<String> terms = new ArrayList<>();
    boolean hashed = table.identity().kind() == Identity.Kind.KEY_HASH;
    if (hashed) {
      terms.add(hash(key, i -> "t." + columns.get(i)) + " = " + hash(key, this::given));
    }
    for (int k = 0; k < key.size(); k++) {
      int column = key.get(k);
      String left = "t." + columns.get(column);
      String right = given(column);
      if (hashed) {
        terms.add(left + " IS NOT DISTINCT FROM " + right);
      } else {
        terms.add((nullKeys & 1 << k) != 0 ? left + " IS NULL" : left + " = " + right);
      }
    }
    return terms.isEmpty() ? "true" : String.join(" AND ", terms);
  }

  private String imageMatches() {
    return hash(all(), i -> "t." + columns.get(i))
        + " = "
        + hash(all(), this::given)
        + " AND "
        + sameImage();
  }

  // Spelled as a call: the parser takes ROW(…) *= ROW(…) apart into comparisons of the columns.
  private String sameImage() {
    return "record_image_eq(" + rowOf("t") + ", " + delta("d", all(), "ROW(", ")") + ")";
  }

  private String hash(List<Integer> positions, IntFunction<String> column) {
    return positions.stream()
        .flatMap(i -> table.hashed().get(i).map(form -> form.formatted(column.apply(i))).stream())
        .collect(Collectors.joining(", ", "hash_record_extended(ROW(", "), 0)"));
  }

  // A source's column, compared as the table's own column is.
  private String given(int column) {
    return "d.c" + column + table.collations().get(column);
  }

  private String rowOf(String alias) {
    return columns.stream()
        .map(c -> alias + "." + c)
        .collect(Collectors.joining(", ", "ROW(", ")"));
  }

  private static String delta(String alias, List<Integer> positions) {
    return delta(alias, positions, "", "");
  }

  private static String delta(String alias, List<Integer> positions, String open, String close) {
    return positions.stream()
        .map(i -> alias + ".c" + i)
        .collect(Collectors.joining(", ", open, close));
  }

  private List<Integer> all() {
    return IntStream.range(0, columns.size()).boxed().toList();
  }

  /// Where a statement finds its rows, as columns c0, c1, … and the weight w.
  sealed interface Source {
    String from(DeltaStatements statements, List<Integer> positions);

    String fromNumbered(DeltaStatements statements, List<Integer> positions);

    String where();

    default String whereAnd(String condition) {
      return where().isEmpty() ? " WHERE " + condition : where() + " AND " + condition;
    }

    /// The statement's parameters: one array text per position, then the weights.
    ///
    /// @param owned whether the statement runs inside the owner's function, which has them as the
    ///     elements of its only parameter
    record Parameters(boolean owned) implements Source {
      @Override
      public String from(DeltaStatements statements, List<Integer> positions) {
        return unnest(statements, positions) + " AS d(" + names(positions) + "w)";
      }

      @Override
      public String fromNumbered(DeltaStatements statements, List<Integer> positions) {
        return unnest(statements, positions)
            + " WITH ORDINALITY AS d("
            + names(positions)
            + "w, n)";
      }

      @Override
      public String where() {
        return "";
      }

      private String unnest(DeltaStatements statements, List<Integer> positions) {
        StringBuilder sql = new StringBuilder("unnest(");
        for (int i = 0; i < positions.size(); i++) {
          sql.append(placeholder(i))
              .append("::")
              .append(statements.table.typeNames().get(positions.get(i)))
              .append("[], ");
        }
        return sql.append(placeholder(positions.size())).append("::int8[])").toString();
      }

      private String placeholder(int index) {
        return owned ? "($1)[" + (index + 1) + "]" : "?";
      }

      private static String names(List<Integer> positions) {
        return positions.stream().map(i -> "c" + i + ", ").collect(Collectors.joining());
      }
    }

    /// The rows of one kind in a staging table, see [StagingTable].
    record Stage(String name, long code) implements Source {
      @Override
      public String from(DeltaStatements statements, List<Integer> positions) {
        return StagingTable.rows(name, statements.table) + " AS d";
      }

      @Override
      public String fromNumbered(DeltaStatements statements, List<Integer> positions) {
        return "(SELECT s.*, row_number() OVER () AS n FROM "
            + StagingTable.rows(name, statements.table)
            + " AS s WHERE s.kind = "
            + code
            + ") AS d";
      }

      @Override
      public String where() {
        return " WHERE d.kind = " + code;
      }
    }
  }

  /// What is to be done with a staged row.
  enum StageKind {
    DELETE(0),
    UPDATE(1),
    INSERT(2);

    private final int code;

    StageKind(int code) {
      this.code = code;
    }

    /// As it stands in the staging table.
    int code() {
      return code;
    }
  }
}
