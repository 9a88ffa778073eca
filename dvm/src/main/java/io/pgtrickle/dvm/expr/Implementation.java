package io.pgtrickle.dvm.expr;

import org.jspecify.annotations.Nullable;

/// The body of a native function, by arity, so that a call of up to three arguments builds no
/// array.
///
/// A body is never called with NULL unless the function is not strict, which only [Variadic] can
/// be. It
/// answers `null` for NULL and throws [io.pgtrickle.dvm.type.EvaluationFailure] where the server
/// raises
/// an error.
sealed interface Implementation {
  /// One argument.
  @FunctionalInterface
  non-sealed interface Unary<A, R> extends Implementation {
    @Nullable R apply(A a);
  }

  /// Two arguments.
  @FunctionalInterface
  non-sealed interface Binary<A, B, R> extends Implementation {
    @Nullable R apply(A a, B b);
  }

  /// Three arguments.
  @FunctionalInterface
  non-sealed interface Ternary<A, B, C, R> extends Implementation {
    @Nullable R apply(A a, B b, C c);
  }

  /// Any number of arguments; NULL is `null`.
  @FunctionalInterface
  non-sealed interface Variadic<R> extends Implementation {
    @Nullable R apply(@Nullable Object[] arguments);
  }
}
