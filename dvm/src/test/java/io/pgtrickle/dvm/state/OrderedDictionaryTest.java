package io.pgtrickle.dvm.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.type.Bytes;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class OrderedDictionaryTest {
  /// Not the order of bytes, and with values that are equal and differ.
  private static final Comparator<String> ORDER =
      Comparator.comparingInt((String s) -> s.length() % 3)
          .thenComparing(s -> s.toLowerCase(Locale.ROOT), Comparator.reverseOrder());

  private int sorted;
  private int calls;

  private Map<String, Bytes> labels(OrderedDictionary dictionary, List<String> values) {
    Map<String, Bytes> labels = new HashMap<>();
    dictionary
        .labels(values.stream().map(OrderedDictionaryTest::bytes).toList(), this::ranks)
        .forEach((value, label) -> labels.put(text(value), label));
    return labels;
  }

  private static Bytes bytes(String text) {
    return Bytes.copyOf(text.getBytes(StandardCharsets.UTF_8));
  }

  private static String text(Bytes bytes) {
    return new String(bytes.toArray(), StandardCharsets.UTF_8);
  }

  private int[] ranks(List<Bytes> bytes) {
    List<String> values = bytes.stream().map(OrderedDictionaryTest::text).toList();
    sorted += values.size();
    calls++;
    TreeSet<String> distinct = new TreeSet<>(ORDER);
    distinct.addAll(values);
    TreeMap<String, Integer> places = new TreeMap<>(ORDER);
    distinct.forEach(value -> places.put(value, places.size() + 1));
    return values.stream().mapToInt(places::get).toArray();
  }

  private static void check(Map<String, Bytes> labels) {
    List<Map.Entry<String, Bytes>> entries = new ArrayList<>(labels.entrySet());
    entries.sort(Map.Entry.comparingByKey(ORDER.thenComparing(Comparator.naturalOrder())));
    for (int i = 1; i < entries.size(); i++) {
      Map.Entry<String, Bytes> a = entries.get(i - 1);
      Map.Entry<String, Bytes> b = entries.get(i);
      assertThat(Integer.signum(a.getValue().compareTo(b.getValue())))
          .as("%s %s", a, b)
          .isEqualTo(Integer.signum(ORDER.compare(a.getKey(), b.getKey())));
    }
  }

  private static String word(Random random) {
    String letters = "abAB é";
    StringBuilder word = new StringBuilder();
    for (int n = random.nextInt(7); n > 0; n--) {
      word.append(letters.charAt(random.nextInt(letters.length())));
    }
    return word.toString();
  }

  @Property(tries = 30)
  void labelsCompareAsTheValuesDoAndStay(@ForAll Random random) {
    Map<String, Bytes> seen = new TreeMap<>();
    try (OrderedDictionary dictionary = new OrderedDictionary(Storage.onHeap(Runnable::run))) {
      for (int batch = 0; batch < 30; batch++) {
        int size = random.nextInt(8) == 0 ? 1_000 : random.nextInt(4);
        List<String> values =
            IntStream.range(0, size).mapToObj(_ -> word(random)).distinct().toList();
        Map<String, Bytes> labels = labels(dictionary, values);
        assertThat(labels.keySet()).containsExactlyInAnyOrderElementsOf(values);
        labels.forEach(
            (value, label) -> {
              Bytes before = seen.put(value, label);
              assertThat(before == null || before.equals(label)).isTrue();
            });
        check(seen);
      }
      assertThat(dictionary.size()).isEqualTo(seen.size());
    }
  }

  @Test
  void anOrderThatContradictsItselfIsAnErrorAndNotWithoutEnd() {
    for (int n : new int[] {2, 3, 40, 500}) {
      contradicts(n, values -> reversed(ranks(values)), true);
      // Only with the newcomer among them known values are out of their order.
      contradicts(
          n,
          values -> values.contains(bytes("0001")) ? reversed(ranks(values)) : ranks(values),
          false);
    }
  }

  private void contradicts(int n, OrderedDictionary.Sorting sorting, boolean disorder) {
    OrderedDictionary dictionary = new OrderedDictionary(Storage.onHeap(Runnable::run));
    List<Bytes> known =
        IntStream.range(0, n).mapToObj(i -> bytes("%04d".formatted(2 * i))).toList();
    var _ = dictionary.labels(known, this::ranks);
    assertThat(dictionary.isClosed()).isFalse();
    assertThatThrownBy(() -> dictionary.labels(List.of(bytes("0001")), sorting))
        .isInstanceOf(StateDamaged.class);
    assertThat(dictionary.isClosed()).isEqualTo(disorder);
    if (disorder) {
      assertThatThrownBy(() -> dictionary.labels(known, this::ranks))
          .as("labels that others have been given before are of no use either")
          .isInstanceOf(StateDamaged.class);
    } else {
      assertThat(dictionary.labels(known, this::ranks)).hasSize(n);
    }
  }

  private static int[] reversed(int[] ranks) {
    return IntStream.of(ranks).map(rank -> 1_000_000 - rank).toArray();
  }

  @Test
  void knownValuesAreNotAskedFor() {
    try (OrderedDictionary dictionary = new OrderedDictionary(Storage.onHeap(Runnable::run))) {
      labels(dictionary, List.of("a", "b"));
      calls = 0;
      labels(dictionary, List.of("b", "a"));
      assertThat(calls).isZero();
    }
  }

  @Test
  void aNewValueIsPlacedByFewComparisonsAmongMany() {
    try (OrderedDictionary dictionary = new OrderedDictionary(Storage.onHeap(Runnable::run))) {
      List<String> many = new ArrayList<>();
      for (int i = 0; i < 50_000; i++) {
        many.add("value %09d".formatted(i * 7));
      }
      Collections.shuffle(many, new Random(1));
      labels(dictionary, many);
      calls = 0;
      sorted = 0;
      labels(dictionary, List.of("value %09d".formatted(123_457)));
      assertThat(calls).isLessThanOrEqualTo(3);
      assertThat(sorted).isLessThanOrEqualTo(200);
    }
  }

  // Each of them between the one before and a fixed end: the worst for labels that halve gaps.
  @Test
  void labelsOfValuesInOrderStayShort() {
    for (boolean ascending : new boolean[] {true, false}) {
      List<Bytes> labels = new ArrayList<>();
      try (OrderedDictionary dictionary = new OrderedDictionary(Storage.onHeap(Runnable::run))) {
        labels(dictionary, List.of("000", "zzz"));
        for (int i = 0; i < 1_000; i++) {
          String value = "v%05d".formatted(ascending ? i : 9_999 - i);
          labels.addAll(labels(dictionary, List.of(value)).values());
        }
      }
      assertThat(labels).allMatch(label -> label.size() <= 8);
    }
  }

  @Test
  void aCheckpointHasTheLabels(@TempDir Path path) {
    Map<String, Bytes> before;
    List<String> words = IntStream.range(0, 5_000).mapToObj(i -> "w" + i * 17 % 5_000).toList();
    Origin origin = new Origin("7312", 2);
    try (StateDirectory directory = StateDirectory.open(path);
        Storage storage = Storage.of(directory, 1 << 20, Runnable::run);
        OrderedDictionary dictionary = new OrderedDictionary(storage)) {
      before = labels(dictionary, words);
      try (Capture capture = directory.capture(origin, bytes("1"))) {
        dictionary.save(capture, "order");
        capture.write();
      }
    }
    calls = 0;
    try (StateDirectory directory = StateDirectory.open(path);
        Storage storage = Storage.of(directory, 1 << 20, Runnable::run);
        OrderedDictionary dictionary =
            OrderedDictionary.restore(directory.saved().orElseThrow(), "order", storage)) {
      assertThat(labels(dictionary, words)).isEqualTo(before);
      assertThat(calls).isZero();
      Map<String, Bytes> after = labels(dictionary, List.of("W0", "new"));
      after.putAll(before);
      check(after);
    }
  }
}
