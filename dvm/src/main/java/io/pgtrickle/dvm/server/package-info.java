/// What the server is asked to evaluate in the middle of a step: the *server tier* of expressions.
///
/// An [Inquiry] is SQL over numbered parameters; [Server#ask] answers it for many argument tuples
/// at once, each with rows or with the error that PostgreSQL raised for it. A scalar expression has
/// exactly one row of one column; a function in FROM has as many rows as it returns.
///
/// An answer is a function of the inquiry and of the arguments as they display, now and for as
/// long as the inquiry exists: the retraction of a row asks again and must hear the same. So only
/// immutable functions are asked, and what could change them belongs to the inquiry's
/// [Inquiry.Context].
///
/// Nothing here knows how the server is reached; the host of the dataflow does.
@NullMarked
package io.pgtrickle.dvm.server;

import org.jspecify.annotations.NullMarked;
