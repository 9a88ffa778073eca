package io.pgtrickle.cdc;

/// What a table logs about the old version of a row that is updated or deleted.
public enum ReplicaIdentity {
  /// The primary key, and only where it changes; nothing if there is no usable primary key.
  DEFAULT('d'),
  /// The columns of one chosen unique index, and only where they change.
  INDEX('i'),
  /// The whole old row, always.
  FULL('f'),
  /// Nothing. Once such a table is published for updates, its users' UPDATEs fail.
  NOTHING('n');

  private final char code;

  ReplicaIdentity(char code) {
    this.code = code;
  }

  /// Reads the letter of `pg_class.relreplident` and of the stream's relation messages.
  public static ReplicaIdentity of(char code) {
    for (ReplicaIdentity identity : values()) {
      if (identity.code == code) {
        return identity;
      }
    }
    throw new IllegalArgumentException("not a replica identity: '" + code + "'");
  }
}
