package io.pgtrickle.dvm.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.sql.NodeTree.Datum;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Images as servers wrote them; the round trip of whole queries covers many more.
final class DatumImageTest {
  @ParameterizedTest
  @CsvSource({
    "23, 4 [ -5 -1 -1 -1 -1 -1 -1 -1 ], -5",
    "23, 4 [ -5 -1 -1 -1 0 0 0 0 ], -5",
    "21, 2 [ 0 -128 -1 -1 -1 -1 -1 -1 ], -32768",
    "20, 8 [ -1 -1 -1 -1 -1 -1 -1 127 ], 9223372036854775807",
    "16, 1 [ 1 0 0 0 0 0 0 0 ], t",
    "701, 8 [ 0 0 0 0 0 0 -8 63 ], 1.5",
    "25, 7 [ 28 0 0 0 111 110 101 ], one",
    "25, 4 [ 9 111 110 101 ], one",
    "1700, 10 [ 40 0 0 0 0 -127 2 0 -120 19 ], 2.50",
    "1700, 6 [ 24 0 0 0 0 -128 ], 0",
    "1700, 6 [ 24 0 0 0 0 -63 ], NaN",
    "1700, 8 [ 32 0 0 0 0 -96 5 0 ], -5",
    "1700, 8 [ 32 0 0 0 -1 -126 16 39 ], 0.10000",
  })
  void constantsAreRead(int type, String image, String text) {
    SqlType sqlType = SqlType.of(type);
    Object value =
        Objects.requireNonNull(DatumImage.literal((Datum) NodeTree.parse(image), sqlType).value());
    assertThat(TypeCodec.of(sqlType).toText(value)).isEqualTo(text);
  }

  @ParameterizedTest
  @CsvSource({
    // A big-endian server's 5, a cut-off text, one with a false length, text that is not UTF-8.
    "23, 4 [ 0 0 0 0 0 0 0 5 ]",
    "25, 3 [ 28 0 0 ]",
    "25, 7 [ 60 0 0 0 111 110 101 ]",
    "25, 5 [ 20 0 0 0 -1 ]",
    "2950, 3 [ 1 2 3 ]",
    "114, 6 [ 24 0 0 0 123 125 ]",
  })
  void whatCannotBeReadIsRefused(int type, String image) {
    assertThatThrownBy(() -> DatumImage.literal((Datum) NodeTree.parse(image), SqlType.of(type)))
        .isInstanceOf(QueryRejected.class);
  }

  @Test
  void anEmptyArrayHasNoElements() {
    Datum empty = (Datum) NodeTree.parse("16 [ 64 0 0 0 0 0 0 0 0 0 0 0 23 0 0 0 ]");
    assertThat(DatumImage.elements(empty, SqlType.INT4)).isEmpty();
  }
}
