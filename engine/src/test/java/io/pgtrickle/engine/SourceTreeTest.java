package io.pgtrickle.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// The part of the plan that only the source text shows.
final class SourceTreeTest {
  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
  private static final List<String> MODULES = List.of("dvm", "cdc", "engine", "bench");
  private static final int FENCE = 1_000;

  /// The one loop that may survive any failure of what it runs.
  // And a call of native code, whose method handle declares Throwable.
  private static final Set<String> SUPERVISORS = Set.of("Sidecar.java", "Access.java");

  private static final Pattern CATCH_ALL =
      Pattern.compile("catch\\s*\\(\\s*(final\\s+)?(\\w+\\s*\\|\\s*)*(Exception|Throwable)\\b");

  @Test
  void noFileIsLongerThanTheFence() throws IOException {
    List<String> tooLong = new ArrayList<>();
    for (Path file : sources("src/main/java", "src/test/java")) {
      long lines = Files.readAllLines(file).size();
      if (lines > FENCE) {
        tooLong.add(ROOT.relativize(file) + ": " + lines);
      }
    }
    assertThat(tooLong)
        .as("files of more than %d lines: find the second idea in it and give it a file", FENCE)
        .isEmpty();
  }

  @Test
  void everyPackageTellsItsStory() throws IOException {
    Set<Path> packages = new TreeSet<>();
    for (Path file : sources("src/main/java")) {
      if (!file.endsWith("module-info.java")) {
        packages.add(file.getParent());
      }
    }
    assertThat(packages).isNotEmpty();
    assertThat(packages)
        .as("packages: write package-info.java: what it is for, what it is not, where to start")
        .allSatisfy(
            folder -> {
              Path story = folder.resolve("package-info.java");
              assertThat(story).exists();
              assertThat(Files.readAllLines(story))
                  .as("%s: 5 to 40 lines of ///", ROOT.relativize(story))
                  .filteredOn(line -> line.startsWith("///"))
                  .hasSizeBetween(5, 40);
            });
  }

  @Test
  void onlyTheSupervisorCatchesEverything() throws IOException {
    List<String> found = new ArrayList<>();
    for (Path file : sources("src/main/java")) {
      if (!SUPERVISORS.contains(file.getFileName().toString())
          && CATCH_ALL.matcher(Files.readString(file)).find()) {
        found.add(ROOT.relativize(file).toString());
      }
    }
    assertThat(found)
        .as("catch (Exception) hides bugs: name the exceptions you can do something about")
        .isEmpty();
  }

  /// Servers speak many languages (`lc_messages`).
  @Test
  void nothingDependsOnTheTextOfAMessage() throws IOException {
    Pattern forbidden =
        Pattern.compile(
            "get(Localized)?Message\\(\\)\\)*\\s*\\.\\s*(contains|matches|startsWith|endsWith|equals|equalsIgnoreCase|indexOf)\\("
                + "|\\.(equals|equalsIgnoreCase|contains|matches)\\((String\\.valueOf\\()?\\w+\\.get(Localized)?Message\\(\\)"
                + "|matcher\\((String\\.valueOf\\()?\\w+\\.get(Localized)?Message\\(\\)"
                + "|SQLERRM\\s*(=|~|<>|LIKE|ILIKE|IN|NOT)\\b");
    assertThat(forbidden.matcher("e.getMessage().contains(\"x\")").find()).isTrue();
    assertThat(forbidden.matcher("String.valueOf(e.getMessage())\n.startsWith(x)").find()).isTrue();
    assertThat(forbidden.matcher("GONE.equals(e.getMessage())").find()).isTrue();
    List<String> found = new ArrayList<>();
    for (Path file : sources("src/main/java")) {
      if (forbidden.matcher(Files.readString(file)).find()) {
        found.add(ROOT.relativize(file).toString());
      }
    }
    try (Stream<Path> scripts = Files.list(ROOT.resolve("sql"))) {
      for (Path script : scripts.filter(path -> path.toString().endsWith(".sql")).toList()) {
        if (forbidden.matcher(Files.readString(script)).find()) {
          found.add(ROOT.relativize(script).toString());
        }
      }
    }
    assertThat(found).as("decide by the SQLSTATE, which is the same in every language").isEmpty();
  }

  @Test
  void noTestIsDisabledOrSleeps() throws IOException {
    Pattern forbidden = Pattern.compile("@Disabled\\b|\\bThread\\.sleep\\(");
    List<String> found = new ArrayList<>();
    for (Path file : sources("src/test/java")) {
      if (!file.endsWith("SourceTreeTest.java")
          && forbidden.matcher(Files.readString(file)).find()) {
        found.add(ROOT.relativize(file).toString());
      }
    }
    assertThat(found).as("make the test pass or delete it; wait with Awaitility").isEmpty();
  }

  private static List<Path> sources(String... folders) throws IOException {
    List<Path> files = new ArrayList<>();
    for (String module : MODULES) {
      for (String folder : folders) {
        Path start = ROOT.resolve(module).resolve(folder);
        if (Files.isDirectory(start)) {
          try (Stream<Path> tree = Files.walk(start)) {
            tree.filter(path -> path.toString().endsWith(".java")).forEach(files::add);
          }
        }
      }
    }
    return files;
  }
}
