package io.pgtrickle.dvm.expr;

import org.jspecify.annotations.Nullable;

/// Reads the arguments of a strict [Implementation.Variadic], none of which is NULL.
final class Values {
  private Values() {}

  static String text(@Nullable Object argument) {
    return (String) notNull(argument);
  }

  static long number(@Nullable Object argument) {
    return (Long) notNull(argument);
  }

  private static Object notNull(@Nullable Object argument) {
    if (argument == null) {
      throw new IllegalStateException("NULL given to a strict function");
    }
    return argument;
  }
}
