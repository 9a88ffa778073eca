package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.kernel.RowAssembler;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;

/// Maintains a left, right or full outer join of two inputs on equal keys.
///
///     L ⟕ R = L ⋈ R + pad(L where no row of R has the key)
///
/// The pairs change as in [InnerJoin]. Which rows are padded is a matter of the whole key: with
/// e and e′ for "the other side has no row of this key" before and after the epoch,
///
///     Δ pad = [e′] · pad(L + ΔL) − [e] · pad(L)
///
/// so the rows before the epoch are only read when the other side came or went. Both states are
/// those at the ends of the epoch: a match that leaves while another comes changes no padded row.
///
/// A key with a NULL in it has no pairs, and its rows are padded on either side.
public final class OuterJoin implements KeyedOperator {
  private static final int LEFT = 0;
  private static final int RIGHT = 1;

  private final RowAssembler pairs;
  private final RowAssembler lonelyLeft;
  private final RowAssembler lonelyRight;
  private final boolean keepsLeft;
  private final boolean keepsRight;
  private final KeyDelta left = new KeyDelta();
  private final KeyDelta right = new KeyDelta();

  /// @param schema left's columns followed by right's
  /// @param keepsLeft whether rows of the left side without a match stay
  /// @param keepsRight whether rows of the right side without a match stay
  public OuterJoin(
      Schema left, Schema right, Schema schema, boolean keepsLeft, boolean keepsRight) {
    this.keepsLeft = keepsLeft;
    this.keepsRight = keepsRight;
    pairs = InnerJoin.pairs(left, right, schema);
    lonelyLeft = padded(left, 0, schema);
    lonelyRight = padded(right, left.size(), schema);
  }

  // Computed columns that are never set are NULL.
  private static RowAssembler padded(Schema side, int from, Schema schema) {
    List<RowAssembler.Source> columns = new ArrayList<>();
    int computed = 0;
    for (int i = 0; i < schema.size(); i++) {
      boolean own = i >= from && i < from + side.size();
      columns.add(
          own ? new RowAssembler.Copied(0, i - from) : new RowAssembler.Computed(computed++));
    }
    return new RowAssembler(schema, List.of(side), columns);
  }

  @Override
  public void step(KeyGroup group, Output out) {
    left.load(group, LEFT);
    right.load(group, RIGHT);
    // Where one side only is kept, the other has been arranged without such keys.
    boolean pairing = !(keepsLeft && keepsRight) || !group.isNullKey();
    if (pairing) {
      pairs(group, out);
    }
    if (keepsLeft) {
      boolean lonely = !(pairing && group.hadRows(RIGHT));
      boolean staysLonely = !(pairing && group.hasRows(RIGHT));
      pad(group, LEFT, left, lonely, staysLonely, out);
    }
    if (keepsRight) {
      boolean lonely = !(pairing && group.hadRows(LEFT));
      boolean staysLonely = !(pairing && group.hasRows(LEFT));
      pad(group, RIGHT, right, lonely, staysLonely, out);
    }
  }

  private void pairs(KeyGroup group, Output out) {
    if (!left.isEmpty()) {
      group.old(
          RIGHT,
          (row, weight) -> left.times(row, weight, (l, r, w) -> out.add(pairs.assemble(l, r), w)));
      right.forEach(
          (row, weight) -> left.times(row, weight, (l, r, w) -> out.add(pairs.assemble(l, r), w)));
    }
    if (!right.isEmpty()) {
      group.old(
          LEFT,
          (row, weight) -> right.times(row, weight, (r, l, w) -> out.add(pairs.assemble(l, r), w)));
    }
  }

  private void pad(
      KeyGroup group, int side, KeyDelta delta, boolean before, boolean after, Output out) {
    if (before != after) {
      long sign = after ? 1 : -1;
      group.old(side, (row, weight) -> out.add(padded(side, row), sign * weight));
    }
    if (after) {
      delta.forEach((row, weight) -> out.add(padded(side, row), weight));
    }
  }

  /// A row of the left side with NULLs for the right one.
  public Row loneLeft(Row row) {
    return padded(LEFT, row);
  }

  /// A row of the right side with NULLs for the left one.
  public Row loneRight(Row row) {
    return padded(RIGHT, row);
  }

  /// The pair of two rows of equal keys.
  public Row pair(Row l, Row r) {
    return pairs.assemble(l, r);
  }

  private Row padded(int side, Row row) {
    return (side == LEFT ? lonelyLeft : lonelyRight).assemble(row);
  }
}
