/// The command line of the sidecar: what a person types, turned into a configuration, a running
/// process and an exit code.
///
/// It holds no behaviour of the engine. Each command is one class that reads top to bottom; the
/// settings it shares with the others come from `Settings`, which reports every problem at once.
///
/// Start with `Main`.
@NullMarked
package io.pgtrickle.engine.cli;

import org.jspecify.annotations.NullMarked;
