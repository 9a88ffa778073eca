package io.pgtrickle.cdc.slot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Tuple;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

final class BinaryRowsTest {

  /// Two rows of two columns: (1, 'ab') and (NULL, '').
  private static byte[] copy() {
    ByteBuffer copy = ByteBuffer.allocate(100);
    copy.put(new byte[] {'P', 'G', 'C', 'O', 'P', 'Y', '\n', (byte) 0xFF, '\r', '\n', 0});
    copy.putInt(0).putInt(0);
    copy.putShort((short) 2).putInt(4).putInt(1).putInt(2).put((byte) 'a').put((byte) 'b');
    copy.putShort((short) 2).putInt(-1).putInt(0);
    copy.putShort((short) -1);
    return Arrays.copyOf(copy.array(), copy.position());
  }

  private static String render(Tuple row) {
    return (row.isNull(0) ? "null" : row.value(0).getInt()) + "," + row.text(1);
  }

  private static List<String> rows(byte[]... chunks) {
    List<String> rows = new ArrayList<>();
    BinaryRows cutter = new BinaryRows(2);
    for (byte[] chunk : chunks) {
      cutter.accept(chunk, row -> rows.add(render(row)));
    }
    assertThat(cutter.finish()).isEqualTo(rows.size());
    return rows;
  }

  @Test
  void readsTheSameRowsHoweverTheyAreCutIntoChunks() {
    byte[] whole = copy();
    for (int first = 0; first <= whole.length; first++) {
      for (int second = first; second <= whole.length; second++) {
        assertThat(
                rows(
                    Arrays.copyOfRange(whole, 0, first),
                    Arrays.copyOfRange(whole, first, second),
                    Arrays.copyOfRange(whole, second, whole.length)))
            .as("cut at %d and %d", first, second)
            .containsExactly("1,ab", "null,");
      }
    }
  }

  @Test
  void refusesACopyThatEndsEarly() {
    byte[] whole = copy();
    for (int length = 0; length < whole.length; length++) {
      byte[] part = Arrays.copyOf(whole, length);
      assertThatThrownBy(() -> rows(part))
          .as("%d of %d bytes", length, whole.length)
          .isInstanceOf(CaptureException.Retry.class)
          .hasMessageContaining("ends without a trailer");
    }
  }

  @Test
  void refusesOtherFormats() {
    assertThatThrownBy(() -> rows("1\tab\n2\tcd\n3\tef\n4\tgh\n".getBytes(StandardCharsets.UTF_8)))
        .isInstanceOf(CaptureException.Retry.class)
        .hasMessageContaining("signature");
    assertThatThrownBy(() -> new BinaryRows(3).accept(copy(), row -> {}))
        .isInstanceOf(CaptureException.Retry.class)
        .hasMessageContaining("2 columns instead of 3");
    byte[] more = Arrays.copyOf(copy(), copy().length + 2);
    assertThatThrownBy(() -> rows(more))
        .isInstanceOf(CaptureException.Retry.class)
        .hasMessageContaining("rows follow its trailer");
  }
}
