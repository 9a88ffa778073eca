package io.pgtrickle.dvm.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class RankingTest {
  private static final int ROWS = 200_000;

  // Numbers spread over runs, each half as large as the one before; weights 1 and 3 take turns.
  private static List<Run> spine() {
    List<Run> runs = new ArrayList<>();
    for (int stride = 2; stride <= 1 << 12; stride *= 2) {
      RunBuilder run = new RunBuilder(Shelf.heap(), ROWS / stride, 16L * ROWS / stride);
      for (int number = stride / 2; number < ROWS; number += stride) {
        run.append(key(number), row(number), number % 2 == 0 ? 1 : 3);
      }
      runs.add(run.build());
    }
    return runs;
  }

  private static ByteSink key(int number) {
    ByteSink key = new ByteSink();
    key.putByte(1);
    key.putInt(number);
    return key;
  }

  private static Row row(int number) {
    ByteSink row = new ByteSink();
    row.putInt(number);
    return Row.of(row);
  }

  @Test
  void findingAPlaceComparesALogarithmicNumberOfEntries() {
    List<Run> runs = spine();
    Ranking ranking = new Ranking(runs, new ByteSink());
    int most = 0;
    for (long place = 0; place < ranking.size(); place += 997) {
      Merge found = ranking.at(place);
      assertThat(found.next()).isTrue();
      ByteSink key = new ByteSink();
      found.key(key);
      long rank = ranking.rank(key, null, false);
      assertThat(place).isBetween(rank, rank + found.weight() - 1);
      most = Math.max(most, ranking.pivots());
    }
    // Halving the widest of 12 ranges until each has 8 entries left; in all there are 200,000.
    assertThat(most).isBetween(10, 12 * 14);
  }

  @Test
  void entriesThatCancelTakeNoPlaces() {
    List<Run> runs = new ArrayList<>();
    for (int sign = 1; sign >= -1; sign -= 2) {
      RunBuilder run = new RunBuilder(Shelf.heap(), 10_000, 100_000);
      for (int number = 0; number < 10_000; number++) {
        if (sign > 0 || number != 9_000) {
          run.append(key(number), row(number), sign);
        }
      }
      runs.add(run.build());
    }
    Ranking ranking = new Ranking(runs, new ByteSink());
    assertThat(ranking.size()).isEqualTo(1);
    Merge found = ranking.at(0);
    assertThat(found.next()).isTrue();
    assertThat(found.row()).isEqualTo(row(9_000));
    assertThat(found.cancelled()).isZero();
    assertThat(ranking.at(1).next()).isFalse();
  }
}
