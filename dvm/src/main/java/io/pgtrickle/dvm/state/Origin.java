package io.pgtrickle.dvm.state;

/// Which log state was made from.
///
/// @param systemIdentifier that of the database cluster
/// @param timeline of its log
public record Origin(String systemIdentifier, int timeline) {}
