package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.operator.Collected.Collector;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.type.TypeKind;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/// What [Collected] puts values together to.
public final class Collectors {
  private Collectors() {}

  /// `string_agg(text, text)`; the first delimiter is never shown.
  public static Collector text() {
    return new Collector() {
      private final StringBuilder text = new StringBuilder();
      private boolean first = true;

      @Override
      public void add(@Nullable Object[] arguments) {
        if (!first && arguments[1] != null) {
          text.append(arguments[1]);
        }
        text.append(arguments[0]);
        first = false;
      }

      @Override
      public Object result() {
        return text.toString();
      }
    };
  }

  /// `string_agg(bytea, bytea)`.
  public static Collector bytes() {
    return new Collector() {
      private final ByteSink bytes = new ByteSink();
      private boolean first = true;

      @Override
      public void add(@Nullable Object[] arguments) {
        if (!first && arguments[1] instanceof Bytes delimiter) {
          bytes.putBytes(delimiter.toArray());
        }
        if (arguments[0] instanceof Bytes value) {
          bytes.putBytes(value.toArray());
        }
        first = false;
      }

      @Override
      public Object result() {
        return Bytes.copyOf(bytes.array(), 0, bytes.size());
      }
    };
  }

  /// `array_agg`: the binary form of an array of one dimension, which is how arrays are carried.
  public static Collector array(SqlType element) {
    return new Collector() {
      private final TypeCodec codec = TypeCodec.of(element);
      private final ByteSink elements = new ByteSink();
      private final ByteSink one = new ByteSink();
      private int size;
      private boolean nulls;

      @Override
      public void add(@Nullable Object[] arguments) {
        size++;
        Object value = arguments[0];
        if (value == null) {
          nulls = true;
          elements.putInt(-1);
        } else {
          one.clear();
          codec.toBinary(value, one);
          elements.putInt(one.size());
          elements.putBytes(one.array(), 0, one.size());
        }
      }

      @Override
      public Object result() {
        ByteSink array = new ByteSink(20 + elements.size());
        array.putInt(1);
        array.putInt(nulls ? 1 : 0);
        array.putInt(element.oid());
        array.putInt(size);
        array.putInt(1);
        array.putBytes(elements.array(), 0, elements.size());
        return Bytes.copyOf(array.array(), 0, array.size());
      }
    };
  }

  /// `json_agg`: the text is the binary form.
  public static Collector json(SqlType element) {
    return new JsonArray(element, "");
  }

  /// `jsonb_agg`: the text after a version number is the binary form.
  public static Collector jsonb(SqlType element) {
    return new JsonArray(element, "\u0001");
  }

  private static final class JsonArray implements Collector {
    private final boolean bare;
    private final TypeCodec codec;
    private final StringBuilder text;
    private final int start;

    JsonArray(SqlType element, String prefix) {
      TypeKind kind = element.kind();
      bare =
          kind == TypeKind.BOOL || kind.isInteger() || kind == TypeKind.NUMERIC || kind.isFloat();
      codec = TypeCodec.of(element);
      text = new StringBuilder(prefix).append('[');
      start = text.length();
    }

    @Override
    public void add(@Nullable Object[] arguments) {
      if (text.length() > start) {
        text.append(", ");
      }
      Object value = arguments[0];
      switch (value) {
        case null -> text.append("null");
        case Boolean truth -> text.append(truth ? "true" : "false");
        default -> {
          String shown = codec.toText(value);
          if (bare && isNumber(shown)) {
            text.append(shown);
          } else {
            quote(shown);
          }
        }
      }
    }

    // NaN and the infinities are strings in JSON.
    private static boolean isNumber(String shown) {
      char last = shown.charAt(shown.length() - 1);
      return last >= '0' && last <= '9';
    }

    private void quote(String string) {
      text.append('"');
      for (int i = 0; i < string.length(); i++) {
        char c = string.charAt(i);
        switch (c) {
          case '"' -> text.append("\\\"");
          case '\\' -> text.append("\\\\");
          case '\b' -> text.append("\\b");
          case '\f' -> text.append("\\f");
          case '\n' -> text.append("\\n");
          case '\r' -> text.append("\\r");
          case '\t' -> text.append("\\t");
          default -> {
            if (c < ' ') {
              text.append(String.format("\\u%04x", (int) c));
            } else {
              text.append(c);
            }
          }
        }
      }
      text.append('"');
    }

    @Override
    public Object result() {
      return Bytes.copyOf((text + "]").getBytes(StandardCharsets.UTF_8));
    }
  }
}
