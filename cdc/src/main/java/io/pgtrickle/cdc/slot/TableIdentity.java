package io.pgtrickle.cdc.slot;

import io.pgtrickle.cdc.TableName;
import java.util.List;

/// What one table (not a partitioned one, which has no rows of its own) logs about old rows.
///
/// @param table a plain table or a leaf partition
public record TableIdentity(TableName table, Kind kind) {

  /// How good the identity is.
  public sealed interface Kind {}

  /// A primary key, or a unique index chosen by USING INDEX, tells rows apart.
  ///
  /// @param columns in the order of the index
  public record Keyed(List<String> columns) implements Kind {
    public Keyed {
      columns = List.copyOf(columns);
    }
  }

  /// The whole old row is logged.
  public record Full() implements Kind {}

  /// Nothing usable: publishing the table would make its users' UPDATEs and DELETEs fail.
  ///
  /// @param reason as a sentence for a person
  public record Unusable(String reason) implements Kind {}
}
