package io.pgtrickle.dvm.type;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

final class SliceOrderTest {
  /// Strings one after the other in one array, as keys lie.
  private static final class Packed implements SliceOrder.Slices {
    private final byte[] data;
    private final int[] ends;

    private Packed(byte[] data, int[] ends) {
      this.data = data;
      this.ends = ends;
    }

    static Packed of(byte[][] strings) {
      ByteSink all = new ByteSink();
      int[] ends = new int[strings.length];
      for (int i = 0; i < strings.length; i++) {
        all.putBytes(strings[i], 0, strings[i].length);
        ends[i] = all.size();
      }
      return new Packed(all.toArray(), ends);
    }

    @Override
    public byte[] array(int index) {
      return data;
    }

    @Override
    public int start(int index) {
      return index == 0 ? 0 : ends[index - 1];
    }

    @Override
    public int end(int index) {
      return ends[index];
    }
  }

  @Property(tries = 400)
  void sortsAsComparingAllBytesDoesAndKeepsTheOrderOfEqualOnes(
      @ForAll long seed,
      @ForAll @IntRange(max = 3_000) int size,
      @ForAll @IntRange(min = 1, max = 256) int alphabet,
      @ForAll @IntRange(max = 40) int length,
      @ForAll @IntRange(max = 24) int common) {
    Random random = new Random(seed);
    byte[][] strings = new byte[size][];
    for (int i = 0; i < size; i++) {
      strings[i] = string(random, alphabet, length, common);
    }
    assertSorted(strings);
  }

  @Property(tries = 200)
  void ordersEqualStringsAsAsked(
      @ForAll long seed,
      @ForAll @IntRange(max = 2_000) int size,
      @ForAll @IntRange(max = 12) int length) {
    Random random = new Random(seed);
    byte[][] strings = new byte[size][];
    int[] rank = new int[size];
    for (int i = 0; i < size; i++) {
      strings[i] = string(random, 2, length, 1);
      rank[i] = random.nextInt(3);
    }
    int[] order =
        SliceOrder.sort(
            size, Packed.of(strings), (left, right) -> Integer.compare(rank[left], rank[right]));
    int[] expected =
        IntStream.range(0, size)
            .boxed()
            .sorted(
                (left, right) -> {
                  int bytes = Arrays.compareUnsigned(strings[left], strings[right]);
                  return bytes != 0 ? bytes : Integer.compare(rank[left], rank[right]);
                })
            .mapToInt(Integer::intValue)
            .toArray();
    assertThat(order).as("seed %d", seed).containsExactly(expected);
  }

  /// Each eight bytes split off a few strings, which would be a level of recursion each.
  @Test
  void longStringsThatPartOneAfterTheOtherAreSortedToo() {
    int size = 1_500;
    byte[][] strings = new byte[size][];
    for (int i = 0; i < size; i++) {
      strings[i] = new byte[8 * size];
      Arrays.fill(strings[i], (byte) 7);
      strings[i][8 * (i / 2)] = (byte) (i % 2);
    }
    assertSorted(strings);
  }

  private static byte[] string(Random random, int alphabet, int length, int common) {
    byte[] string =
        new byte[random.nextInt(common + 1) == 0 ? length : common + random.nextInt(length + 1)];
    for (int i = Math.min(common, string.length); i < string.length; i++) {
      // Zeros, and bytes with and without sign.
      string[i] = (byte) (random.nextInt(alphabet) * 37);
    }
    return string;
  }

  private static void assertSorted(byte[][] strings) {
    int[] expected =
        IntStream.range(0, strings.length)
            .boxed()
            .sorted((left, right) -> Arrays.compareUnsigned(strings[left], strings[right]))
            .mapToInt(Integer::intValue)
            .toArray();
    assertThat(SliceOrder.sort(strings.length, Packed.of(strings), null)).containsExactly(expected);
  }
}
