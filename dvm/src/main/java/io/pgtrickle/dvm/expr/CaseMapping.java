package io.pgtrickle.dvm.expr;

import it.unimi.dsi.fastutil.ints.Int2IntMap;
import it.unimi.dsi.fastutil.ints.Int2IntMaps;
import it.unimi.dsi.fastutil.ints.Int2IntOpenHashMap;

/// The upper and lower case of one collation, character by character.
///
/// So PostgreSQL maps case under libc and the builtin provider's simple rules; which characters
/// have
/// another case is the server's library's affair, and the table comes from there. ICU and the
/// builtin full rules map strings, not characters, and have no such table.
public final class CaseMapping {
  /// Only the letters of ASCII have case, as under the C collation.
  public static final CaseMapping ASCII = ascii();

  private final Int2IntMap lower;
  private final Int2IntMap upper;

  private CaseMapping(Int2IntMap lower, Int2IntMap upper) {
    this.lower = lower;
    this.upper = upper;
  }

  private static CaseMapping ascii() {
    Builder builder = new Builder();
    for (int c = 'A'; c <= 'Z'; c++) {
      builder.lower(c, c + ('a' - 'A'));
      builder.upper(c + ('a' - 'A'), c);
    }
    return builder.build();
  }

  /// Collects the code points whose other case is another code point.
  public static final class Builder {
    private final Int2IntOpenHashMap lower = new Int2IntOpenHashMap();
    private final Int2IntOpenHashMap upper = new Int2IntOpenHashMap();

    /// Nothing has another case.
    public Builder() {}

    public Builder lower(int codePoint, int itsLower) {
      lower.put(codePoint, itsLower);
      return this;
    }

    public Builder upper(int codePoint, int itsUpper) {
      upper.put(codePoint, itsUpper);
      return this;
    }

    public CaseMapping build() {
      return new CaseMapping(
          Int2IntMaps.unmodifiable(lower.clone()), Int2IntMaps.unmodifiable(upper.clone()));
    }
  }

  /// As the server's `lower(text)`.
  public String lower(String text) {
    return map(text, lower);
  }

  /// As the server's `upper(text)`.
  public String upper(String text) {
    return map(text, upper);
  }

  private static String map(String text, Int2IntMap mapping) {
    StringBuilder mapped = null;
    for (int i = 0; i < text.length(); ) {
      int from = text.codePointAt(i);
      int width = Character.charCount(from);
      int to = mapping.getOrDefault(from, from);
      if (to != from && mapped == null) {
        mapped = new StringBuilder(text.length() + 2).append(text, 0, i);
      }
      if (mapped != null) {
        mapped.appendCodePoint(to);
      }
      i += width;
    }
    return mapped == null ? text : mapped.toString();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof CaseMapping that
        && lower.equals(that.lower)
        && upper.equals(that.upper);
  }

  @Override
  public int hashCode() {
    return 31 * lower.hashCode() + upper.hashCode();
  }

  @Override
  public String toString() {
    return "case mapping of %d characters".formatted(lower.size() + upper.size());
  }
}
