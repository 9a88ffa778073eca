import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;

/// Runs google-java-format over the sources of all modules: `check` fails on a file that is not
/// formatted, `apply` rewrites it. Started from the root POM as a single source file, because the
/// formatter needs a JDK as new as the sources while Maven itself may run on an older one.
///
/// A stamp remembers when everything was last found clean, so that a build looks only at files
/// touched since.
final class Format {
  private static final List<String> ROOTS =
      List.of("dvm/src", "cdc/src", "engine/src", "bench/src", "build-tools");

  private static final int MAX_COLUMN = 100;
  private static final Pattern MARKDOWN_COMMENT = Pattern.compile("( *///(?: +[-*])? +)\\S.*");

  public static void main(String[] args) throws IOException {
    boolean apply = args[0].equals("apply");
    Path root = Path.of(args[1]);
    Path stamp = root.resolve("target/format.stamp");
    FileTime started = FileTime.fromMillis(System.currentTimeMillis());

    List<String> files = sourcesTouchedSince(stamp, root);
    if (files.isEmpty()) {
      return;
    }
    List<String> arguments = new ArrayList<>();
    if (apply) {
      arguments.add("--replace");
    } else {
      arguments.addAll(List.of("--dry-run", "--set-exit-if-changed"));
    }
    arguments.addAll(files);

    if (apply) {
      for (String file : files) {
        wrapMarkdownComments(Path.of(file));
      }
    }
    ToolProvider formatter = ToolProvider.findFirst("google-java-format").orElseThrow();
    if (formatter.run(System.out, System.err, arguments.toArray(String[]::new)) != 0) {
      System.err.println(
          apply
              ? "google-java-format cannot read the files named above."
              : "The files named above are not formatted. Run: ./mvnw -N -Pformat");
      System.exit(1);
    }
    Files.createDirectories(stamp.getParent());
    Files.writeString(stamp, "");
    Files.setLastModifiedTime(stamp, started);
  }

  /// Breaks `///` lines that are too long into more `///` lines. The formatter takes them for
  /// ordinary comments and would continue them with `//`, which cuts the documentation in two.
  private static void wrapMarkdownComments(Path file) throws IOException {
    List<String> before = Files.readAllLines(file);
    List<String> after = new ArrayList<>();
    for (String line : before) {
      Matcher comment = MARKDOWN_COMMENT.matcher(line);
      while (line.length() > MAX_COLUMN && comment.matches()) {
        int start = comment.end(1);
        int space = line.lastIndexOf(' ', MAX_COLUMN);
        if (space <= start) {
          break;
        }
        after.add(line.substring(0, space).stripTrailing());
        line = comment.group(1).replaceFirst("[-*]( +)$", " $1") + line.substring(space + 1);
        comment = MARKDOWN_COMMENT.matcher(line);
      }
      after.add(line);
    }
    if (!after.equals(before)) {
      Files.write(file, after);
    }
  }

  private static List<String> sourcesTouchedSince(Path stamp, Path root) throws IOException {
    FileTime clean =
        Files.exists(stamp)
            ? Files.getLastModifiedTime(stamp)
            : FileTime.fromMillis(Long.MIN_VALUE);
    List<String> files = new ArrayList<>();
    for (String folder : ROOTS) {
      if (!Files.isDirectory(root.resolve(folder))) {
        continue;
      }
      try (Stream<Path> tree = Files.walk(root.resolve(folder))) {
        for (Path file : tree.filter(path -> path.toString().endsWith(".java")).toList()) {
          if (Files.getLastModifiedTime(file).compareTo(clean) >= 0) {
            files.add(file.toString());
          }
        }
      }
    }
    return files;
  }
}
