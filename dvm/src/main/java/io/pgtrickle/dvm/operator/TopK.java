package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.operator.Sequence.Cursor;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Maintains ORDER BY … LIMIT, OFFSET and WITH TIES, and DISTINCT ON; the key of a row is its
/// partition.
///
/// A multiset has the rows of a partition in order, rows that tie in an order of their own, so that
/// the choice among them depends on the rows that are there and not on their history. A row of
/// weight w takes w places. The window is what is left of the first rows without fewer first rows:
///
///     top(A)      = first(A, offset + limit) − first(A, offset)
///     first(A, n) = the rows on the places before n; with ties, those that tie with the last too
///
/// The cut behind the first n moves with a change. Up to the lesser of its old and new position
/// only the change itself counts; between the two lie rows that come in from behind or are pushed
/// out:
///
///     Δ first = ΔA before min(c, c') + (A + ΔA) from c to c'      c < c'
///     Δ first = ΔA before min(c, c') − A from c' to c             c' < c
///
/// Between the cuts there are at most as many places as the change has weight, or the rows that tie
/// at the cuts. So the work is that of finding the cuts, which is logarithmic, of the change, and
/// of what changes in the output; it does not depend on offset, limit or the number of rows.
public final class TopK implements KeyedOperator {
  private static final int SORTED = 0;

  private final long offset;
  private final long end;
  private final boolean limited;
  private final @Nullable RowKey peers;
  private final ByteSink scratch = new ByteSink();

  /// @param limit negative when there is none
  /// @param peers for WITH TIES the start of the multiset's keys in which rows that tie agree, else
  ///     `null`
  public TopK(long offset, long limit, @Nullable RowKey peers) {
    this.offset = offset;
    limited = limit >= 0 && limit <= Long.MAX_VALUE - offset;
    end = limited ? offset + limit : Long.MAX_VALUE;
    this.peers = peers;
  }

  @Override
  public void step(KeyGroup group, Output out) {
    if (offset == end) {
      return;
    }
    Change change = new Change(group);
    if (limited) {
      change.add(1, end, peers);
    } else {
      change.addAll();
    }
    if (offset > 0) {
      change.add(-1, offset, null);
    }
    change.rows.forEach(
        (row, weight) -> {
          if (weight != 0) {
            out.add(row, weight);
          }
        });
  }

  /// How many of a row's places are chosen.
  ///
  /// @param key what the row is sorted by
  /// @param weight how often it is there
  public long chosen(Sequence rows, ByteSink key, Row row, long weight) {
    if (offset == end) {
      return 0;
    }
    long first = rows.rank(Place.before(key, row));
    long behind = first + weight;
    if (peers == null || !tiesBefore(rows, row, peers)) {
      behind = Math.min(behind, end);
    }
    return Math.max(0, behind - Math.max(first, offset));
  }

  /// Whether no row is chosen that begins at a place, whatever it ties with.
  public boolean isBehind(long place) {
    return peers == null && place >= end;
  }

  private boolean tiesBefore(Sequence rows, Row row, RowKey ties) {
    ties.encode(row, scratch);
    return rows.rank(Place.beforeAll(scratch)) < end;
  }

  /// The end of the first rows of a sequence.
  ///
  /// @param place behind the last row that is wholly among them; `null` when all are
  /// @param next the row behind, of which `part` are among them
  private record Cut(@Nullable Place place, @Nullable Row next, long part) {
    static final Cut NONE = new Cut(null, null, 0);

    // Two cuts of one kind: both before an entry or both behind a prefix.
    int compareTo(Cut other) {
      if (place == null || other.place == null) {
        return Boolean.compare(place == null, other.place == null);
      }
      int order = place.key().compareTo(other.place.key());
      Row row = place.row();
      Row otherRow = other.place.row();
      return order != 0 || row == null || otherRow == null ? order : row.compareTo(otherRow);
    }
  }

  private Cut cut(Sequence rows, long places) {
    Cursor cursor = rows.at(places);
    if (!cursor.next()) {
      return Cut.NONE;
    }
    cursor.key(scratch);
    Row row = cursor.row();
    Place place = Place.before(scratch, row);
    return new Cut(place, row, places - rows.rank(place));
  }

  private Cut cutBehindTies(Sequence rows, long places, RowKey ties) {
    if (rows.size() <= places) {
      return Cut.NONE;
    }
    Cursor last = rows.at(places - 1);
    if (!last.next()) {
      throw new IllegalStateException("a place within a sequence has no row");
    }
    ties.encode(last.row(), scratch);
    return new Cut(Place.behindAll(scratch), null, 0);
  }

  private final class Change {
    private final Sequence before;
    private final Sequence after;
    private final Sequence delta;
    private final Map<Row, Long> rows = new TreeMap<>();

    Change(KeyGroup group) {
      before = group.oldSequence(SORTED);
      after = group.newSequence(SORTED);
      delta = group.deltaSequence(SORTED);
    }

    private void add(Row row, long weight) {
      rows.merge(row, weight, Math::addExact);
    }

    void addAll() {
      for (Cursor cursor = delta.from(Place.START); cursor.next(); ) {
        add(cursor.row(), cursor.weight());
      }
    }

    /// Adds the change of the first rows, `sign` times.
    void add(int sign, long places, @Nullable RowKey ties) {
      Cut old = ties == null ? cut(before, places) : cutBehindTies(before, places, ties);
      Cut next = ties == null ? cut(after, places) : cutBehindTies(after, places, ties);
      int order = old.compareTo(next);
      Place least = order < 0 ? old.place : next.place;
      for (Cursor cursor = delta.downFrom(least == null ? Place.END : least); cursor.next(); ) {
        add(cursor.row(), sign * cursor.weight());
      }
      if (order < 0) {
        between(after, old, next, sign);
      } else if (order > 0) {
        between(before, next, old, -sign);
      }
      if (next.next != null) {
        add(next.next, sign * next.part);
      }
      if (old.next != null) {
        add(old.next, -sign * old.part);
      }
    }

    private void between(Sequence all, Cut low, Cut high, int sign) {
      Place from = low.place;
      if (from == null) {
        throw new IllegalStateException("nothing is behind the end");
      }
      long places = (high.place == null ? all.size() : all.rank(high.place)) - all.rank(from);
      Cursor cursor = all.from(from);
      while (places > 0 && cursor.next()) {
        long weight = cursor.weight();
        if (weight < 0) {
          throw new StateDamaged(
              "a row below LIMIT has the count "
                  + weight
                  + "; the changes received do not belong to the contents the state was built from",
              null);
        }
        add(cursor.row(), sign * weight);
        places -= weight;
      }
    }
  }
}
