package io.pgtrickle.engine.backfill;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.engine.catalog.Definition;
import java.sql.SQLException;

/// PostgreSQL's own refusal of a query, as an error of the stream table.
final class ServerRefusal {
  private ServerRefusal() {}

  static QueryRejected of(Definition definition, SQLException refusal) {
    return new QueryRejected(
        QueryRejected.Kind.INVALID,
        String.valueOf(refusal.getSQLState()),
        "refused_by_server",
        definition.displayName(),
        "PostgreSQL refuses the query of "
            + definition.displayName()
            + " as its owner \""
            + definition.owner()
            + "\": "
            + refusal.getMessage());
  }
}
