package io.pgtrickle.engine.refresh;

import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.state.Saved;
import io.pgtrickle.dvm.type.Bytes;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;

/// Where in the log a checkpoint was made: what it calls its frontier.
///
/// @param version of the program that made it; another one may compute the same query by other
///     state
/// @param slot the replication slot that keeps the log from there on
/// @param position everything before it is in the state; the stream is read again from here
/// @param frontier the end of the last transaction before it
/// @param time the engine's time there
/// @param recorded the frontier that the database had recorded by then; one that knows less has
///     been set back
public record Checkpoint(
    String version, String slot, Lsn position, Lsn frontier, Instant time, Lsn recorded) {

  /// Reads where a checkpoint was made.
  ///
  /// @throws StateDamaged when it does not say
  public static Checkpoint of(Saved saved) {
    try (DataInputStream in =
        new DataInputStream(new ByteArrayInputStream(saved.frontier().toArray()))) {
      return new Checkpoint(
          in.readUTF(),
          in.readUTF(),
          new Lsn(in.readLong()),
          new Lsn(in.readLong()),
          Instant.ofEpochSecond(in.readLong(), in.readInt()),
          new Lsn(in.readLong()));
    } catch (IOException e) {
      throw new StateDamaged("the checkpoint does not say where it was made", e);
    }
  }

  Bytes encode() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeUTF(version);
      out.writeUTF(slot);
      out.writeLong(position.value());
      out.writeLong(frontier.value());
      out.writeLong(time.getEpochSecond());
      out.writeInt(time.getNano());
      out.writeLong(recorded.value());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return Bytes.copyOf(bytes.toByteArray());
  }
}
