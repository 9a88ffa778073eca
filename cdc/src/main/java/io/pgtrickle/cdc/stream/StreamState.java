package io.pgtrickle.cdc.stream;

import io.pgtrickle.cdc.CaptureException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// How a [LogStream] is at a moment.
///
/// @param protocol of the current connection, or the last one
/// @param losses how often the connection was lost and made again, since the stream was started
/// @param lastLoss why it was lost the last time; null if it never was
public record StreamState(
    Phase phase, Protocol protocol, long losses, @Nullable CaptureException lastLoss) {

  /// What the stream does.
  public enum Phase {
    /// Connected.
    READING,
    /// Between a lost connection and the next.
    RECONNECTING,
    /// Disconnected because it was asked to; the slot keeps what comes.
    PAUSED
  }

  /// What keeps the stream from reading.
  public Optional<String> problem() {
    return phase == Phase.RECONNECTING && lastLoss != null
        ? Optional.of(String.valueOf(lastLoss.getMessage()))
        : Optional.empty();
  }
}
