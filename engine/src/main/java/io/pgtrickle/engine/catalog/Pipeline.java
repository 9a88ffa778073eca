package io.pgtrickle.engine.catalog;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Statements that go to the server together and are answered together, in one round trip.
///
/// An epoch consists of a dozen small statements; one after the other, most of its time would be
/// waiting for the next turn of a process. The driver takes statements separated by semicolons
/// apart, prepares each, and sends them with a single synchronisation at the end, so the first that
/// fails ends them all. Which one that was is not told: who needs to know runs them one by one.
///
/// Parameters are texts of no declared type; the statements say the type, by a cast or by what they
/// are compared with. A statement may not contain a question mark that is no parameter.
public final class Pipeline {
  private final List<Step> steps = new ArrayList<>();

  private record Step(String sql, List<? extends @Nullable String> parameters, Answer answer) {}

  private interface Answer {
    void read(PreparedStatement statement) throws SQLException;
  }

  /// Reads what a query returned, from before its first row.
  @FunctionalInterface
  public interface Reader {
    void read(ResultSet rows) throws SQLException;
  }

  /// Adds a statement that returns no rows; how many it affected is told when it has run.
  public void update(
      String sql, List<? extends @Nullable String> parameters, LongConsumer affected) {
    steps.add(
        new Step(sql, parameters, statement -> affected.accept(statement.getLargeUpdateCount())));
  }

  /// Adds a statement that returns rows.
  public void query(String sql, List<? extends @Nullable String> parameters, Reader reader) {
    steps.add(
        new Step(
            sql,
            parameters,
            statement -> {
              try (ResultSet result = statement.getResultSet()) {
                reader.read(result);
              }
            }));
  }

  public boolean isEmpty() {
    return steps.isEmpty();
  }

  /// Runs what was added, in this order, and hands out the answers; a pipeline is run once.
  ///
  /// @throws SQLException the failure of whichever statement failed first
  /// @throws RuntimeException what a reader of answers threw; all statements have run then
  public void run(Connection connection) throws SQLException {
    if (steps.isEmpty()) {
      return;
    }
    String sql = steps.stream().map(Step::sql).collect(Collectors.joining(";\n"));
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      int parameter = 0;
      for (Step step : steps) {
        for (String value : step.parameters) {
          statement.setObject(++parameter, value, Types.OTHER);
        }
      }
      statement.execute();
      for (Step step : steps) {
        step.answer.read(statement);
        statement.getMoreResults();
      }
    }
  }
}
