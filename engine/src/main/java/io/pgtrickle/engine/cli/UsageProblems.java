package io.pgtrickle.engine.cli;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.OverwrittenOptionException;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/// What is wrong with a command line, in words that name options and repeat nothing else of it:
/// what
/// somebody typed in the wrong place may be a password.
final class UsageProblems {
  private static final int SIMILAR = 2;

  private UsageProblems() {}

  /// Tells what picocli could not parse; its own messages have the arguments in them.
  static int report(ParameterException failure, String[] arguments) {
    CommandLine command = failure.getCommandLine();
    List<String> problems =
        switch (failure) {
          case UnmatchedArgumentException unmatched -> unknown(unmatched.getUnmatched(), command);
          case MissingParameterException missing ->
              missing.getMissing().stream().map(arg -> name(arg) + " needs a value").toList();
          case OverwrittenOptionException twice ->
              List.of(name(twice.getOverwritten()) + " is given twice");
          default -> {
            ArgSpec about = failure.getArgSpec();
            yield List.of(
                about == null
                    ? "the command line is not understood"
                    : "the value of " + name(about) + " is not understood");
          }
        };
    print(problems, command);
    return ExitCode.USAGE;
  }

  /// Writes problems, and where the right usage is told.
  static void print(List<String> problems, CommandLine command) {
    problems.forEach(problem -> command.getErr().println("pgtrickle: " + problem));
    command
        .getErr()
        .println("  " + command.getCommandSpec().qualifiedName() + " --help tells what there is");
  }

  /// The problems with arguments that mean nothing to a command. What follows an unknown option is
  /// taken for its value.
  static List<String> unknown(List<String> arguments, CommandLine command) {
    List<String> problems = new ArrayList<>();
    boolean afterOption = false;
    for (String argument : arguments) {
      if (argument.startsWith("-")) {
        problems.add(unknownOption(argument, command));
        afterOption = !argument.contains("=");
      } else {
        if (!afterOption) {
          problems.add(unknownWord(argument, command));
        }
        afterOption = false;
      }
    }
    return problems;
  }

  private static String unknownOption(String argument, CommandLine command) {
    for (Parameter<?> parameter : Parameter.ALL) {
      if (parameter.secret() && argument.startsWith(parameter.flag())) {
        return "%s is no option, for everybody on the machine can see command lines; use %s or --password-file"
            .formatted(parameter.flag(), parameter.environmentVariable());
      }
    }
    String option =
        argument.startsWith("--")
            ? argument.split("=", 2)[0]
            : argument.substring(0, Math.min(2, argument.length()));
    List<String> known =
        command.getCommandSpec().options().stream().map(OptionSpec::longestName).toList();
    return "there is no option " + option + suggestion(option, known);
  }

  private static String unknownWord(String argument, CommandLine command) {
    return command.getSubcommands().isEmpty()
        ? "an argument is not understood: this command takes options only"
        : "there is no such command" + suggestion(argument, command.getSubcommands().keySet());
  }

  private static String suggestion(String typed, Collection<String> known) {
    Optional<String> best =
        known.stream().filter(name -> EditDistance.between(typed, name) <= SIMILAR).findFirst();
    return best.map(name -> "; did you mean " + name + "?").orElse("");
  }

  private static String name(ArgSpec argument) {
    return argument instanceof OptionSpec option ? option.longestName() : argument.paramLabel();
  }
}
