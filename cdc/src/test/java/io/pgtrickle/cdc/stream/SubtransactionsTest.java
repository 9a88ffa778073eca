package io.pgtrickle.cdc.stream;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class SubtransactionsTest {
  private final Subtransactions subtransactions = new Subtransactions();

  @Test
  void theFirstBeginningCounts() {
    subtransactions.begin(7, 0);
    subtransactions.begin(8, 10);
    subtransactions.begin(7, 20);
    assertThat(subtransactions.beginOf(7)).isZero();
    assertThat(subtransactions.beginOf(8)).isEqualTo(10);
    assertThat(subtransactions.beginOf(9)).isEqualTo(-1);
  }

  @Test
  void whatIsCutOffIsForgottenAndMayComeAgain() {
    subtransactions.begin(7, 0);
    subtransactions.begin(8, 10);
    subtransactions.begin(9, 10);
    subtransactions.truncate(10);
    assertThat(subtransactions.beginOf(7)).isZero();
    assertThat(subtransactions.beginOf(8)).isEqualTo(-1);
    assertThat(subtransactions.beginOf(9)).isEqualTo(-1);
    subtransactions.begin(9, 30);
    assertThat(subtransactions.beginOf(9)).isEqualTo(30);
  }

  @Test
  void agreesWithAMapAfterRandomCuts() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Map<Integer, Long> expected = new LinkedHashMap<>();
    long end = 0;
    for (int i = 0; i < 20_000; i++) {
      int id = random.nextInt(3_000) - 1_500;
      if (random.nextInt(40) == 0) {
        long position = end - random.nextInt(200);
        expected.values().removeIf(begin -> begin >= position);
        subtransactions.truncate(position);
        end = Math.min(end, Math.max(position, 0));
      } else {
        expected.putIfAbsent(id, end);
        subtransactions.begin(id, end);
        end += random.nextInt(3);
      }
      assertThat(subtransactions.beginOf(id))
          .as("seed %d, step %d", seed, i)
          .isEqualTo(expected.getOrDefault(id, -1L));
    }
    for (int id = -1_500; id < 1_500; id++) {
      assertThat(subtransactions.beginOf(id))
          .as("seed %d, id %d", seed, id)
          .isEqualTo(expected.getOrDefault(id, -1L));
    }
  }

  @Test
  void aMillionTakeTensOfBytesEach() {
    for (int id = 0; id < 1_000_000; id++) {
      subtransactions.begin(id, id);
    }
    assertThat(subtransactions.heapBytes()).isLessThan(40L * 1_000_000);
    assertThat(subtransactions.beginOf(999_999)).isEqualTo(999_999);
  }
}
