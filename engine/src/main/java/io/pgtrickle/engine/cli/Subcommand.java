package io.pgtrickle.engine.cli;

import java.io.PrintWriter;
import java.util.List;

/// What one word after `pgtrickle` does.
interface Subcommand {
  String name();

  /// One sentence for the list of commands.
  String description();

  /// The parameters it understands as flags, in the order of its help.
  List<Parameter<?>> parameters();

  /// Does it; the result is the exit code of the process.
  int run(Configuration configuration, PrintWriter out) throws InterruptedException;
}
