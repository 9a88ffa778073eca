package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.zset.Schema;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Names for plans and nodes that mean the same in every process: a digest of their structure.
///
/// Records are values made of values (that is what sharing of nodes rests on), so the names of
/// their types and their components, each delimited, say what they are. Two that differ in
/// anything get different names, also where their texts would look alike.
final class Identity {
  // Part of every name: to be raised when the same plan comes to keep other state than before.
  private static final int STATE_VERSION = 3;

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final DataOutputStream out = new DataOutputStream(bytes);

  private Identity() {}

  /// The name of a value made of records, lists, maps and constants.
  static String of(Object value) {
    Identity identity = new Identity();
    try {
      identity.out.writeInt(STATE_VERSION);
      identity.write(value);
      return HexFormat.of()
          .formatHex(MessageDigest.getInstance("SHA-256").digest(identity.bytes.toByteArray()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JVM has SHA-256", e);
    }
  }

  private void write(@Nullable Object value) throws IOException {
    switch (value) {
      case null -> out.writeByte(0);
      case List<?> list -> {
        out.writeByte(1);
        out.writeInt(list.size());
        for (Object element : list) {
          write(element);
        }
      }
      case Map<?, ?> map -> {
        Map<String, Object> sorted = new TreeMap<>();
        map.forEach((key, element) -> sorted.put(of(key), element));
        out.writeByte(2);
        out.writeInt(sorted.size());
        for (Map.Entry<String, Object> entry : sorted.entrySet()) {
          write(entry.getKey());
          write(entry.getValue());
        }
      }
      case Record composite -> {
        out.writeByte(3);
        text(composite.getClass().getName());
        for (RecordComponent component : composite.getClass().getRecordComponents()) {
          write(component(composite, component));
        }
      }
      case Schema schema -> {
        out.writeByte(4);
        write(schema.columns());
      }
      case Enum<?> constant -> {
        out.writeByte(5);
        text(constant.getDeclaringClass().getName());
        text(constant.name());
      }
      default -> {
        requireText(value.getClass());
        out.writeByte(6);
        text(value.getClass().getName());
        text(value.toString());
      }
    }
  }

  private static @Nullable Object component(Record composite, RecordComponent component) {
    try {
      component.getAccessor().setAccessible(true);
      return component.getAccessor().invoke(composite);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("a record cannot be read: " + component, e);
    }
  }

  private static void requireText(Class<?> type) {
    try {
      if (type.getMethod("toString").getDeclaringClass() == Object.class) {
        throw new IllegalStateException(type + " has no text that would identify its values");
      }
    } catch (NoSuchMethodException e) {
      throw new IllegalStateException(e);
    }
  }

  private void text(String text) throws IOException {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    out.writeInt(utf8.length);
    out.write(utf8);
  }
}
