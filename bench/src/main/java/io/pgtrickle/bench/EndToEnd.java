package io.pgtrickle.bench;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Measures the engine from commit to visible row and prints Markdown tables.
///
///     EndToEnd [--quick] [--factor=0.1] latency | bulk | refresh | phd1 |
///         capture | primary | large | restart | many | tpch | all
///
/// `--quick` shrinks every size so that a run takes a minute; its figures only show that the
/// program works. `--factor` names the scale factors of TPC-H, instead of 0.1 and 1.
public final class EndToEnd {
  private static final int USAGE = 64;
  private static final String FACTOR = "--factor=";

  private EndToEnd() {}

  /// One table or more of the report.
  @FunctionalInterface
  interface Measurement {
    void run(Scale scale, PrintStream out) throws SQLException, IOException, InterruptedException;
  }

  /// How large the measurements are.
  ///
  /// @param baseRows of the tables that are refreshed
  /// @param transactionRows of the one large transaction
  /// @param smallTransactions of one row each
  /// @param capturedRows of one transaction, by which the consumers of the log are compared
  /// @param seconds that each rate is measured for
  /// @param rounds of which medians are taken
  /// @param factors the scale factors of TPC-H
  record Scale(
      int baseRows,
      int transactionRows,
      int smallTransactions,
      int capturedRows,
      int seconds,
      int rounds,
      List<Double> factors) {
    static final Scale FULL =
        new Scale(1_000_000, 1_000_000, 100_000, 1_000_000, 15, 5, List.of(0.1, 1.0));
    static final Scale QUICK = new Scale(50_000, 50_000, 5_000, 100_000, 4, 3, List.of(0.01));

    Scale {
      factors = List.copyOf(factors);
    }

    Scale withFactors(List<Double> others) {
      return new Scale(
          baseRows, transactionRows, smallTransactions, capturedRows, seconds, rounds, others);
    }
  }

  private static Map<String, Measurement> measurements() {
    Map<String, Measurement> all = new LinkedHashMap<>();
    all.put("latency", Latency::measure);
    all.put("bulk", Bulk::measure);
    all.put("refresh", Refresh::measure);
    all.put("phd1", ResidueCost::measure);
    all.put("capture", Capture::measure);
    all.put("primary", PrimaryCost::measure);
    all.put("large", LargeTransaction::measure);
    all.put("restart", Restart::measure);
    all.put("many", ManyTables::measure);
    all.put("tpch", Tpch::measure);
    return all;
  }

  public static void main(String[] arguments) throws Exception {
    List<String> wanted = new ArrayList<>(List.of(arguments));
    Scale scale = wanted.remove("--quick") ? Scale.QUICK : Scale.FULL;
    List<String> factors = wanted.stream().filter(word -> word.startsWith(FACTOR)).toList();
    if (wanted.removeAll(factors)) {
      scale =
          scale.withFactors(
              factors.stream()
                  .map(word -> Double.valueOf(word.substring(FACTOR.length())))
                  .toList());
    }
    Map<String, Measurement> measurements = measurements();
    if (wanted.equals(List.of("all"))) {
      wanted = List.copyOf(measurements.keySet());
    }
    if (wanted.isEmpty() || !measurements.keySet().containsAll(wanted)) {
      System.err.println(
          "usage: EndToEnd [--quick] all | " + String.join(" | ", measurements.keySet()));
      System.exit(USAGE);
    }
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    out.println("Machine: " + machine());
    for (Map.Entry<String, Measurement> measurement : measurements.entrySet()) {
      if (wanted.contains(measurement.getKey())) {
        out.printf("%n## %s%n%n", measurement.getKey());
        out.println("Load average before: " + load());
        measurement.getValue().run(scale, out);
        out.println("Load average after: " + load());
      }
    }
    // The embedded server's library leaves threads behind that are no daemons.
    System.exit(0);
  }

  private static String machine() throws IOException {
    return Runtime.getRuntime().availableProcessors()
        + " processors, "
        + field(Path.of("/proc/meminfo"), "MemTotal")
        + ", "
        + field(Path.of("/proc/cpuinfo"), "model name")
        + ", Java "
        + Runtime.version();
  }

  private static String field(Path file, String name) throws IOException {
    if (!Files.isReadable(file)) {
      return name + " unknown";
    }
    return Files.readAllLines(file).stream()
        .filter(line -> line.startsWith(name))
        .map(line -> line.substring(line.indexOf(':') + 1).strip())
        .findFirst()
        .orElse(name + " unknown");
  }

  private static String load() throws IOException {
    Path file = Path.of("/proc/loadavg");
    return Files.isReadable(file) ? Files.readString(file).strip() : "unknown";
  }
}
