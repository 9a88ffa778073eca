package io.pgtrickle.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.pgtrickle.dvm.TrickleException.ConfigurationInvalid;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ConfigurationTest {
  private static final List<Parameter<?>> WANTED =
      List.of(
          Parameter.URL,
          Parameter.PASSWORD,
          Parameter.PASSWORD_FILE,
          Parameter.HTTP_PORT,
          Parameter.HTTP_HOST);
  private static final Map<String, String> URL = Map.of("url", "postgresql://ada@db/shop");

  @TempDir Path folder;

  @Test
  void flagsBeatTheEnvironmentWhichBeatsTheFileWhichBeatsTheDefaults() throws IOException {
    assertThat(port("", Map.of(), Map.of())).isEqualTo(8099);
    assertThat(port("http-port = 1", Map.of(), Map.of())).isEqualTo(1);
    assertThat(port("http-port = 1", Map.of("PGTRICKLE_HTTP_PORT", "2"), Map.of())).isEqualTo(2);
    assertThat(port("http-port = 1", Map.of("PGTRICKLE_HTTP_PORT", "2"), Map.of("http-port", "3")))
        .isEqualTo(3);
  }

  @Test
  void allProblemsAreReportedAtOnce() throws IOException {
    Path file = file("http-prot = 80\nlog-level = loud\n");
    assertThatExceptionOfType(ConfigurationInvalid.class)
        .isThrownBy(
            () ->
                read(
                    Optional.of(file),
                    Map.of("PGTRICKLE_COLOUR", "blue", "PGTRICKLE_RATE", "many"),
                    Map.of("http-port", "70000")))
        .satisfies(
            problem ->
                assertThat(problem.problems())
                    .hasSize(6)
                    .anyMatch(line -> line.contains("http-prot; did you mean http-port?"))
                    .anyMatch(line -> line.contains("log-level: 'loud' is none of error, warn"))
                    .anyMatch(line -> line.contains("PGTRICKLE_COLOUR: there is no setting"))
                    .anyMatch(line -> line.contains("PGTRICKLE_RATE: 'many' is not a whole number"))
                    .anyMatch(line -> line.contains("--http-port: 70000 is not between 0 and"))
                    .anyMatch(line -> line.contains("url is not set; use --url, PGTRICKLE_URL")));
  }

  @Test
  void variablesOfTheLauncherAreNoSettings() {
    Configuration configuration =
        read(
            Optional.empty(),
            Map.of("PGTRICKLE_JAVA_HOME", "/opt/jdk", "PATH", "/bin", "PGTRICKLE_HEAP", "1g"),
            URL);
    assertThat(configuration.value(Parameter.HTTP_HOST)).isEqualTo("127.0.0.1");
  }

  @Test
  void whatACommandDoesNotWantNeedNotBeSet() {
    Configuration configuration =
        Configuration.read(
            List.of(Parameter.PORT),
            new Configuration.Sources(Optional.empty(), Map.of(), Map.of()));
    assertThat(configuration.value(Parameter.PORT)).isEqualTo(5499);
  }

  @Test
  void aPasswordInTheEnvironmentCompletesTheUrl() {
    Configuration configuration = read(Optional.empty(), Map.of("PGTRICKLE_PASSWORD", "hush"), URL);
    assertThat(configuration.database().password()).isEqualTo("hush");
    assertThat(configuration.database().toString()).doesNotContain("hush");
  }

  @Test
  void aWrongUrlIsReportedWithoutItsPassword() {
    assertThatExceptionOfType(ConfigurationInvalid.class)
        .isThrownBy(
            () ->
                read(Optional.empty(), Map.of(), Map.of("url", "postgresql://ada:hush@db:x/shop")))
        .withMessageContaining("--url: the port is not a number")
        .withMessageNotContaining("hush");
  }

  @Test
  void aMissingFileIsAProblem() {
    assertThatExceptionOfType(ConfigurationInvalid.class)
        .isThrownBy(() -> read(Optional.of(folder.resolve("none")), Map.of(), URL))
        .withMessageContaining("cannot be read");
  }

  private int port(String file, Map<String, String> environment, Map<String, String> flags)
      throws IOException {
    Map<String, String> all = new HashMap<>(flags);
    all.putAll(URL);
    return read(Optional.of(file(file)), environment, all).value(Parameter.HTTP_PORT);
  }

  private Path file(String text) throws IOException {
    return Files.writeString(folder.resolve("pgtrickle.properties"), text);
  }

  private static Configuration read(
      Optional<Path> file, Map<String, String> environment, Map<String, String> flags) {
    return Configuration.read(WANTED, new Configuration.Sources(file, environment, flags));
  }
}
