package io.pgtrickle.dvm.expr;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class CollationTest {
  @Test
  void digitsOfOtherScriptsAreDigitsInUnicodeFast() {
    Collation fast = Collation.of('b', "", "", "PG_UNICODE_FAST", true);
    assertThat(fast.byteOrder()).isTrue();
    assertThat(fast.asciiDigits()).isFalse();
    assertThat(Collation.of('b', "", "", "C.UTF-8", true).asciiDigits()).isTrue();
    assertThat(Collation.of('c', "C", "C", "", true).asciiDigits()).isTrue();
  }

  @Test
  void digitsAreAMatterOfTheCharacterTypeAndNotOfTheOrder() {
    Collation mixed = Collation.of('c', "C", "fa_IR.UTF-8", "", true);
    assertThat(mixed.byteOrder()).isTrue();
    assertThat(mixed.asciiDigits()).isFalse();
    assertThat(Collation.of('i', "", "", "en", true).asciiDigits()).isFalse();
  }
}
