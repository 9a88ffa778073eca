package io.pgtrickle.cdc.stream;

import java.util.Arrays;

/// Where each subtransaction of an open transaction begins, by its id.
///
/// A loop with an exception block makes millions of them, so there are no objects: they are kept in
/// the order in which they begin, as which they are cut off again, with a hash index of open
/// addressing over their ids.
///
/// Used by one thread.
final class Subtransactions {
  private static final int FIRST_CAPACITY = 8;
  private static final int FREE = 0;

  // In the order of their beginnings, [0, size).
  private int[] ids = new int[FIRST_CAPACITY];
  private long[] begins = new long[FIRST_CAPACITY];
  private int size;

  // One more than the place of an id; its length is a power of two, at least twice the size.
  private int[] slots = new int[2 * FIRST_CAPACITY];

  /// Notes the beginning of a subtransaction, unless it is known.
  ///
  /// @param begin not before any that was noted
  void begin(int id, long begin) {
    int slot = slot(id);
    if (slots[slot] != FREE) {
      return;
    }
    if (size == ids.length) {
      grow();
      slot = slot(id);
    }
    ids[size] = id;
    begins[size] = begin;
    slots[slot] = ++size;
  }

  /// Where a subtransaction begins; -1 if it was never heard of.
  long beginOf(int id) {
    int place = slots[slot(id)];
    return place == FREE ? -1 : begins[place - 1];
  }

  /// Forgets those that begin at a position or later.
  void truncate(long position) {
    while (size > 0 && begins[size - 1] >= position) {
      size--;
      free(slot(ids[size]));
    }
  }

  /// Memory occupied, roughly.
  long heapBytes() {
    return (long) ids.length * (Integer.BYTES + Long.BYTES) + (long) slots.length * Integer.BYTES;
  }

  // Where an id is, or would be.
  private int slot(int id) {
    int slot = home(id);
    while (slots[slot] != FREE && ids[slots[slot] - 1] != id) {
      slot = next(slot);
    }
    return slot;
  }

  private int home(int id) {
    int hash = id * 0x9E3779B9;
    return (hash ^ (hash >>> 16)) & (slots.length - 1);
  }

  private int next(int slot) {
    return (slot + 1) & (slots.length - 1);
  }

  // Moves up what was displaced by it, so that no search ends too early.
  private void free(int emptied) {
    int gap = emptied;
    slots[gap] = FREE;
    for (int slot = next(gap); slots[slot] != FREE; slot = next(slot)) {
      int home = home(ids[slots[slot] - 1]);
      boolean reachable = gap <= slot ? gap < home && home <= slot : gap < home || home <= slot;
      if (!reachable) {
        slots[gap] = slots[slot];
        slots[slot] = FREE;
        gap = slot;
      }
    }
  }

  private void grow() {
    ids = Arrays.copyOf(ids, 2 * size);
    begins = Arrays.copyOf(begins, 2 * size);
    slots = new int[4 * size];
    for (int i = 0; i < size; i++) {
      slots[slot(ids[i])] = i + 1;
    }
  }
}
