/// Measurements: one JMH class per kernel class, under the same name, and end-to-end replays
/// against a real server.
///
/// Nothing depends on this module, and it asserts nothing: a figure is printed together with what
/// it was measured on. The tables in the documentation come from here, with the command that
/// produced them.
///
/// Start with the class named like the one you are about to make faster.
@NullMarked
package io.pgtrickle.bench;

import org.jspecify.annotations.NullMarked;
