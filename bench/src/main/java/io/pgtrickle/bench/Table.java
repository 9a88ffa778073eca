package io.pgtrickle.bench;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.HdrHistogram.Histogram;

/// A Markdown table; the first column is text, the others are figures.
final class Table {
  private static final double NANOS_PER_MILLI = 1e6;

  private final int columns;
  private final List<String> lines = new ArrayList<>();

  Table(String... header) {
    columns = header.length;
    lines.add("| " + String.join(" | ", header) + " |");
    lines.add("|---|" + "---:|".repeat(columns - 1));
  }

  Table row(String... cells) {
    if (cells.length != columns) {
      throw new IllegalArgumentException(cells.length + " cells for " + columns + " columns");
    }
    lines.add("| " + String.join(" | ", cells) + " |");
    return this;
  }

  void print(PrintStream out) {
    out.println();
    lines.forEach(out::println);
    out.println();
  }

  static String millis(long nanos) {
    return millis((double) nanos);
  }

  static String millis(double nanos) {
    if (Double.isNaN(nanos)) {
      return "–";
    }
    double millis = nanos / NANOS_PER_MILLI;
    return String.format(
        Locale.ROOT, millis < 10 ? "%.2f" : millis < 100 ? "%.1f" : "%.0f", millis);
  }

  static String percentiles(Histogram nanos) {
    return millis(nanos.getValueAtPercentile(50)) + " / " + millis(nanos.getValueAtPercentile(99));
  }

  static String count(double number) {
    return String.format(Locale.ROOT, "%,.0f", number);
  }

  static String ratio(double number) {
    return String.format(Locale.ROOT, "%.1f", number);
  }

  static double median(List<Long> values) {
    long[] sorted = values.stream().mapToLong(Long::longValue).sorted().toArray();
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2.0;
  }

  static String range(List<Long> nanos) {
    long[] sorted = nanos.stream().mapToLong(Long::longValue).sorted().toArray();
    return millis(Arrays.stream(sorted).min().orElse(0))
        + "–"
        + millis(Arrays.stream(sorted).max().orElse(0));
  }
}
