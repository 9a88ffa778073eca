package io.pgtrickle.dvm.dataflow;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.ZSet;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class FailuresTest {
  private static Row failure(String sqlState, String message) {
    return Node.ERRORS.pack(sqlState, message);
  }

  private static ZSet one(Row row, long weight) {
    return new ZSet.Builder().add(row, weight).build();
  }

  private static Failures reread(Failures failures) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    failures.write(new DataOutputStream(bytes));
    return Failures.read(new DataInputStream(new ByteArrayInputStream(bytes.toByteArray())));
  }

  @Test
  void anyNumberOfMessagesIsCountedAndFewAreKept() throws IOException {
    int rows = 20_000;
    List<Row> all = new ArrayList<>();
    for (int i = 0; i < rows; i++) {
      all.add(failure(i % 3 == 0 ? "22003" : "22P02", "no integer: " + i));
    }
    Failures failures = Failures.NONE;
    for (int from = 0; from < rows; from += 1_000) {
      ZSet.Builder delta = new ZSet.Builder();
      all.subList(from, from + 1_000).forEach(row -> delta.add(row, 1));
      failures = failures.plus(delta.build());
    }
    assertThat(failures.toViewErrors().rows()).isEqualTo(rows);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    failures.write(new DataOutputStream(bytes));
    assertThat(bytes.size()).isLessThan(50_000);
    failures = reread(failures);
    // Whichever go last, the rest is counted until none is left.
    Collections.shuffle(all, new Random(1));
    for (int i = 0; i < rows; i++) {
      assertThat(failures.isEmpty()).isFalse();
      assertThat(failures.toViewErrors().rows()).isEqualTo(rows - i);
      assertThat(failures.toViewErrors().sqlState()).isIn("22003", "22P02");
      failures = failures.plus(one(all.get(i), -1));
    }
    assertThat(failures.isEmpty()).isTrue();
    assertThat(failures).isEqualTo(Failures.NONE);
    assertThat(failures.toViewErrors().healed()).isTrue();
  }

  @Test
  void aMessageIsShownWhileItIsTrue() {
    Failures both =
        Failures.NONE
            .plus(one(failure("22012", "division by zero"), 2))
            .plus(one(failure("22P02", "no integer: x"), 1));
    assertThat(both.toViewErrors()).isEqualTo(new ViewErrors(3, "22012", "division by zero"));
    Failures rest = both.plus(one(failure("22012", "division by zero"), -2));
    assertThat(rest.toViewErrors()).isEqualTo(new ViewErrors(1, "22P02", "no integer: x"));
    assertThat(rest.plus(one(failure("22P02", "no integer: x"), -1))).isEqualTo(Failures.NONE);
  }

  @Test
  void aVeryLongMessageIsNotKept() {
    Failures long1 = Failures.NONE.plus(one(failure("22P02", "x".repeat(100_000)), 1));
    assertThat(long1.isEmpty()).isFalse();
    assertThat(long1.toViewErrors().message()).hasSizeLessThan(100);
    assertThat(long1.toViewErrors().sqlState()).isEqualTo("22P02");
  }
}
