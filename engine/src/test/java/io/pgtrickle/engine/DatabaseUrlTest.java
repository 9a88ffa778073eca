package io.pgtrickle.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class DatabaseUrlTest {
  @ParameterizedTest
  @CsvSource({
    "postgresql://ada@db.example:6432/shop,          db.example, 6432, shop, ada",
    "postgres://ada@db.example/shop,                 db.example, 5432, shop, ada",
    "jdbc:postgresql://db.example/shop?user=ada,     db.example, 5432, shop, ada",
    "postgresql://ada@/shop,                         localhost,  5432, shop, ada",
    "postgresql://ada@db,                            db,         5432, ada,  ada",
    "postgresql://a%40b@[::1]:6000/my%20shop,        [::1],      6000, my shop, a@b",
  })
  void everySpellingOfAUrlNamesTheSamePlace(
      String text, String host, int port, String database, String user) {
    DatabaseUrl url = DatabaseUrl.parse(text);
    assertThat(url.host()).isEqualTo(host);
    assertThat(url.port()).isEqualTo(port);
    assertThat(url.database()).isEqualTo(database);
    assertThat(url.user()).isEqualTo(user);
  }

  @Test
  void passwordsReachTheDriverAndNothingThatIsPrinted() {
    DatabaseUrl url = DatabaseUrl.parse("postgresql://ada:s%2Fcr%3At+x@db/shop?sslmode=require");
    assertThat(url.properties())
        .containsEntry("password", "s/cr:t+x")
        .containsEntry("sslmode", "require");
    assertThat(url.jdbcUrl()).isEqualTo("jdbc:postgresql://db:5432/shop");
    assertThat(url).hasToString("postgresql://ada:***@db:5432/shop?sslmode=require");
  }

  @Test
  void passwordsAmongTheParametersAreHiddenToo() {
    DatabaseUrl url =
        DatabaseUrl.parse("postgresql://ada@db/shop?password=secret&sslpassword=hush");
    assertThat(url.password()).isEqualTo("secret");
    assertThat(url.toString()).doesNotContain("secret").doesNotContain("hush");
  }

  @Test
  void aPasswordFromElsewhereDoesNotReplaceThatOfTheUrl() {
    assertThat(DatabaseUrl.parse("postgresql://a:one@db/x").orPassword("two").password())
        .isEqualTo("one");
    assertThat(DatabaseUrl.parse("postgresql://a@db/x").orPassword("two").password())
        .isEqualTo("two");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mysql://ada:secret@db/shop",
        "db.example:5432/secret",
        "postgresql://ada:secret@db:port/shop",
        "postgresql://ada:secret@db:70000/shop",
        "postgresql://ada:secret@one,two/shop",
        "postgresql://ada:secret@db/shop?sslmode",
        "postgresql://ada:secret@db/shop?x=%zz",
      })
  void whatIsNoUrlIsRefusedWithoutQuotingIt(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> DatabaseUrl.parse(text))
        .withMessageNotContaining("secret");
  }
}
