package io.pgtrickle.dvm.expr;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/// docs/functions.md is what the library declares. Run with `-Ddocs.write=true` to write it anew.
final class FunctionReferenceTest {
  private static final Path PAGE = Path.of("..", "docs", "functions.md");
  private static final Map<Integer, String> TYPES =
      Map.ofEntries(
          Map.entry(16, "bool"),
          Map.entry(17, "bytea"),
          Map.entry(20, "int8"),
          Map.entry(21, "int2"),
          Map.entry(23, "int4"),
          Map.entry(25, "text"),
          Map.entry(114, "json"),
          Map.entry(1009, "text[]"),
          Map.entry(2277, "anyarray"),
          Map.entry(2283, "anyelement"),
          Map.entry(5077, "anycompatible"),
          Map.entry(5078, "anycompatiblearray"),
          Map.entry(3500, "anyenum"),
          Map.entry(3802, "jsonb"),
          Map.entry(700, "float4"),
          Map.entry(701, "float8"),
          Map.entry(1042, "bpchar"),
          Map.entry(1043, "varchar"),
          Map.entry(1082, "date"),
          Map.entry(1114, "timestamp"),
          Map.entry(1184, "timestamptz"),
          Map.entry(1186, "interval"),
          Map.entry(1700, "numeric"),
          Map.entry(2776, "anynonarray"),
          Map.entry(2950, "uuid"));

  @Test
  void thePageListsWhatTheLibraryDeclares() throws IOException {
    String page = page();
    if (Boolean.getBoolean("docs.write")) {
      Files.writeString(PAGE, page);
    }
    assertThat(Files.readString(PAGE)).isEqualTo(page);
  }

  private static String page() {
    String rows =
        FunctionLibrary.signatures().stream()
            .map(FunctionReferenceTest::row)
            .sorted()
            .distinct()
            .collect(Collectors.joining("\n"));
    return """
    # Native functions

    The functions, and the functions behind operators and casts, that the engine evaluates itself, with
    PostgreSQL's results and errors. "Needs" is what must be known of the captured settings or of the
    collation; where that is not given, and for every other function, the [server](support.md#the-server-tier)
    is asked for the rows that changed.

    | function | result | needs | |
    |---|---|---|---|
    """
        + rows
        + "\n";
  }

  private static String row(NativeFunction function) {
    String arguments =
        function.arguments().stream()
            .map(FunctionReferenceTest::type)
            .collect(Collectors.joining(", "));
    String needs =
        function.requirements().stream()
            .map(need -> need.name().toLowerCase(Locale.ROOT).replace('_', ' '))
            .sorted()
            .collect(Collectors.joining(", "));
    return "| `%s(%s)` | %s | %s | %s |"
        .formatted(
            function.name(),
            arguments,
            type(function.result()),
            needs,
            function.doc().replace("|", "\\|"));
  }

  private static String type(int oid) {
    return TYPES.getOrDefault(oid, "type " + oid);
  }
}
