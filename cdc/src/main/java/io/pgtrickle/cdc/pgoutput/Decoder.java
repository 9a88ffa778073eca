package io.pgtrickle.cdc.pgoutput;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.CellKind;
import io.pgtrickle.cdc.Change;
import io.pgtrickle.cdc.Change.OldRow;
import io.pgtrickle.cdc.LogicalMessage;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.Oid;
import io.pgtrickle.cdc.Relation;
import io.pgtrickle.cdc.ReplicaIdentity;
import io.pgtrickle.cdc.Tuple;
import io.pgtrickle.cdc.TypeName;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.Begin;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.Changed;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.Commit;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.Described;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.Emitted;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.Named;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.Origin;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.StreamAbort;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.StreamCommit;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.StreamStart;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.StreamStop;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Decodes the messages of *one* connection.
///
/// The server describes each relation once per connection, before its first change, and refers to
/// it
/// by number from then on. So a decoder must see every message from the start of its connection and
/// must not outlive it: one that kept descriptions over a reconnect could decode rows by the
/// definition of another time. A number it has not been told is an error, never a look-up in the
/// catalog, which shows the present and not the time of the row.
///
/// Messages are kept, not copied: the tuples of a change are ranges of the message's array.
public final class Decoder {
  private static final Instant POSTGRES_EPOCH = Instant.parse("2000-01-01T00:00:00Z");

  private final Map<Integer, Relation> relations = new HashMap<>();
  private final Map<Integer, TypeName> types = new HashMap<>();

  /// The relation of the last change: runs of changes to one table need no map look-up.
  private @Nullable Relation recent;

  /// Decodes the message between the buffer's position and its limit.
  ///
  /// @param message backed by an array, which the result keeps
  /// @throws CaptureException.Retry if the message is not one of protocol version 1 or 2: the
  /// stream is
  ///     out of step, and only a new connection can put it right
  public PgOutputMessage decode(ByteBuffer message) {
    return decode(message, false);
  }

  /// Decodes a message that stood in a piece of an open transaction: a transaction id stands before
  /// its body. To be called when that transaction is complete, in the order of commits, since what
  /// it says of relations holds from there on.
  public PgOutputMessage decodeStreamed(ByteBuffer message) {
    return decode(message, true);
  }

  /// The kind of a message, which is left as it is.
  public static char kind(ByteBuffer message) {
    return message.hasRemaining() ? (char) message.get(message.position()) : '?';
  }

  /// The id of the transaction or subtransaction that did what a message in a piece says.
  public static int streamedXid(ByteBuffer message) {
    if (message.remaining() < 1 + Integer.BYTES) {
      throw violation("a message of " + message.remaining() + " bytes within a stream");
    }
    return message.getInt(message.position() + 1);
  }

  private PgOutputMessage decode(ByteBuffer message, boolean streamed) {
    char kind = '?';
    try {
      kind = (char) message.get();
      if (streamed) {
        message.getInt();
      }
      PgOutputMessage decoded =
          switch (kind) {
            case 'B' -> new Begin(lsn(message), instant(message), message.getInt());
            case 'C' -> commit(message);
            case 'O' -> new Origin(lsn(message), string(message));
            case 'R' -> describe(message);
            case 'Y' -> name(message);
            case 'I' -> new Changed(insert(message));
            case 'U' -> new Changed(update(message));
            case 'D' -> new Changed(delete(message));
            case 'T' -> new Changed(truncate(message));
            case 'M' -> new Emitted(emitted(message));
            case 'S' -> streamStart(message);
            case 'E' -> new StreamStop();
            case 'c' -> streamCommit(message);
            case 'A' -> new StreamAbort(message.getInt(), message.getInt());
            default -> throw violation("unknown kind of message '" + kind + "'");
          };
      if (message.hasRemaining()) {
        throw violation(message.remaining() + " bytes after the end of message '" + kind + "'");
      }
      return decoded;
    } catch (BufferUnderflowException | IllegalArgumentException e) {
      throw new CaptureException.Retry(
          CaptureException.PROTOCOL_VIOLATION,
          "malformed pgoutput message '" + kind + "'; the stream has to be started again",
          e);
    }
  }

  private static Commit commit(ByteBuffer message) {
    message.get(); // flags, none defined
    return new Commit(lsn(message), lsn(message), instant(message));
  }

  private static StreamStart streamStart(ByteBuffer message) {
    int xid = message.getInt();
    message.get(); // whether it is the first piece, which is known
    return new StreamStart(xid);
  }

  private static StreamCommit streamCommit(ByteBuffer message) {
    int xid = message.getInt();
    message.get(); // flags, none defined
    return new StreamCommit(xid, lsn(message), lsn(message), instant(message));
  }

  private Described describe(ByteBuffer message) {
    int oid = message.getInt();
    String schema = schema(message);
    String name = string(message);
    ReplicaIdentity identity = ReplicaIdentity.of((char) message.get());
    int width = count(message);
    List<Relation.Column> columns = new ArrayList<>(width);
    for (int i = 0; i < width; i++) {
      boolean key = (message.get() & 1) != 0;
      String column = string(message);
      int type = message.getInt();
      int typmod = message.getInt();
      columns.add(new Relation.Column(column, new Oid(type), typmod, key, types.get(type)));
    }
    Relation relation = new Relation(new Oid(oid), schema, name, identity, columns);
    relations.put(oid, relation);
    recent = relation;
    return new Described(relation);
  }

  private Named name(ByteBuffer message) {
    int oid = message.getInt();
    TypeName name = new TypeName(schema(message), string(message));
    types.put(oid, name);
    return new Named(new Oid(oid), name);
  }

  private Change insert(ByteBuffer message) {
    Relation relation = relation(message);
    expect(message, 'N');
    return new Change.Insert(relation, tuple(message, relation));
  }

  private Change update(ByteBuffer message) {
    Relation relation = relation(message);
    char kind = (char) message.get();
    OldRow old =
        switch (kind) {
          case 'N' -> OldRow.Unknown.INSTANCE;
          case 'K', 'O' -> {
            OldRow logged = oldRow(kind, message, relation);
            expect(message, 'N');
            yield logged;
          }
          default -> throw violation("unknown kind of tuple '" + kind + "' in an update");
        };
    Tuple row =
        old instanceof OldRow.Full(Tuple before)
            ? tuple(message, relation, before)
            : tuple(message, relation);
    return new Change.Update(relation, old, row);
  }

  private Change delete(ByteBuffer message) {
    Relation relation = relation(message);
    char kind = (char) message.get();
    return new Change.Delete(relation, oldRow(kind, message, relation));
  }

  private static OldRow oldRow(char kind, ByteBuffer message, Relation relation) {
    return switch (kind) {
      case 'K' -> new OldRow.Key(tuple(message, relation));
      case 'O' -> new OldRow.Full(tuple(message, relation));
      default -> throw violation("unknown kind of old tuple '" + kind + "'");
    };
  }

  private Change truncate(ByteBuffer message) {
    int count = message.getInt();
    if (count < 0 || count > message.remaining() / Integer.BYTES) {
      throw violation("a truncate of " + count + " relations");
    }
    int flags = message.get();
    List<Relation> truncated = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      truncated.add(relation(message));
    }
    return new Change.Truncate(truncated, (flags & 1) != 0, (flags & 2) != 0);
  }

  private static LogicalMessage emitted(ByteBuffer message) {
    boolean transactional = (message.get() & 1) != 0;
    Lsn lsn = lsn(message);
    String prefix = string(message);
    int length = message.getInt();
    if (length < 0 || length > message.remaining()) {
      throw violation("a logical message of " + length + " bytes");
    }
    ByteBuffer content = message.slice(message.position(), length);
    message.position(message.position() + length);
    return new LogicalMessage(lsn, transactional, prefix, content);
  }

  /// The relation a row message is about.
  private Relation relation(ByteBuffer message) {
    int oid = message.getInt();
    Relation known = recent;
    if (known != null && known.oid().value() == oid) {
      return known;
    }
    known = relations.get(oid);
    if (known == null) {
      throw violation(
          "a change to relation "
              + Integer.toUnsignedString(oid)
              + ", which this connection has not described");
    }
    recent = known;
    return known;
  }

  private static Tuple tuple(ByteBuffer message, Relation relation) {
    return tuple(message, relation, null);
  }

  /// Reads a tuple and checks that every value lies within the message, so that readers need not.
  ///
  /// Where the update left a large value as it was, the server sends no value; the full old row has
  /// it, and as both tuples are ranges of one message, taking over the old cell completes the new
  /// row. An old cell that is NULL does not have it, since NULL is never stored out of line: a
  /// partition logs what its own replica identity says, while the old row is called full when the
  /// partitioned table's is.
  private static Tuple tuple(ByteBuffer message, Relation relation, @Nullable Tuple before) {
    int width = count(message);
    if (width != relation.columns().size()) {
      throw violation(
          "a tuple of "
              + width
              + " cells for "
              + relation.tableName()
              + ", which was described with "
              + relation.columns().size()
              + " columns");
    }
    // The cells point into the array, which may begin before the message does.
    int base = message.arrayOffset();
    int[] cells = new int[width];
    for (int i = 0; i < width; i++) {
      byte kind = message.get();
      cells[i] =
          switch (kind) {
            case 'n' -> Tuple.cell(CellKind.NULL, 0);
            case 'u' -> unchanged(before, i);
            case 't' -> value(CellKind.TEXT, message, base);
            case 'b' -> value(CellKind.BINARY, message, base);
            default -> throw violation("unknown kind of cell '" + (char) kind + "'");
          };
    }
    return new Tuple(message.array(), cells);
  }

  private static int unchanged(@Nullable Tuple before, int column) {
    if (before == null) {
      return Tuple.cell(CellKind.UNCHANGED_TOAST, 0);
    }
    CellKind kind = before.kind(column);
    return switch (kind) {
      case TEXT, BINARY -> Tuple.cell(kind, before.offset(column) - Integer.BYTES);
      case NULL, UNCHANGED_TOAST -> Tuple.cell(CellKind.UNCHANGED_TOAST, 0);
    };
  }

  private static int value(CellKind kind, ByteBuffer message, int base) {
    int at = base + message.position();
    int length = message.getInt();
    if (length < 0 || length > message.remaining()) {
      throw violation("a value of " + length + " bytes where " + message.remaining() + " are left");
    }
    message.position(message.position() + length);
    return Tuple.cell(kind, at);
  }

  private static void expect(ByteBuffer message, char kind) {
    char seen = (char) message.get();
    if (seen != kind) {
      throw violation("tuple '" + seen + "' where '" + kind + "' was expected");
    }
  }

  private static int count(ByteBuffer message) {
    return Short.toUnsignedInt(message.getShort());
  }

  private static Lsn lsn(ByteBuffer message) {
    return new Lsn(message.getLong());
  }

  private static Instant instant(ByteBuffer message) {
    long micros = message.getLong();
    return POSTGRES_EPOCH
        .plusSeconds(Math.floorDiv(micros, 1_000_000L))
        .plusNanos(Math.floorMod(micros, 1_000_000L) * 1_000L);
  }

  /// An empty name stands for `pg_catalog`.
  private static String schema(ByteBuffer message) {
    String sent = string(message);
    return sent.isEmpty() ? "pg_catalog" : sent;
  }

  private static String string(ByteBuffer message) {
    int start = message.position();
    while (message.get() != 0) {
      // to the terminator
    }
    int length = message.position() - 1 - start;
    return new String(
        message.array(), message.arrayOffset() + start, length, StandardCharsets.UTF_8);
  }

  private static CaptureException violation(String seen) {
    return new CaptureException.Retry(
        CaptureException.PROTOCOL_VIOLATION,
        "the stream does not follow the protocol of pgoutput: "
            + seen
            + "; it has to be started again from the stored position");
  }
}
