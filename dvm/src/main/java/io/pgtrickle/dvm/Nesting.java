package io.pgtrickle.dvm;

/// How deeply queries may be nested, and the threads that can follow them.
///
/// Analyzed trees, expressions and plans are read by recursion. PostgreSQL bounds its own by
/// `max_stack_depth` (2 MB), which is passed after some 3,000 calls inside of each other, 1,600
/// nested CASEs or 5,000 operands of `||`; but a superuser can raise that, and a tree in a message
/// can be anybody's. So the depth of a tree is bounded here, and whoever reads queries runs on a
/// [thread][#thread] whose stack holds a query of that depth several times over: a level took up to
/// 2.5 KB in every walk that was measured, and has 16 KB.
///
/// A stack costs address space; memory only as far as it was ever used.
public final class Nesting {
  /// The most lists and nodes of an analyzed tree inside of each other. An operand of `||` is two
  /// of them, so that all 1,600 columns of the widest table can be concatenated, and some hundred
  /// with separators in between; lists of AND, OR and IN are flat however long they are.
  public static final int DEEPEST = 4_000;

  private static final long STACK_BYTES = 64L << 20;

  private Nesting() {}

  /// A thread that may read queries.
  public static Thread.Builder.OfPlatform thread() {
    return Thread.ofPlatform().stackSize(STACK_BYTES);
  }
}
