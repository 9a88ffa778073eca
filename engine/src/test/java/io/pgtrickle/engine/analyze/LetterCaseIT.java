package io.pgtrickle.engine.analyze;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.expr.CaseMapping;
import io.pgtrickle.dvm.expr.Collation;
import io.pgtrickle.engine.catalog.CatalogDatabase;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// The table of upper and lower case against the server's own functions.
class LetterCaseIT {
  private static final int FIRST_SURROGATE = 0xD800;
  private static final int LAST_SURROGATE = 0xDFFF;

  private static CatalogDatabase database;

  private record Named(String name, Collation collation) {}

  @BeforeAll
  static void open() throws SQLException {
    database = CatalogDatabase.empty();
  }

  @AfterAll
  static void close() throws SQLException {
    database.close();
  }

  @Test
  void everyCollationThatMapsCharactersHasTheServersTable() throws SQLException {
    List<Named> collations = List.of(databaseCollation(), of("C"), of("POSIX"), of("C.utf8"));
    Connection server = database.connection();
    for (Named named : collations) {
      assertThat(named.collation().casesCharacters()).as(named.name()).isTrue();
      assertAlike(server, named.name(), LetterCase.read(server, named.name()).orElseThrow());
    }
  }

  @Test
  void builtinSimpleRulesAreATableAndFullOnesAreNot() throws SQLException {
    Connection server = database.connection();
    for (String name :
        database.rows("SELECT collname FROM pg_collation WHERE collprovider = 'b'")) {
      Named named = of(name);
      boolean simple = !name.equals("pg_unicode_fast");
      assertThat(named.collation().casesCharacters()).as(name).isEqualTo(simple);
      if (simple) {
        assertAlike(server, named.name(), LetterCase.read(server, named.name()).orElseThrow());
      }
    }
  }

  @Test
  void whatMapsStringsHasNoTable() throws SQLException {
    assertThat(of("und-x-icu").collation().casesCharacters()).isFalse();
    assertThat(LetterCase.read(database.connection(), "\"pg_catalog\".\"und-x-icu\""))
        .as("sharp s becomes two letters")
        .isEmpty();
    assertThat(LetterCase.read(database.connection(), "\"nowhere\"")).isEmpty();
  }

  @Test
  void theTableOfAsciiIsThatOfTheCCollation() throws SQLException {
    assertThat(LetterCase.read(database.connection(), "\"C\"")).contains(CaseMapping.ASCII);
  }

  private static void assertAlike(Connection server, String collation, CaseMapping table)
      throws SQLException {
    Random random = new Random(20261121);
    try (PreparedStatement query =
        server.prepareStatement(
            "SELECT lower(s COLLATE %1$s), upper(s COLLATE %1$s) FROM (SELECT ?::text) t (s)"
                .formatted(collation))) {
      for (int i = 0; i < 300; i++) {
        String text = text(random);
        query.setString(1, text);
        try (ResultSet row = query.executeQuery()) {
          row.next();
          assertThat(table.lower(text)).as("lower under %s", collation).isEqualTo(row.getString(1));
          assertThat(table.upper(text)).as("upper under %s", collation).isEqualTo(row.getString(2));
        }
      }
    }
  }

  // Letters mostly, of all scripts; every code point now and then.
  private static String text(Random random) {
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(60); i >= 0; i--) {
      int codePoint =
          random.nextInt(4) == 0
              ? 1 + random.nextInt(Character.MAX_CODE_POINT)
              : 1 + random.nextInt(random.nextBoolean() ? 0x600 : 0x1F000);
      boolean surrogate = codePoint >= FIRST_SURROGATE && codePoint <= LAST_SURROGATE;
      text.appendCodePoint(surrogate ? 'ẞ' : codePoint);
    }
    return text.toString();
  }

  private static Named databaseCollation() throws SQLException {
    String[] row =
        database
            .rows(
                "SELECT coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') || '/' || datcollate || '/'"
                    + " || datctype FROM pg_database d WHERE datname = current_database()")
            .getFirst()
            .split("/", -1);
    return new Named(
        "\"pg_catalog\".\"default\"", Collation.of(row[0].charAt(0), row[1], row[2], "", true));
  }

  private static Named of(String name) throws SQLException {
    String locale =
        database.connection().getMetaData().getDatabaseMajorVersion() >= 17
            ? "colllocale"
            : "NULL::text";
    String[] row =
        database
            .rows(
                "SELECT collprovider::text || '/' || coalesce(collcollate, '') || '/'"
                    + " || coalesce(collctype, '') || '/' || coalesce(%s, '') || '/x'"
                        .formatted(locale)
                    + " FROM pg_collation WHERE collname = '%s'".formatted(name))
            .getFirst()
            .split("/", -1);
    return new Named(
        "\"pg_catalog\".\"" + name + "\"",
        Collation.of(row[0].charAt(0), row[1], row[2], row[3], true));
  }
}
