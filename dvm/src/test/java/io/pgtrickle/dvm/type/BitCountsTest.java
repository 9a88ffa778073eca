package io.pgtrickle.dvm.type;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class BitCountsTest {
  @Test
  void theSignIsABitLikeOthers() {
    BitCounts counts = new BitCounts(16);
    counts.add(-1, 1);
    counts.add(-32768, 1);
    assertThat(counts.and()).isEqualTo(-32768);
    assertThat(counts.or()).isEqualTo(-1);
    assertThat(counts.xor()).isEqualTo(32767);
  }

  @Test
  void aRetractionGivesBitsBack() {
    BitCounts counts = new BitCounts(64);
    counts.add(Long.MIN_VALUE, 1);
    counts.add(5, 2);
    counts.add(Long.MIN_VALUE, -1);
    assertThat(counts.and()).isEqualTo(5);
    assertThat(counts.or()).isEqualTo(5);
    assertThat(counts.xor()).isZero();
    counts.add(5, -2);
    assertThat(counts.isEmpty()).isTrue();
  }

  @Test
  void theStateIsReadAsItWasWritten() {
    BitCounts counts = new BitCounts(32);
    counts.add(-7, 3);
    counts.add(12, 1);
    ByteSink out = new ByteSink();
    counts.write(out);
    BitCounts read = BitCounts.read(out.toArray(), 32);
    assertThat(read.and()).isEqualTo(counts.and());
    assertThat(read.or()).isEqualTo(counts.or());
    assertThat(read.xor()).isEqualTo(counts.xor());
  }
}
