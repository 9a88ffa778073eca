package io.pgtrickle.engine.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// Runs the launcher script on a machine that has only what the test puts there: Java homes whose
/// `java` says who it is, and the few tools of a POSIX system.
@EnabledOnOs({OS.LINUX})
final class LauncherTest {
  private static final Path SCRIPT = Path.of("../pgtrickle").toAbsolutePath().normalize();

  @TempDir Path machine;

  private final Map<String, String> environment = new HashMap<>();

  @BeforeEach
  void layOutTheMachine() throws IOException {
    Path tools = Files.createDirectories(machine.resolve("tools"));
    for (String tool :
        List.of("sed", "head", "dirname", "readlink", "find", "grep", "touch", "mkdir")) {
      executable(tools.resolve(tool), "#!/bin/sh\nexec " + systemTool(tool) + " \"$@\"\n");
    }
    environment.put("PATH", tools.toString());
    environment.put("HOME", Files.createDirectories(machine.resolve("home")).toString());
    environment.put("PGTRICKLE_JVM_DIRS", machine.resolve("jvm").toString());
  }

  @Test
  void theVariableOfOurOwnComesFirst() throws Exception {
    archive();
    environment.put("PGTRICKLE_JAVA_HOME", java("a", "25.0.1").toString());
    environment.put("JAVA_HOME", java("b", "26").toString());
    assertThat(launch("bin/pgtrickle").output()).contains("java a");
  }

  @Test
  void aWrongVariableOfOurOwnIsNotPassedOver() throws Exception {
    archive();
    environment.put("PGTRICKLE_JAVA_HOME", java("a", "21.0.2").toString());
    environment.put("JAVA_HOME", java("b", "25").toString());
    Result result = launch("bin/pgtrickle");
    assertThat(result.status()).isEqualTo(ExitCode.UNAVAILABLE);
    assertThat(result.output()).contains("PGTRICKLE_JAVA_HOME=").contains("JDK 25");
  }

  @Test
  void anOldJavaHomeIsPassedOverForANewerOneElsewhere() throws Exception {
    archive();
    environment.put("JAVA_HOME", java("old", "17.0.15").toString());
    java("jvm/temurin-25", "25.0.1");
    assertThat(launch("bin/pgtrickle").output()).contains("java jvm/temurin-25");
  }

  @Test
  void theJavaOnThePathIsFoundThroughItsLinks() throws Exception {
    archive();
    Path home = java("somewhere", "25");
    Path link = Files.createSymbolicLink(machine.resolve("alternative"), home.resolve("bin/java"));
    Files.createSymbolicLink(machine.resolve("tools/java"), link);
    assertThat(launch("bin/pgtrickle").output()).contains("java somewhere");
  }

  @Test
  void versionManagersAreLookedThrough() throws Exception {
    archive();
    java("home/.sdkman/candidates/java/25.0.1-tem", "25.0.1");
    assertThat(launch("bin/pgtrickle").output()).contains("java home/.sdkman");
  }

  @Test
  void withoutAnyJavaItNamesTheVariableToSet() throws Exception {
    archive();
    java("jvm/java-17", "17.0.15");
    Result result = launch("bin/pgtrickle");
    assertThat(result.status()).isEqualTo(ExitCode.UNAVAILABLE);
    assertThat(result.output()).contains("set PGTRICKLE_JAVA_HOME");
  }

  @Test
  void argumentsReachTheProgramUnchanged() throws Exception {
    archive();
    java("jvm/25", "25");
    assertThat(launch("bin/pgtrickle", "run", "--url", "a b$c").output())
        .contains("-jar")
        .contains("[run]")
        .contains("[--url]")
        .contains("[a b$c]");
  }

  @Test
  void aLinkToTheScriptStillFindsItsArchive() throws Exception {
    archive();
    java("jvm/25", "25");
    Files.createSymbolicLink(machine.resolve("tools/pgtrickle"), machine.resolve("bin/pgtrickle"));
    assertThat(launch("tools/pgtrickle").output())
        .contains("[-Dpgtrickle.home=" + machine.toRealPath() + "]");
  }

  @Test
  void theHeapCanBeGiven() throws Exception {
    archive();
    java("jvm/25", "25");
    environment.put("PGTRICKLE_HEAP", "3g");
    environment.put("PGTRICKLE_JAVA_OPTS", "-Da=1 -Db=2");
    assertThat(launch("bin/pgtrickle").output())
        .contains("[-Xmx3g]")
        .contains("[-Da=1]")
        .contains("[-Db=2]");
  }

  @Test
  void anIncompleteArchiveIsUnavailable() throws Exception {
    archive();
    java("jvm/25", "25");
    Files.delete(machine.resolve("lib/pgtrickle.jar"));
    assertThat(launch("bin/pgtrickle").status()).isEqualTo(ExitCode.UNAVAILABLE);
  }

  @Test
  void aCheckoutIsBuiltOnFirstUseAndAfterChanges() throws Exception {
    Path source = checkout("touch engine/target/pgtrickle.jar");
    java("jvm/25", "25");
    assertThat(launch("pgtrickle").output()).contains("for the first time").contains("java jvm/25");
    assertThat(launch("pgtrickle").output()).doesNotContain("building");

    Files.setLastModifiedTime(source, FileTime.from(Instant.parse("2100-01-01T00:00:00Z")));
    assertThat(launch("pgtrickle").output()).contains("building (engine/src/main/A.java");
  }

  @Test
  void aBuildGetsTheJavaThatWasFound() throws Exception {
    checkout("echo \"built with $JAVA_HOME $*\"; touch engine/target/pgtrickle.jar");
    Path home = java("jvm/25", "25");
    assertThat(launch("pgtrickle").output()).contains("built with " + home).contains("-pl engine");
  }

  @Test
  void aFailedBuildStartsNothing() throws Exception {
    checkout("echo oops; exit 1");
    java("jvm/25", "25");
    Result result = launch("pgtrickle");
    assertThat(result.status()).isEqualTo(ExitCode.UNAVAILABLE);
    assertThat(result.output())
        .contains("oops")
        .contains("the build failed")
        .doesNotContain("-jar");
  }

  private void archive() throws IOException {
    Files.createDirectories(machine.resolve("lib"));
    Files.createFile(machine.resolve("lib/pgtrickle.jar"));
    executable(machine.resolve("bin/pgtrickle"), Files.readString(SCRIPT));
  }

  private Path checkout(String build) throws IOException {
    executable(machine.resolve("pgtrickle"), Files.readString(SCRIPT));
    executable(machine.resolve("mvnw"), "#!/bin/sh\nmkdir -p engine/target\n" + build + "\n");
    Path source = machine.resolve("engine/src/main/A.java");
    Files.createDirectories(source.getParent());
    Files.createFile(source);
    Files.createFile(machine.resolve("engine/pom.xml"));
    return source;
  }

  /// A Java home whose `java` prints its name and its arguments.
  private Path java(String name, String version) throws IOException {
    Path home = machine.resolve(name);
    executable(
        home.resolve("bin/java"),
        "#!/bin/sh\necho \"java " + name + "\"\nfor a in \"$@\"; do echo \"[$a]\"; done\n");
    Files.writeString(home.resolve("release"), "JAVA_VERSION=\"" + version + "\"\n");
    return home;
  }

  private static void executable(Path file, String text) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private static Path systemTool(String name) {
    return List.of("/bin", "/usr/bin").stream()
        .map(folder -> Path.of(folder, name))
        .filter(Files::isExecutable)
        .findFirst()
        .orElseThrow();
  }

  private Result launch(String script, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(machine.resolve(script).toString());
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().clear();
    builder.environment().putAll(environment);
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);
    return new Result(process.waitFor(), output);
  }

  private record Result(int status, String output) {}
}
