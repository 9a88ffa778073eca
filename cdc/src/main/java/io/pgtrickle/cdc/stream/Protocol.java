package io.pgtrickle.cdc.stream;

/// What was agreed on with the server when the connection was made.
///
/// @param version of pgoutput's protocol
/// @param streaming whether the server sends large transactions before they end
public record Protocol(int version, boolean streaming) {}
