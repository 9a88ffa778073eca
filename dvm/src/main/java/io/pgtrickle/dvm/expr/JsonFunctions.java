package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.JsonValue.Kind;
import io.pgtrickle.dvm.expr.NativeFunction.Requirement;
import io.pgtrickle.dvm.type.ArrayElements;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Functions that take `json` and `jsonb` documents apart. What compares or changes them, and what
/// makes them, is the server's.
///
/// To PostgreSQL a `jsonb` scalar is an array of one element, which shows where an element is asked
/// for by its place. The strings of a `json` document are read anew each time, and may have escapes
/// that are no characters.
final class JsonFunctions {
  /// What C takes for a number.
  private static final Pattern PLACE = Pattern.compile("[ \\t\\n\\x0B\\f\\r]*[+-]?[0-9]+");

  private JsonFunctions() {}

  static void register(Registry registry) {
    for (boolean jsonb : new boolean[] {false, true}) {
      String type = jsonb ? "jsonb" : "json";
      accessors(registry, type, jsonb);
      registry
          .add(
              type + "_typeof(" + type + ") text",
              "what a document is",
              (Bytes a) -> JsonValue.of(a, jsonb).kind().typeName())
          .neverFails();
      registry
          .add(
              type + "_array_length(" + type + ") int4",
              "number of elements",
              (Bytes a) -> length(JsonValue.of(a, jsonb)))
          .needs(Requirement.UTF8);
    }
    registry
        .add(
            "jsonb_exists(jsonb,text) bool",
            "has a member, or a string as an element",
            JsonFunctions::exists)
        .neverFails();
    registry
        .add(
            "jsonb_extract_path(jsonb,text[]) jsonb",
            "what is at the end of a path",
            (Bytes a, Bytes path) -> at(a, path).map(found -> found.document(true)).orElse(null))
        .needs(Requirement.UTF8)
        .neverFails();
    registry
        .add(
            "jsonb_extract_path_text(jsonb,text[]) text",
            "what is at the end of a path, as text",
            (Bytes a, Bytes path) -> text(at(a, path)))
        .neverFails();
  }

  private static Optional<JsonValue> at(Bytes document, Bytes path) {
    Optional<JsonValue> value = Optional.of(JsonValue.of(document, true));
    for (Object step : ArrayElements.of(path, TypeCodec.of(SqlType.TEXT))) {
      value = step == null ? Optional.empty() : value.flatMap(found -> step(found, (String) step));
    }
    return value;
  }

  private static Optional<JsonValue> step(JsonValue value, String step) {
    return switch (value.kind()) {
      case OBJECT -> value.member(step);
      case ARRAY -> PLACE.matcher(step).matches() ? place(value, step.strip()) : Optional.empty();
      case STRING, NUMBER, BOOLEAN, NULL -> Optional.empty();
    };
  }

  private static Optional<JsonValue> place(JsonValue array, String digits) {
    BigInteger place = new BigInteger(digits);
    return place.bitLength() < Integer.SIZE ? array.element(place.intValue()) : Optional.empty();
  }

  private static void accessors(Registry registry, String type, boolean jsonb) {
    List<NativeFunction> accessors =
        List.of(
            registry.add(
                type + "_object_field(" + type + ",text) " + type,
                "a member of an object",
                (Bytes a, String name) ->
                    member(a, jsonb, name).map(found -> found.document(jsonb)).orElse(null)),
            registry.add(
                type + "_object_field_text(" + type + ",text) text",
                "a member of an object as text",
                (Bytes a, String name) -> text(member(a, jsonb, name))),
            registry.add(
                type + "_array_element(" + type + ",int4) " + type,
                "an element of an array",
                (Bytes a, Long place) ->
                    element(a, jsonb, place).map(found -> found.document(jsonb)).orElse(null)),
            registry.add(
                type + "_array_element_text(" + type + ",int4) text",
                "an element of an array as text",
                (Bytes a, Long place) -> text(element(a, jsonb, place))));
    for (NativeFunction accessor : accessors) {
      accessor.needs(Requirement.UTF8);
      if (jsonb) {
        accessor.neverFails();
      }
    }
  }

  private static JsonValue read(Bytes document, boolean jsonb) {
    JsonValue value = JsonValue.of(document, jsonb);
    if (!jsonb) {
      value.requireCharacters();
    }
    return value;
  }

  private static Optional<JsonValue> member(Bytes document, boolean jsonb, String name) {
    JsonValue value = read(document, jsonb);
    return value.kind() == Kind.OBJECT ? value.member(name) : Optional.empty();
  }

  private static Optional<JsonValue> element(Bytes document, boolean jsonb, long place) {
    JsonValue value = read(document, jsonb);
    return switch (value.kind()) {
      case ARRAY -> value.element(place);
      case OBJECT -> Optional.empty();
      case STRING, NUMBER, BOOLEAN, NULL ->
          jsonb && (place == 0 || place == -1) ? Optional.of(value) : Optional.empty();
    };
  }

  private static @Nullable String text(Optional<JsonValue> value) {
    return value.filter(found -> found.kind() != Kind.NULL).map(JsonValue::text).orElse(null);
  }

  private static Long length(JsonValue value) {
    return switch (value.kind()) {
      case ARRAY -> (long) value.size();
      case OBJECT -> throw failure("cannot get array length of a non-array");
      case STRING, NUMBER, BOOLEAN, NULL -> throw failure("cannot get array length of a scalar");
    };
  }

  private static Boolean exists(Bytes document, String wanted) {
    JsonValue value = JsonValue.of(document, true);
    byte[] plain = wanted.getBytes(StandardCharsets.UTF_8);
    return switch (value.kind()) {
      case OBJECT -> value.member(wanted).isPresent();
      case STRING -> value.is(plain, wanted);
      case ARRAY -> {
        boolean[] found = {false};
        value.forEach(
            (_, element) -> {
              found[0] = element.kind() == Kind.STRING && element.is(plain, wanted);
              return !found[0];
            });
        yield found[0];
      }
      case NUMBER, BOOLEAN, NULL -> false;
    };
  }

  /// `json_array_elements` and its kin, by name.
  static SetFunctions.Body rows(String function, boolean jsonb) {
    boolean keys = function.endsWith("_object_keys");
    boolean texts = function.endsWith("_text");
    return arguments -> {
      JsonValue value = JsonValue.of((Bytes) arguments.getFirst(), jsonb);
      boolean unescaping = !jsonb && (keys || texts);
      // PostgreSQL has read a scalar before it finds that it is one.
      if (unescaping && value.kind() == Kind.STRING) {
        value.requireCharacters();
      }
      if (keys) {
        requireObject(value.kind(), function);
      } else {
        requireArray(value.kind(), function, jsonb);
      }
      if (unescaping) {
        value.requireCharacters();
      }
      if (value.size() > SetFunctions.MOST_ROWS) {
        throw SetFunctions.tooMany(function);
      }
      List<@Nullable Object> rows = new ArrayList<>();
      value.forEach(
          (key, element) ->
              rows.add(
                  key != null
                      ? key.text()
                      : texts ? text(Optional.of(element)) : element.document(jsonb)));
      return rows;
    };
  }

  private static void requireObject(Kind kind, String function) {
    switch (kind) {
      case OBJECT -> {}
      case ARRAY -> throw failure("cannot call " + function + " on an array");
      case STRING, NUMBER, BOOLEAN, NULL ->
          throw failure("cannot call " + function + " on a scalar");
    }
  }

  private static void requireArray(Kind kind, String function, boolean jsonb) {
    switch (kind) {
      case ARRAY -> {}
      case OBJECT ->
          throw failure(
              jsonb
                  ? "cannot extract elements from an object"
                  : "cannot call " + function + " on a non-array");
      case STRING, NUMBER, BOOLEAN, NULL ->
          throw failure(
              jsonb
                  ? "cannot extract elements from a scalar"
                  : "cannot call " + function + " on a scalar");
    }
  }

  private static EvaluationFailure failure(String message) {
    return new EvaluationFailure("22023", message);
  }
}
