package io.pgtrickle.cdc;

/// How a cell of a [Tuple] was sent.
public enum CellKind {
  /// SQL NULL; in the old tuple of kind [Change.OldRow.Key] also "not part of the key".
  NULL,
  /// In the type's text format: types without a binary format arrive so even in a binary stream.
  TEXT,
  /// In the type's binary format, the same that `COPY … (FORMAT BINARY)` uses.
  BINARY,
  /// Not sent: a large value stored out of line that the update left as it was.
  ///
  /// It cannot be read back from the table, which may already have moved on; it has to come from
  /// the reader's own copy of the row. Where the old row is known in full, the decoder has already
  /// filled the value in, so this kind is never seen beside [Change.OldRow.Full].
  UNCHANGED_TOAST;

  private static final CellKind[] BY_CODE = values();

  static CellKind ofCode(int code) {
    return BY_CODE[code];
  }
}
