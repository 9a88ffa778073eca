package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.Implementation.Variadic;
import io.pgtrickle.dvm.expr.NativeFunction.Binding;
import io.pgtrickle.dvm.type.DisplayText;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Functions that print values of any type: `concat`, and `||` between text and something else.
final class TextOutputFunctions {
  private TextOutputFunctions() {}

  static void register(Registry registry) {
    registry.addVariadic(
        "concat(any) text",
        "all arguments printed, NULL as nothing",
        binding -> concat(binding, 0));
    registry.addVariadic(
        "concat_ws(text,any) text",
        "the non-NULL arguments with a separator",
        TextOutputFunctions::concatWithSeparator);
    registry.addBound(
        "textanycat(text,anynonarray) text",
        "concatenation",
        binding -> {
          Function<Object, String> cast = castToText(binding, 1);
          return (Implementation.Binary<String, Object, String>) (l, r) -> l + cast.apply(r);
        });
    registry.addBound(
        "anytextcat(anynonarray,text) text",
        "concatenation",
        binding -> {
          Function<Object, String> cast = castToText(binding, 0);
          return (Implementation.Binary<Object, String, String>) (l, r) -> cast.apply(l) + r;
        });
  }

  /// Prints as the type's output function does under the settings.
  static Function<Object, String> output(SqlType type, EvaluationSettings settings) {
    return switch (type.kind()) {
      case TIMESTAMPTZ -> {
        var zone = settings.zone().orElseThrow();
        yield value -> DisplayText.timestamptz((Long) value, zone);
      }
      case BOOL,
          INT2,
          INT4,
          INT8,
          NUMERIC,
          FLOAT4,
          FLOAT8,
          TEXT,
          VARCHAR,
          BPCHAR,
          DATE,
          TIMESTAMP,
          INTERVAL,
          UUID,
          BYTEA -> {
        TypeCodec codec = TypeCodec.of(type);
        yield codec::toText;
      }
      case OPAQUE, LABELED ->
          throw new IllegalStateException("values of type " + type.oid() + " are not understood");
    };
  }

  /// The cast to text, which for boolean and character is not the output function.
  private static Function<Object, String> castToText(Binding binding, int argument) {
    SqlType type = binding.arguments().get(argument).type();
    return switch (type.kind()) {
      case BOOL -> value -> (Boolean) value ? "true" : "false";
      case BPCHAR -> value -> Strings.stripBlanks((String) value);
      case INT2,
          INT4,
          INT8,
          NUMERIC,
          FLOAT4,
          FLOAT8,
          TEXT,
          VARCHAR,
          DATE,
          TIMESTAMP,
          TIMESTAMPTZ,
          INTERVAL,
          UUID,
          BYTEA,
          OPAQUE,
          LABELED ->
          output(type, binding.settings());
    };
  }

  private static List<Function<Object, String>> outputs(Binding binding, int from) {
    List<Function<Object, String>> outputs = new ArrayList<>();
    for (int i = from; i < binding.arguments().size(); i++) {
      outputs.add(output(binding.arguments().get(i).type(), binding.settings()));
    }
    return outputs;
  }

  private static Variadic<String> concat(Binding binding, int from) {
    List<Function<Object, String>> outputs = outputs(binding, from);
    return arguments -> {
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < outputs.size(); i++) {
        Object argument = arguments[from + i];
        if (argument != null) {
          text.append(outputs.get(i).apply(argument));
        }
      }
      return text.toString();
    };
  }

  private static Variadic<String> concatWithSeparator(Binding binding) {
    List<Function<Object, String>> outputs = outputs(binding, 1);
    return arguments -> {
      @Nullable Object separator = arguments[0];
      if (separator == null) {
        return null;
      }
      StringBuilder text = new StringBuilder();
      boolean first = true;
      for (int i = 0; i < outputs.size(); i++) {
        Object argument = arguments[1 + i];
        if (argument != null) {
          text.append(first ? "" : separator).append(outputs.get(i).apply(argument));
          first = false;
        }
      }
      return text.toString();
    };
  }
}
