package io.pgtrickle.engine.e2e;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/// Queries as people write them for reports, of all kinds that come to mind: each is maintained
/// incrementally, and equals PostgreSQL's own answer after every few random transactions.
final class ReportsIT {
  @Test
  void reportsEqualTheirQueriesAfterEveryCycle() throws SQLException, InterruptedException {
    List<Shape> reports =
        lines("reports.txt").stream()
            .map(line -> line.split(" \\| ", 2))
            .map(parts -> new Shape(parts[0], parts[1]))
            .toList();
    new Cycles(lines("reports-schema.sql"), lines("reports-changes.sql"), 3, 20_261_300)
        .check(reports);
  }

  private static List<String> lines(String resource) {
    try (InputStream file =
        Objects.requireNonNull(ReportsIT.class.getResourceAsStream("/e2e/" + resource))) {
      String text = new String(file.readAllBytes(), StandardCharsets.UTF_8);
      return text.lines().filter(line -> !line.isBlank()).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
