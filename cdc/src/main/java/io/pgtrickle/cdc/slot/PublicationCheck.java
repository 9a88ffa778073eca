package io.pgtrickle.cdc.slot;

import io.pgtrickle.cdc.TableName;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/// Whether a publication carries what it should.
public sealed interface PublicationCheck {

  /// Everything expected is published, in full.
  record Intact(Publication publication) implements PublicationCheck {}

  /// There is no such publication. On PostgreSQL 18 the stream goes on without a word, and without
  /// the changes.
  record Missing() implements PublicationCheck {}

  /// Some changes are, or may be, left out.
  ///
  /// @param missing expected tables that are not published
  /// @param problems what else is wrong, as sentences for a person
  record Damaged(SortedSet<TableName> missing, List<String> problems) implements PublicationCheck {
    public Damaged {
      missing = Collections.unmodifiableSortedSet(new TreeSet<>(missing));
      problems = List.copyOf(problems);
    }
  }

  static PublicationCheck of(Publication seen, Collection<TableName> expected) {
    SortedSet<TableName> missing = new TreeSet<>(expected);
    missing.removeAll(seen.tables());
    List<String> problems = new ArrayList<>();
    String name = TableName.quoted(seen.name());
    if (!seen.complete()) {
      problems.add(
          "publication leaves out some operations; run ALTER PUBLICATION "
              + name
              + " SET (publish = 'insert, update, delete, truncate')");
    }
    if (!seen.viaRoot()) {
      problems.add(
          "publication names partitions instead of their table; run ALTER PUBLICATION "
              + name
              + " SET (publish_via_partition_root = true)");
    }
    if (seen.wider()) {
      problems.add(
          "publication includes tables by schema, or all; only single tables may be published,"
              + " or stream tables feed back on themselves");
    }
    for (TableName table : seen.restricted()) {
      problems.add(
          "table " + table + " is published with a row filter or a column list; remove it");
    }
    return missing.isEmpty() && problems.isEmpty()
        ? new Intact(seen)
        : new Damaged(missing, problems);
  }
}
