package io.pgtrickle.cdc;

/// How a cell of a [Tuple] was sent.
public enum CellKind {
  /// SQL NULL; in the old tuple of kind [Change.OldRow.Key] also "not part of the key", and so in
  /// that of kind [Change.OldRow.Full] of a partition that logs keys under a partitioned table that
  /// logs whole rows.
  NULL(0),
  /// In the type's text format: types without a binary format arrive so even in a binary stream.
  TEXT(1),
  /// In the type's binary format, the same that `COPY … (FORMAT BINARY)` uses.
  BINARY(2),
  /// Not sent: a large value stored out of line that the update left as it was.
  ///
  /// It cannot be read back from the table, which may already have moved on; it has to come from
  /// the reader's own copy of the row. Where the old row was sent in full, the decoder has already
  /// filled the value in; beside [Change.OldRow.Full] this kind is seen only if that has NULL
  /// there.
  UNCHANGED_TOAST(3);

  private static final CellKind[] BY_CODE = {NULL, TEXT, BINARY, UNCHANGED_TOAST};

  /// Two bits, as [Tuple] stores them.
  final int code;

  CellKind(int code) {
    this.code = code;
  }

  static CellKind ofCode(int code) {
    return BY_CODE[code];
  }
}
