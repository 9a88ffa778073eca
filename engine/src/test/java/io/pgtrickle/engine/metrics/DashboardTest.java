package io.pgtrickle.engine.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

final class DashboardTest {
  private static final Pattern METRIC = Pattern.compile("pgtrickle_[a-z0-9_]+");

  @Test
  void everyMetricOfTheDashboardExists() throws IOException {
    JsonNode dashboard =
        JsonMapper.builder()
            .build()
            .readTree(Files.readString(Path.of("..", "grafana", "pgtrickle.json")));
    Set<String> used = new TreeSet<>();
    dashboard
        .path("panels")
        .forEach(
            panel ->
                panel
                    .path("targets")
                    .forEach(
                        target -> {
                          Matcher name = METRIC.matcher(target.path("expr").asString(""));
                          while (name.find()) {
                            used.add(name.group());
                          }
                        }));
    assertThat(used).hasSizeGreaterThan(5);
    assertThat(exported()).containsAll(used);
  }

  private static Set<String> exported() {
    try (Meters meters = new Meters()) {
      meters.tableAdded("public.t", () -> 0);
      meters.commitToVisible("public.t", Duration.ofMillis(1).toNanos());
      meters.refreshed("public.t", Meters.Mode.DIFFERENTIAL, Meters.Outcome.APPLIED, 1);
      meters.rowsApplied("public.t", Meters.RowChange.INSERT, 1);
      return meters
          .scrape()
          .lines()
          .filter(line -> line.startsWith("pgtrickle_"))
          .map(line -> line.split("[ {]", 2)[0])
          .collect(Collectors.toSet());
    }
  }
}
