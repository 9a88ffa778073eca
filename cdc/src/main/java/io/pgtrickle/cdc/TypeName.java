package io.pgtrickle.cdc;

/// The name the stream gives for a type that is not built in.
///
/// For a domain the server sends the domain's identifier with the name of the domain's *base* type,
/// so the name tells how values look on the wire, not what the column is declared as.
public record TypeName(String schema, String name) {}
