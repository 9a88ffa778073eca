package io.pgtrickle.bench;

import java.util.HashMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// One scrape of `/metrics`: the value of every series, by its name and labels as printed.
record Metrics(Map<String, Double> series) {
  private static final Pattern BOUND = Pattern.compile("[{,]le=\"([^\"]+)\"");
  private static final double NANOS = 1e9;

  Metrics {
    series = Map.copyOf(series);
  }

  static Metrics parse(String text) {
    Map<String, Double> series = new HashMap<>();
    text.lines()
        .filter(line -> !line.startsWith("#") && line.indexOf(' ') > 0)
        .forEach(
            line -> {
              int space = line.lastIndexOf(' ');
              series.put(line.substring(0, space), Double.parseDouble(line.substring(space + 1)));
            });
    return new Metrics(series);
  }

  /// The sum of all series of a name whose labels contain some text.
  double sum(String name, String label) {
    return series.entrySet().stream()
        .filter(e -> e.getKey().equals(name) || e.getKey().startsWith(name + "{"))
        .filter(e -> e.getKey().contains(label))
        .mapToDouble(Map.Entry::getValue)
        .sum();
  }

  /// A percentile of what a histogram has taken in since an earlier scrape, in nanoseconds;
  /// linear within its bucket, infinite beyond the last.
  double percentileNanos(Metrics before, String histogram, String label, double percentile) {
    NavigableMap<Double, Double> counts = new TreeMap<>();
    for (Map.Entry<String, Double> entry : series.entrySet()) {
      Matcher bound = BOUND.matcher(entry.getKey());
      if (entry.getKey().startsWith(histogram + "_bucket{")
          && entry.getKey().contains(label)
          && bound.find()) {
        double limit =
            bound.group(1).equals("+Inf")
                ? Double.POSITIVE_INFINITY
                : Double.parseDouble(bound.group(1));
        double earlier = before.series.getOrDefault(entry.getKey(), 0.0);
        counts.merge(limit, entry.getValue() - earlier, Double::sum);
      }
    }
    double wanted = counts.isEmpty() ? 0 : counts.lastEntry().getValue() * percentile / 100;
    double lowerBound = 0;
    double lowerCount = 0;
    for (Map.Entry<Double, Double> bucket : counts.entrySet()) {
      if (bucket.getValue() >= wanted && bucket.getValue() > lowerCount) {
        double share = (wanted - lowerCount) / (bucket.getValue() - lowerCount);
        return (lowerBound + share * (bucket.getKey() - lowerBound)) * NANOS;
      }
      lowerBound = bucket.getKey();
      lowerCount = bucket.getValue();
    }
    return Double.NaN;
  }
}
