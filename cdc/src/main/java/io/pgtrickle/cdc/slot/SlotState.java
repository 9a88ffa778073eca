package io.pgtrickle.cdc.slot;

import io.pgtrickle.cdc.Lsn;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/// A replication slot as `pg_replication_slots` shows it.
public final class SlotState {
  private final String name;
  private final @Nullable String plugin;
  private final @Nullable String database;
  private final boolean active;
  private final OptionalInt activePid;
  private final @Nullable Lsn restartLsn;
  private final @Nullable Lsn confirmedFlush;
  private final WalStatus walStatus;
  private final @Nullable String invalidationReason;
  private final OptionalLong safeWalSize;

  SlotState(
      String name,
      @Nullable String plugin,
      @Nullable String database,
      boolean active,
      OptionalInt activePid,
      @Nullable Lsn restartLsn,
      @Nullable Lsn confirmedFlush,
      WalStatus walStatus,
      @Nullable String invalidationReason,
      OptionalLong safeWalSize) {
    this.name = name;
    this.plugin = plugin;
    this.database = database;
    this.active = active;
    this.activePid = activePid;
    this.restartLsn = restartLsn;
    this.confirmedFlush = confirmedFlush;
    this.walStatus = walStatus;
    this.invalidationReason = invalidationReason;
    this.safeWalSize = safeWalSize;
  }

  public String name() {
    return name;
  }

  public Optional<String> plugin() {
    return Optional.ofNullable(plugin);
  }

  public Optional<String> database() {
    return Optional.ofNullable(database);
  }

  /// Whether some connection is reading the slot.
  public boolean active() {
    return active;
  }

  /// The server process that reads the slot.
  public OptionalInt activePid() {
    return activePid;
  }

  /// The start of the log that the server keeps for this slot; absent once the slot is lost.
  public Optional<Lsn> restartLsn() {
    return Optional.ofNullable(restartLsn);
  }

  /// Up to where the log was consumed. After a crash of the server it may lie before what was
  /// confirmed. After a stored position it lies only if somebody else has moved it.
  public Optional<Lsn> confirmedFlush() {
    return Optional.ofNullable(confirmedFlush);
  }

  public WalStatus walStatus() {
    return walStatus;
  }

  /// Why the slot was lost, where the server says so (17 and later).
  public Optional<String> invalidationReason() {
    return Optional.ofNullable(invalidationReason);
  }

  /// How many bytes of log may still be written before this slot is in danger of being lost; absent
  /// if `max_slot_wal_keep_size` sets no limit, in which case the disk does.
  public OptionalLong safeWalSize() {
    return safeWalSize;
  }

  public boolean isLost() {
    return walStatus == WalStatus.LOST || invalidationReason != null;
  }

  /// Where the log that a slot needs is.
  public enum WalStatus {
    RESERVED,
    EXTENDED,
    /// The next checkpoint may remove it.
    UNRESERVED,
    LOST
  }
}
