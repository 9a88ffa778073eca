package io.pgtrickle.cdc.slot;

import io.pgtrickle.cdc.TableName;
import java.util.Collections;
import java.util.SortedSet;
import java.util.TreeSet;

/// A publication as the catalog shows it.
///
/// @param complete whether inserts, updates, deletes and truncates are all published
/// @param viaRoot whether changes of partitions appear under the partitioned table's name
/// @param generated whether stored generated columns are published, as far as the server can: since
///     18
/// @param wider whether tables are published that were not named, by schema or all of them
/// @param tables the tables named
/// @param restricted those of them with a row filter or a column list
public record Publication(
    String name,
    boolean complete,
    boolean viaRoot,
    boolean generated,
    boolean wider,
    SortedSet<TableName> tables,
    SortedSet<TableName> restricted) {

  public Publication {
    tables = Collections.unmodifiableSortedSet(new TreeSet<>(tables));
    restricted = Collections.unmodifiableSortedSet(new TreeSet<>(restricted));
  }
}
