package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.Implementation.Binary;
import io.pgtrickle.dvm.expr.Implementation.Ternary;
import io.pgtrickle.dvm.expr.Implementation.Unary;
import io.pgtrickle.dvm.expr.Implementation.Variadic;
import io.pgtrickle.dvm.expr.NativeFunction.Binder;
import io.pgtrickle.dvm.expr.NativeFunction.Binding;
import io.pgtrickle.dvm.expr.NativeFunction.Requirement;
import io.pgtrickle.dvm.expr.NativeFunction.Role;
import io.pgtrickle.dvm.type.TypeKind;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/// Collects the library: one line per function, `name(argument types) result type`, what it
/// computes, and
/// its body.
///
/// A body is written with the Java types of its arguments; they are checked by no compiler but by
/// the test
/// that runs every function of the library against the server.
final class Registry {
  /// A function's identity within `pg_catalog`.
  record Key(String name, List<Integer> arguments) {}

  private final Map<Key, NativeFunction> functions = new LinkedHashMap<>();

  Map<Key, NativeFunction> functions() {
    return functions;
  }

  <A, R> NativeFunction add(String signature, String doc, Unary<A, R> body) {
    return add(signature, doc, Role.OTHER, _ -> body);
  }

  <A, B, R> NativeFunction add(String signature, String doc, Binary<A, B, R> body) {
    return add(signature, doc, Role.OTHER, _ -> body);
  }

  <A, B, C, R> NativeFunction add(String signature, String doc, Ternary<A, B, C, R> body) {
    return add(signature, doc, Role.OTHER, _ -> body);
  }

  <R> NativeFunction addVariadic(
      String signature, String doc, Function<Binding, Variadic<R>> body) {
    return add(signature, doc, Role.OTHER, body::apply);
  }

  /// A function whose body depends on how it is used.
  NativeFunction addBound(String signature, String doc, Binder binder) {
    return add(signature, doc, Role.OTHER, binder);
  }

  /// A function of one argument that depends on the captured time zone.
  <A, R> NativeFunction addZoned(String signature, String doc, Function<ZoneId, Unary<A, R>> body) {
    return zoned(signature, doc, body);
  }

  /// A function of two arguments that depends on the captured time zone.
  <A, B, R> NativeFunction addZonedBinary(
      String signature, String doc, Function<ZoneId, Binary<A, B, R>> body) {
    return zoned(signature, doc, body);
  }

  private NativeFunction zoned(
      String signature, String doc, Function<ZoneId, ? extends Implementation> body) {
    return add(
            signature,
            doc,
            Role.OTHER,
            binding -> body.apply(binding.settings().zone().orElseThrow()))
        .needs(Requirement.TIME_ZONE);
  }

  NativeFunction add(String signature, String doc, Role role, Binder binder) {
    int open = signature.indexOf('(');
    int close = signature.indexOf(')');
    String name = signature.substring(0, open);
    List<Integer> arguments = new ArrayList<>();
    if (close > open + 1) {
      for (String type : signature.substring(open + 1, close).split(",", -1)) {
        arguments.add(TypeNames.oid(type));
      }
    }
    int result = TypeNames.oid(signature.substring(close + 2));
    NativeFunction function = new NativeFunction(name, arguments, result, doc, role, binder);
    boolean readsText =
        arguments.stream().anyMatch(oid -> TypeKind.of(oid).isText())
            || TypeKind.of(result).isText();
    if (readsText && role == Role.OTHER) {
      // Characters, bytes and their order are ours only where the server's encoding is.
      function.needs(Requirement.UTF8);
    }
    if (functions.put(new Key(name, function.arguments()), function) != null) {
      throw new IllegalStateException("registered twice: " + signature);
    }
    return function;
  }
}
