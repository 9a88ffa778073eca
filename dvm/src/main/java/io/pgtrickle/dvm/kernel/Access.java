package io.pgtrickle.dvm.kernel;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

enum Access {
  /*
   * How a mapping will be read, for the kernel's read-ahead. Without the advice a look-up in state that
   * is not in memory reads 128 KiB and throws out as much of what others need. It is advice: where the
   * C library has no madvise, or native calls are not allowed, nothing happens.
   *
   * The values are those of Linux, macOS and the BSDs.
   */
  RANDOM(1),
  SEQUENTIAL(2);

  private static final @Nullable MethodHandle MADVISE = madvise();

  private final int advice;

  Access(int advice) {
    this.advice = advice;
  }

  @SuppressWarnings("restricted") // The one call into the C library.
  private static @Nullable MethodHandle madvise() {
    try {
      Linker linker = Linker.nativeLinker();
      FunctionDescriptor signature =
          FunctionDescriptor.of(
              ValueLayout.JAVA_INT,
              ValueLayout.ADDRESS,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT);
      return linker
          .defaultLookup()
          .find("madvise")
          .map(symbol -> linker.downcallHandle(symbol, signature))
          .orElse(null);
    } catch (UnsupportedOperationException | IllegalCallerException e) {
      return null;
    }
  }

  /// Advises; the return code says whether the kernel took it, 0 if so.
  int advise(MemorySegment mapping) {
    if (MADVISE == null || mapping.address() % 4096 != 0) {
      return -1;
    }
    try {
      return (int) MADVISE.invokeExact(mapping, mapping.byteSize(), advice);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("a call of the C library threw a checked exception", e);
    }
  }
}
