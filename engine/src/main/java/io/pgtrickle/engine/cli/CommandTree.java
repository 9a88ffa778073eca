package io.pgtrickle.engine.cli;

import io.pgtrickle.dvm.TrickleException;
import io.pgtrickle.dvm.TrickleException.ConfigurationInvalid;
import io.pgtrickle.engine.Build;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.AutoComplete.GenerateCompletion;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/// The commands as picocli knows them. Flags have no defaults here: picocli only parses, and
/// [Configuration] decides what holds.
final class CommandTree {
  private static final String CONFIG = "--config";

  private final Map<String, String> environment;

  private CommandTree(Map<String, String> environment) {
    this.environment = environment;
  }

  static CommandLine of(List<Subcommand> subcommands, Map<String, String> environment) {
    CommandTree tree = new CommandTree(environment);
    CommandSpec root = CommandSpec.create().name("pgtrickle").mixinStandardHelpOptions(true);
    root.version("pgtrickle " + Build.version());
    root.usageMessage()
        .description("Keeps stream tables fresh in stock PostgreSQL 14-18.")
        .footer(
            "",
            "Settings: defaults < --config FILE < environment PGTRICKLE_* < flags.",
            "Run pgtrickle COMMAND --help for those of a command.");
    for (Subcommand subcommand : subcommands) {
      root.addSubcommand(subcommand.name(), tree.commandLine(subcommand));
    }
    root.addSubcommand("generate-completion", new CommandLine(new GenerateCompletion()));

    CommandLine commandLine = new CommandLine(root);
    for (CommandLine each : commandLine.getSubcommands().values()) {
      configure(each);
    }
    configure(commandLine);
    commandLine.setExecutionExceptionHandler(CommandTree::report);
    commandLine.setParameterExceptionHandler(UsageProblems::report);
    return commandLine;
  }

  private static void configure(CommandLine commandLine) {
    CommandSpec spec = commandLine.getCommandSpec();
    spec.exitCodeOnInvalidInput(ExitCode.USAGE);
    spec.exitCodeOnExecutionException(ExitCode.SOFTWARE);
    spec.usageMessage()
        .exitCodeListHeading("%nExit codes:%n")
        .exitCodeList(ExitCode.descriptions());
  }

  private CommandLine commandLine(Subcommand subcommand) {
    CommandSpec[] self = new CommandSpec[1];
    Callable<Integer> body = () -> run(subcommand, self[0]);
    CommandSpec spec = CommandSpec.wrapWithoutInspection(body);
    self[0] = spec;
    spec.name(subcommand.name()).mixinStandardHelpOptions(true);
    spec.version("pgtrickle " + Build.version());
    spec.usageMessage().description(subcommand.description());
    for (Parameter<?> parameter : subcommand.parameters()) {
      if (!parameter.secret()) {
        spec.addOption(
            OptionSpec.builder(parameter.flag())
                .type(String.class)
                .paramLabel(parameter.placeholder())
                .description(
                    parameter.description()
                        + parameter.fallback().map(text -> " Default: " + text).orElse(""))
                .build());
      }
    }
    if (!subcommand.parameters().isEmpty()) {
      spec.addOption(
          OptionSpec.builder(CONFIG)
              .type(Path.class)
              .paramLabel("FILE")
              .description("Settings as lines name = value.")
              .build());
    }
    // Reported by us, together with what else is wrong.
    return new CommandLine(spec).setUnmatchedArgumentsAllowed(true);
  }

  private int run(Subcommand subcommand, CommandSpec spec) throws InterruptedException {
    ParseResult parsed = spec.commandLine().getParseResult();
    Map<String, String> flags = new HashMap<>();
    for (Parameter<?> parameter : subcommand.parameters()) {
      @Nullable String text =
          parameter.secret() ? null : parsed.matchedOptionValue(parameter.flag(), (String) null);
      if (text != null) {
        flags.put(parameter.name(), text);
      }
    }
    List<String> unknown = UsageProblems.unknown(parsed.unmatched(), spec.commandLine());
    Configuration configuration;
    try {
      configuration =
          Configuration.read(
              subcommand.parameters(), new Configuration.Sources(file(parsed), environment, flags));
    } catch (ConfigurationInvalid e) {
      if (unknown.isEmpty()) {
        throw e;
      }
      unknown.addAll(e.problems());
      UsageProblems.print(unknown, spec.commandLine());
      return ExitCode.USAGE;
    }
    if (!unknown.isEmpty()) {
      UsageProblems.print(unknown, spec.commandLine());
      return ExitCode.USAGE;
    }
    Logging.configure(
        configuration.value(Parameter.LOG_FORMAT), configuration.value(Parameter.LOG_LEVEL));
    return subcommand.run(configuration, spec.commandLine().getOut());
  }

  /// The file that was named, else the one that belongs to an unpacked archive.
  private Optional<Path> file(ParseResult parsed) {
    @Nullable Path named =
        parsed.commandSpec().findOption(CONFIG) == null
            ? null
            : parsed.matchedOptionValue(CONFIG, (Path) null);
    if (named != null) {
      return Optional.of(named);
    }
    String variable = environment.get("PGTRICKLE_CONFIG");
    if (variable != null) {
      return Optional.of(Path.of(variable));
    }
    return Directories.home()
        .map(home -> home.resolve("conf/pgtrickle.properties"))
        .filter(Files::isReadable);
  }

  private static int report(Exception failure, CommandLine commandLine, ParseResult parsed) {
    PrintWriter err = commandLine.getErr();
    if (failure instanceof TrickleException ours) {
      String.valueOf(ours.getMessage()).lines().forEach(line -> err.println("pgtrickle: " + line));
      Throwable cause = ours.getCause();
      if (cause != null) {
        err.println("  " + cause.getMessage());
      }
      return ExitCode.of(ours);
    }
    if (failure instanceof InterruptedException) {
      return ExitCode.OK;
    }
    err.println("pgtrickle: this is a bug of pgtrickle; please report it with what follows");
    failure.printStackTrace(err);
    return ExitCode.SOFTWARE;
  }
}
