package io.pgtrickle.engine.apply;

import io.pgtrickle.engine.catalog.Pipeline;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// The temporary table that COPY fills with a delta, and what its rows are.
///
/// Code of owners runs in the same session, where it can make temporary tables too, under any name
/// and with triggers that COPY would fire; it can even drop ours (`DISCARD TEMP`) and take their
/// names. So which table it is, is asked each time right in front of the COPY, and answered by who
/// owns it, see `pgtrickle_internal.staging_table`.
///
/// COPY reads values with the sidecar's rights, and reading one of a domain runs the domain's
/// conditions. So what is staged is what a domain is made of; it becomes a value of the domain in
/// the statement that the table's owner runs.
final class StagingTable {
  private StagingTable() {}

  /// An empty one for rows of a table, made where the session has none.
  ///
  /// @return its qualified name
  static String emptied(Connection connection, StreamTable table) throws SQLException {
    String columns =
        IntStream.range(0, table.stagedTypes().size())
            .mapToObj(i -> "c" + i + " " + table.stagedTypes().get(i))
            .collect(Collectors.joining(", "));
    AtomicReference<String> name = new AtomicReference<>("");
    Pipeline pipeline = new Pipeline();
    OwnerCalls.ownSettings(pipeline);
    pipeline.query(
        "SELECT pgtrickle_internal.staging_table(?::pg_catalog.oid, ?::pg_catalog.text)",
        List.of(Integer.toUnsignedString(table.relation()), columns),
        row -> {
          row.next();
          name.set(row.getString(1));
        });
    pipeline.run(connection);
    return name.get();
  }

  static String copyInto(String name) {
    return "COPY " + name + " FROM STDIN (FORMAT BINARY)";
  }

  /// The staged rows, with columns as the table has them, as an item of FROM.
  static String rows(String name, StreamTable table) {
    if (table.stagedTypes().equals(table.typeNames())) {
      return name;
    }
    return IntStream.range(0, table.typeNames().size())
        .mapToObj(i -> "c" + i + "::" + table.typeNames().get(i) + " AS c" + i)
        .collect(Collectors.joining(", ", "(SELECT kind, w, ", " FROM " + name + ")"));
  }
}
