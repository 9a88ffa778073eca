package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.type.EvaluationFailure;

/// How far a recursion may go. PostgreSQL has no limit: where rows come again and again, its query
/// does not end.
///
/// Whether the rows of an iteration are looked at is a matter of its number and of theirs alone:
/// that of iteration n may be at most `rows / n`. So many rows as there are in a recursion that
/// finds the same number of them again and again, and one that finds more each time ends early.
///
/// @param iterations the last one
/// @param rows by the number of the iteration
record RecursionLimit(int iterations, long rows) {
  private static final int LEAST_ROWS = 1 << 20;
  private static final int MOST_ROWS = 1 << 24;
  private static final int BYTES_PER_ROW = 1024;

  /// As many rows as a heap has room for while they are found; a power of two, because with another
  /// limit saved state is of no use.
  static final RecursionLimit DEFAULT =
      new RecursionLimit(
          20_000,
          Math.clamp(
              Long.highestOneBit(Runtime.getRuntime().maxMemory() / BYTES_PER_ROW),
              LEAST_ROWS,
              MOST_ROWS));

  boolean allows(int iteration, long count) {
    return iteration == 0 || count == 0 || (iteration <= iterations && count <= rows / iteration);
  }

  EvaluationFailure failure() {
    return new EvaluationFailure(
        "54000",
        "a recursive query goes on beyond %d iterations, or iteration n has more than %d / n rows"
            .formatted(iterations, rows));
  }
}
