package io.pgtrickle.engine.refresh;

import io.pgtrickle.engine.analyze.QueryDocument;
import io.pgtrickle.engine.analyze.Verdict;
import io.pgtrickle.engine.apply.StreamTable;
import io.pgtrickle.engine.catalog.Definition;

/// A stream table that is about to take part in the stream.
///
/// @param uncaptured whether its rows may change without a change of what is captured; of FULL mode
/// @param refreshes how often the table has been refreshed
public record Joining(
    Definition definition,
    StreamTable storage,
    Verdict verdict,
    QueryDocument document,
    boolean uncaptured,
    long refreshes) {}
