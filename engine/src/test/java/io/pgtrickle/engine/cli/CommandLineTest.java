package io.pgtrickle.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.engine.Build;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

final class CommandLineTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @Test
  void versionPrintsThatOfTheProject() {
    assertThat(execute("version")).isEqualTo(ExitCode.OK);
    assertThat(out.toString()).startsWith("pgtrickle " + Build.version());
    assertThat(Build.version()).matches("\\d+\\.\\d+\\.\\d+.*");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"demo", "dev", "run", "install", "uninstall", "status", "doctor", "version"})
  void everyCommandExplainsItselfAndItsExitCodes(String command) {
    assertThat(execute(command, "--help")).isEqualTo(ExitCode.OK);
    assertThat(out.toString()).contains("Usage: pgtrickle " + command).contains("78");
  }

  @Test
  void secretsAreNoFlags() {
    assertThat(execute("run", "--password", "hunter2")).isEqualTo(ExitCode.USAGE);
    assertThat(err.toString())
        .contains("--password is no option")
        .contains("PGTRICKLE_PASSWORD")
        .doesNotContain("hunter2");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "run --password=hunter2",
        "run -Whunter2",
        "run postgresql://ada:hunter2@h/shop",
        "run --ulr postgresql://ada:hunter2@h/shop",
        "run --ulr=postgresql://ada:hunter2@h/shop",
        "run --url postgresql://ada:hunter2@h/shop --url postgresql://ada:hunter2@h/shop",
        "postgresql://ada:hunter2@h/shop",
        "--password hunter2 run"
      })
  void nothingButTheNamesOfOptionsIsRepeated(String line) {
    assertThat(execute(line.split(" "))).isEqualTo(ExitCode.USAGE);
    assertThat(err.toString()).startsWith("pgtrickle: ").doesNotContain("hunter2");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void everyProblemIsReportedAtOnce() {
    assertThat(execute("run", "--colour", "red", "--http-prot=1", "--http-port", "x"))
        .isEqualTo(ExitCode.USAGE);
    assertThat(err.toString())
        .contains("there is no option --colour")
        .contains("there is no option --http-prot; did you mean --http-port?")
        .contains("--http-port: 'x' is not a whole number")
        .contains("url is not set")
        .contains("pgtrickle run --help");
  }

  @Test
  void aMistypedCommandIsGuessed() {
    assertThat(execute("staus")).isEqualTo(ExitCode.USAGE);
    assertThat(err.toString()).contains("did you mean status?");
  }

  @Test
  void unknownFlagsAndCommandsAreUsageErrors() {
    assertThat(execute("run", "--colour")).isEqualTo(ExitCode.USAGE);
    assertThat(execute("walk")).isEqualTo(ExitCode.USAGE);
  }

  @Test
  void noCommandIsAUsageError() {
    assertThat(execute()).isEqualTo(ExitCode.USAGE);
  }

  @Test
  void wrongSettingsAreConfigurationErrors() {
    assertThat(execute("run", "--http-port", "x")).isEqualTo(ExitCode.CONFIGURATION);
    assertThat(err.toString())
        .contains("pgtrickle: --http-port: 'x' is not a whole number")
        .contains("pgtrickle: url is not set");
  }

  @Test
  void anUnreachableDatabaseIsUnavailable() {
    assertThat(execute("status", "--url", "postgresql://ada:hush@127.0.0.1:1/shop"))
        .isEqualTo(ExitCode.UNAVAILABLE);
    assertThat(err.toString())
        .contains("postgresql://ada:***@127.0.0.1:1/shop")
        .doesNotContain("hush");
  }

  @Test
  void whoMustActDecidesTheExitCode() {
    assertThat(ExitCode.of(new SourceUnavailable("08006", "gone", null)))
        .isEqualTo(ExitCode.UNAVAILABLE);
    assertThat(ExitCode.of(new StateDamaged("torn", null))).isEqualTo(ExitCode.DATA);
  }

  @Test
  void theCompletionScriptKnowsTheCommands() {
    assertThat(execute("generate-completion")).isEqualTo(ExitCode.OK);
    assertThat(out.toString()).contains("uninstall").contains("--http-port");
  }

  private int execute(String... arguments) {
    CommandLine commandLine =
        Main.commandLine(
            _ -> {
              throw new IllegalStateException("no command of this test starts an engine");
            },
            Map.of());
    commandLine.setOut(new PrintWriter(out, true));
    commandLine.setErr(new PrintWriter(err, true));
    return commandLine.execute(arguments);
  }
}
