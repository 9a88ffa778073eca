/// Benchmarks of classes that nobody outside of their package may use.
///
/// They stand in the package that they measure, as tests do. This is a part of the module `bench`
/// and not of the engine: nothing here is in its jar.
///
/// Start with the class named like the one you are about to make faster; everything that can be
/// measured from outside is in `io.pgtrickle.bench`.
@NullMarked
package io.pgtrickle.engine.apply;

import org.jspecify.annotations.NullMarked;
