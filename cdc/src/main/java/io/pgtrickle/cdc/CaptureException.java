package io.pgtrickle.cdc;

import java.sql.SQLException;

/// Capture cannot go on, sorted by who has to act.
///
/// Every instance carries an SQLSTATE, the server's where the server spoke. The message says what
/// was seen, what was expected and what to do.
public abstract sealed class CaptureException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /// SQLSTATE of a stream that says something the protocol does not allow.
  public static final String PROTOCOL_VIOLATION = "08P01";

  private final String sqlState;

  private CaptureException(String sqlState, String message, Throwable cause) {
    super(message, cause);
    this.sqlState = sqlState;
  }

  private CaptureException(String sqlState, String message) {
    super(message);
    this.sqlState = sqlState;
  }

  public final String sqlState() {
    return sqlState;
  }

  /// Passes by itself: connect again, from the stored position, after a pause.
  public static final class Retry extends CaptureException {
    private static final long serialVersionUID = 1L;

    public Retry(String sqlState, String message) {
      super(sqlState, message);
    }

    public Retry(String sqlState, String message, Throwable cause) {
      super(sqlState, message, cause);
    }
  }

  /// The log no longer continues from the stored position: a new slot and a new snapshot of every
  /// table are needed. Retrying is useless, and continuing elsewhere would lose changes.
  public static final class SlotLost extends CaptureException {
    private static final long serialVersionUID = 1L;

    private final String slot;

    public SlotLost(String sqlState, String slot, String message) {
      super(sqlState, message);
      this.slot = slot;
    }

    public SlotLost(String sqlState, String slot, String message, Throwable cause) {
      super(sqlState, message, cause);
      this.slot = slot;
    }

    /// The slot that the log no longer continues by. Its name is never given to another one, so
    /// this holds for good.
    public String slot() {
      return slot;
    }
  }

  /// A person has to change a setting, a privilege or a definition.
  public static final class Misconfigured extends CaptureException {
    private static final long serialVersionUID = 1L;

    public Misconfigured(String sqlState, String message) {
      super(sqlState, message);
    }

    public Misconfigured(String sqlState, String message, Throwable cause) {
      super(sqlState, message, cause);
    }
  }

  /// Sorts what the driver threw while doing something that is not reading a slot.
  ///
  /// @param doing completes "failed to …"
  public static CaptureException of(SQLException seen, String doing) {
    String state = stateOf(seen);
    String message = message(seen, doing, state);
    if (isTransient(state)) {
      return new Retry(state, message, seen);
    }
    return switch (state) {
      case "42501" ->
          new Misconfigured(
              state,
              message + "; grant the role that the sidecar connects as what is missing",
              seen);
      case "53400" ->
          new Misconfigured(
              state,
              message
                  + "; raise max_replication_slots and max_wal_senders (needs a restart) or drop"
                  + " unused slots",
              seen);
      case "55000" ->
          new Misconfigured(state, message + "; the server is not in a state that allows it", seen);
      default -> new Misconfigured(state, message, seen);
    };
  }

  /// Sorts what the driver threw while starting to read a slot or reading it.
  ///
  /// Two classes differ from [#of]: 55000 here means that the server has removed log or rows the
  /// slot needs, and 42704 that the slot, or (up to PostgreSQL 17) the publication, did not exist
  /// at
  /// the time of the log being read. Creating the publication anew does not help in that case: the
  /// log before it stays undecodable.
  public static CaptureException whileReading(SQLException seen, String slot) {
    String doing = "read replication slot \"" + slot + "\"";
    String state = stateOf(seen);
    String message = message(seen, doing, state);
    return switch (state) {
      case "55000", "58P01" ->
          new SlotLost(
              state,
              slot,
              message
                  + "; the server no longer has the log this slot needs: create a new slot and"
                  + " take a new snapshot of every table",
              seen);
      case "42704" ->
          new SlotLost(
              state,
              slot,
              message
                  + "; slot and publication have to exist throughout the log being read: create"
                  + " a new slot and take a new snapshot of every table",
              seen);
      default -> of(seen, doing);
    };
  }

  private static String message(SQLException seen, String doing, String state) {
    return "failed to " + doing + ": " + seen.getMessage() + " (SQLSTATE " + state + ")";
  }

  /// A driver's exception may carry no state; a lost socket is then the likeliest cause.
  private static String stateOf(SQLException seen) {
    String state = seen.getSQLState();
    return state == null ? "08006" : state;
  }

  /// 08 lost or refused connections (a terminated walsender shows as 08006 with an EOF, not as
  /// 57P01), 40 serialization failures and deadlocks, 53 resources, 57 shutdowns and cancellations,
  /// 55006 a slot still held by a walsender the server has not given up yet, 55P03 lock time-outs,
  /// 58030 I/O errors, XX internal errors of the server (what a retry does not cure shows by
  /// repeating).
  private static boolean isTransient(String state) {
    if (state.equals("53400")) {
      return false;
    }
    return state.startsWith("08")
        || state.startsWith("40")
        || state.startsWith("53")
        || state.startsWith("57")
        || state.startsWith("XX")
        || state.equals("55006")
        || state.equals("55P03")
        || state.equals("58030");
  }
}
