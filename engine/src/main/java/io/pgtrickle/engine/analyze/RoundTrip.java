package io.pgtrickle.engine.analyze;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.sql.Deparser;
import io.pgtrickle.dvm.sql.Facts;
import io.pgtrickle.dvm.sql.Fingerprint;
import io.pgtrickle.engine.apply.Identifiers;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.List;
import java.util.Optional;

/// The proof that a plan means what the query means.
///
/// The bound plan is written as SQL, the server analyzes that, and the fingerprints of its tree and
/// of the original one must be equal: the same relations, the same functions on the same arguments
/// under the same collations, the same conditions, groups and columns. A mistake in reading the
/// tree
/// would have to be undone by an equal and opposite mistake in writing SQL to go unnoticed, and the
/// fingerprint is computed without either.
public final class RoundTrip {
  private RoundTrip() {}

  /// What the server understands differently; empty when the plan is proven.
  ///
  /// Nothing of the proof outlives the call; a transaction that is under way goes on.
  ///
  /// @param connection sees the relations of the query
  /// @param bound the plan before rewrites
  public static Optional<String> objection(
      Connection connection, QueryDocument document, Plan bound, Facts facts) throws SQLException {
    try {
      String tree = analyzed(connection, Deparser.sql(bound, facts));
      return Fingerprint.of(document.tree(), facts).difference(Fingerprint.of(tree, facts));
    } catch (QueryRejected notCompared) {
      return Optional.of("it cannot be compared: " + notCompared.getMessage());
    } catch (StackOverflowError overflow) {
      return Optional.of("it cannot be compared: it is nested too deeply");
    } catch (SQLException notRead) {
      // Written by us it has more parentheses than as its author wrote it.
      if (isTooDeep(notRead)) {
        return Optional.of("it cannot be compared: " + notRead.getMessage());
      }
      throw notRead;
    }
  }

  // The server's stack (54001), or that of its grammar, which is exhausted as a syntax error
  // (42601).
  private static boolean isTooDeep(SQLException refusal) {
    return List.of("54001", "42601").contains(String.valueOf(refusal.getSQLState()));
  }

  /// The tree that the server makes of a query, of which nothing remains.
  static String analyzed(Connection connection, String sql) throws SQLException {
    boolean alone = connection.getAutoCommit();
    if (alone) {
      connection.setAutoCommit(false);
    }
    String view = Identifiers.unforeseeable("pgtrickle_round_trip");
    Savepoint before = connection.setSavepoint();
    try (Statement statement = connection.createStatement()) {
      statement.execute("SET LOCAL search_path = pg_catalog, pg_temp");
      statement.execute("CREATE TEMPORARY VIEW " + view + " AS " + sql);
      try (ResultSet row =
          statement.executeQuery(
              "SELECT r.ev_action::text FROM pg_catalog.pg_rewrite r WHERE r.ev_class ="
                  + " 'pg_temp."
                  + view
                  + "'::pg_catalog.regclass AND r.rulename = '_RETURN'")) {
        row.next();
        return row.getString(1);
      }
    } finally {
      connection.rollback(before);
      if (alone) {
        connection.rollback();
        connection.setAutoCommit(true);
      }
    }
  }
}
