package io.pgtrickle.dvm.sql;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.type.ArrayTypes;
import io.pgtrickle.dvm.type.TypeKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/// The lists in docs/support.md are what the code declares. Run with `-Ddocs.write=true` to write
/// them anew.
final class SupportMatrixTest {
  private static final Path PAGE = Path.of("..", "docs", "support.md");

  @Test
  void aggregatesAreThoseThatAreDeclared() throws IOException {
    String rows =
        NativeAggregates.all().stream()
            .map(
                each ->
                    "| `%s` | %s | %s |\n"
                        .formatted(
                            each.name(),
                            each.takesAll() ? "any type" : names(List.copyOf(each.types())),
                            each.overWindows() ? "yes" : ""))
            .collect(Collectors.joining());
    requireSection("aggregates", "| aggregate | of | over windows |\n|---|---|---|\n" + rows);
  }

  @Test
  void typesAreThoseThatAreDeclared() throws IOException {
    requireSection(
        "types",
        "| type | arrays |\n|---|---|\n"
            + kinds().stream()
                .map(
                    kind ->
                        "| `%s` | %s |\n"
                            .formatted(
                                name(kind),
                                ArrayTypes.arrayOf(kind.oid()).isPresent() ? "yes" : ""))
                .collect(Collectors.joining()));
  }

  private static List<TypeKind> kinds() {
    return Arrays.stream(TypeKind.values())
        .filter(kind -> kind != TypeKind.OPAQUE && kind != TypeKind.LABELED)
        .toList();
  }

  private static String names(List<TypeKind> types) {
    return kinds().stream()
        .filter(types::contains)
        .map(kind -> "`" + name(kind) + "`")
        .collect(Collectors.joining(", "));
  }

  private static String name(TypeKind kind) {
    return kind == TypeKind.BPCHAR ? "char(n)" : kind.name().toLowerCase(Locale.ROOT);
  }

  private static void requireSection(String name, String content) throws IOException {
    String begin = "<!-- generated: " + name + " -->\n";
    String end = "<!-- end -->\n";
    String page = Files.readString(PAGE);
    int from = page.indexOf(begin) + begin.length();
    int to = page.indexOf(end, from);
    assertThat(page).contains(begin);
    if (Boolean.getBoolean("docs.write")) {
      page = page.substring(0, from) + content + page.substring(to);
      Files.writeString(PAGE, page);
      to = from + content.length();
    }
    assertThat(page.substring(from, to)).isEqualTo(content);
  }
}
