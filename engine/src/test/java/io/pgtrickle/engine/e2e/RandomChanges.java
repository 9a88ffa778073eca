package io.pgtrickle.engine.e2e;

import io.pgtrickle.engine.e2e.RandomQuery.Relation;
import io.pgtrickle.engine.e2e.RandomValues.Column;
import io.pgtrickle.engine.e2e.RandomValues.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/// Three small tables, full of NULLs and duplicates, and random transactions over them.
final class RandomChanges {
  static final String SCHEMA =
      """
      CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
      CREATE TABLE a (id int PRIMARY KEY, k int, n numeric(8,2), t text, d date, o mood, g int[]);
      CREATE TABLE b (id bigint PRIMARY KEY, k int2, m numeric(8,2), t varchar(6), u bool, j jsonb);
      CREATE TABLE c (k int, t char(3), d date, u bool, e timestamp, o mood, j jsonb);
      """;

  static final List<Relation> RELATIONS =
      List.of(
          new Relation(
              "a",
              List.of(
                  new Column("a.id", Kind.INT),
                  new Column("a.k", Kind.INT),
                  new Column("a.n", Kind.NUM),
                  new Column("a.t", Kind.TEXT),
                  new Column("a.d", Kind.DATE),
                  new Column("a.o", Kind.MOOD),
                  new Column("a.g", Kind.INTS))),
          new Relation(
              "b",
              List.of(
                  new Column("b.id", Kind.INT),
                  new Column("b.k", Kind.INT),
                  new Column("b.m", Kind.NUM),
                  new Column("b.t", Kind.TEXT),
                  new Column("b.u", Kind.BOOL),
                  new Column("b.j", Kind.JSON))),
          new Relation(
              "c",
              List.of(
                  new Column("c.k", Kind.INT),
                  new Column("c.t", Kind.TEXT),
                  new Column("c.d", Kind.DATE),
                  new Column("c.u", Kind.BOOL),
                  new Column("c.e", Kind.DATE),
                  new Column("c.o", Kind.MOOD),
                  new Column("c.j", Kind.JSON))));

  /// Texts that every collation sorts alike, but for upper case.
  static final List<String> PLAIN_TEXTS = List.of("'a'", "'b'", "'A'", "'ab'", "''", "'b '");

  /// Texts that languages sort in other ways than bytes: case, accents (also as characters of their
  /// own), punctuation, blanks, letters that become several.
  static final List<String> ACCENTED_TEXTS =
      List.of(
          "'a'",
          "'A'",
          "'á'",
          "'Á'",
          "'a\u0301'",
          "'ab'",
          "'AB'",
          "'a b'",
          "'a-b'",
          "'b'",
          "''",
          "'b '",
          "'ß'",
          "'ss'",
          "'_x'",
          "'10'",
          "'9'",
          "'é'");

  private static final List<String> DOCUMENTS =
      List.of(
          "'{\"a\": 1, \"b\": \"x\", \"l\": [1, 2]}'",
          "'{\"a\": 2}'",
          "'{\"a\": null, \"b\": \"á\", \"l\": [3, null, \"b\"]}'",
          "'{\"c\": {\"a\": 3}, \"l\": []}'",
          "'[1, 2]'",
          "'\"x\"'");

  private static final int IDS = 9;

  private final Random random;
  private final List<String> texts;

  RandomChanges(long seed, List<String> texts) {
    random = new Random(seed);
    this.texts = texts;
  }

  /// The statements of one transaction.
  List<String> transaction() {
    List<String> statements = new ArrayList<>();
    for (int i = 1 + random.nextInt(5); i > 0; i--) {
      statements.add(statement());
    }
    return statements;
  }

  private String statement() {
    return switch (random.nextInt(24)) {
      case 0, 1, 2, 16, 17 -> upsertA();
      case 3, 4, 5, 18, 19 -> upsertB();
      case 6, 7, 20, 21, 22 -> insertC();
      case 8 -> "DELETE FROM a WHERE id = " + id();
      case 9 -> "DELETE FROM b WHERE k = " + small();
      case 10 ->
          // One of several identical rows.
          "DELETE FROM c WHERE ctid IN (SELECT ctid FROM c WHERE k = "
              + small()
              + " ORDER BY ctid LIMIT 1)";
      case 11 -> "DELETE FROM c WHERE coalesce(k, 0) = " + small() + " AND u IS NOT TRUE";
      case 12 -> "UPDATE a SET k = " + number() + ", t = " + text() + " WHERE k > " + small();
      case 13 ->
          // The key itself changes, onto a free one.
          "UPDATE b SET id = id + 20 WHERE id = "
              + id()
              + " AND NOT EXISTS (SELECT FROM b o WHERE o.id = b.id + 20)";
      case 14 -> "UPDATE c SET u = NOT u, k = k + 1 WHERE t = " + text();
      default ->
          random.nextInt(40) == 0
              ? "TRUNCATE " + List.of("a", "b", "c").get(random.nextInt(3))
              : "UPDATE b SET m = m + 0.5, k = NULL WHERE id < " + small();
    };
  }

  private String upsertA() {
    return ("INSERT INTO a VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE"
            + " SET k = EXCLUDED.k, n = EXCLUDED.n, d = EXCLUDED.d, g = EXCLUDED.g")
        .formatted(id(), number(), decimal(), text(), date(), mood(), numbers());
  }

  private String upsertB() {
    return ("INSERT INTO b VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE"
            + " SET k = EXCLUDED.k, t = EXCLUDED.t, u = EXCLUDED.u, j = EXCLUDED.j")
        .formatted(id(), number(), decimal(), text(), truth(), document());
  }

  private String insertC() {
    String row =
        "(%s, %s, %s, %s, %s, %s, %s)"
            .formatted(
                number(),
                text(),
                date(),
                truth(),
                orNull("timestamp '2024-01-01 12:00' + interval '12 h' * " + random.nextInt(5)),
                mood(),
                document());
    return "INSERT INTO c VALUES " + row + (random.nextInt(3) == 0 ? ", " + row : "");
  }

  private int id() {
    return random.nextInt(IDS);
  }

  private int small() {
    return random.nextInt(5);
  }

  private String number() {
    return orNull(String.valueOf(small()));
  }

  private String decimal() {
    return orNull(List.of("0", "1.5", "2.50", "-1.25", "3").get(random.nextInt(5)));
  }

  private String text() {
    return orNull(texts.get(random.nextInt(texts.size())));
  }

  private String date() {
    return orNull("date '2024-01-01' + " + random.nextInt(4));
  }

  private String mood() {
    return orNull(List.of("'sad'", "'ok'", "'happy'").get(random.nextInt(3)));
  }

  private String numbers() {
    return orNull(List.of("'{1,2}'", "'{}'", "'{3,1,NULL}'", "'{2}'").get(random.nextInt(4)));
  }

  private String document() {
    return orNull(DOCUMENTS.get(random.nextInt(DOCUMENTS.size())));
  }

  private String truth() {
    return orNull(String.valueOf(random.nextBoolean()));
  }

  private String orNull(String value) {
    return random.nextInt(6) == 0 ? "NULL" : value;
  }
}
