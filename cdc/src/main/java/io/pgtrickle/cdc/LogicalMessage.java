package io.pgtrickle.cdc;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/// A message that somebody wrote into the log with `pg_logical_emit_message`.
///
/// A transactional message is a [Change] of its transaction, at its place between the others, and
/// arrives only if that commits: a barrier. Any other is a [WalEvent] of its own, arrives even if
/// its transaction rolls back, and may overtake transactions that were open when it was written.
///
/// EXECUTE on the function is granted to PUBLIC by default: whoever acts on a message must not
/// trust
/// its content more than any user's input.
///
/// @param lsn where the message stands in the log; for a transactional one not an address
public record LogicalMessage(Lsn lsn, boolean transactional, String prefix, ByteBuffer content)
    implements Change, WalEvent {

  public LogicalMessage {
    content = content.asReadOnlyBuffer();
  }

  /// The content, with a position of its own for each caller.
  @Override
  public ByteBuffer content() {
    return content.duplicate();
  }

  /// The content read as UTF-8.
  public String text() {
    return StandardCharsets.UTF_8.decode(content()).toString();
  }

  @Override
  public Lsn position() {
    return lsn;
  }
}
