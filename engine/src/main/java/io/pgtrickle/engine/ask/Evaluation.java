package io.pgtrickle.engine.ask;

import io.pgtrickle.dvm.expr.SetFunctions;
import io.pgtrickle.dvm.server.Answer;
import io.pgtrickle.dvm.server.Inquiry;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/// A session in which inquiries are evaluated.
///
/// Each statement has a transaction of its own, so that nothing that evaluated code does to the
/// session outlives it. An error of a batch is one of some of its tuples: it is halved until they
/// are found.
///
/// Used by one thread at a time.
final class Evaluation implements AutoCloseable {
  /// How long a statement may take; halving gives each tuple nearly as long.
  private static final Duration TIMEOUT = Duration.ofSeconds(30);

  private static final int FETCH_ROWS = 10_000;

  private final Connection session;
  private final TypeForms types;
  private final Map<Asked, InquiryStatement> statements = new HashMap<>();

  private record Asked(Inquiry inquiry, Optional<Delegated> delegate) {}

  /// As whom the owner's code is run.
  ///
  /// @param function the qualified name of his delegate for queries
  /// @param table the stream table that he made it for
  record Delegated(String function, long table) {}

  /// The inquiry cannot be answered, whatever the tuples: a function is gone or not permitted.
  static final class Unanswerable extends Exception {
    private static final long serialVersionUID = 1L;

    private final String sqlState;

    Unanswerable(String sqlState, String message, @Nullable Throwable cause) {
      super(message, cause);
      this.sqlState = sqlState;
    }

    String sqlState() {
      return sqlState;
    }
  }

  /// @param session autocommit off
  Evaluation(Connection session) {
    this.session = session;
    this.types = new TypeForms(session);
  }

  /// The answers to the tuples, in order.
  ///
  /// @throws SQLException when nothing is known of any tuple; the session is of no use any more
  List<Answer> ask(Inquiry inquiry, List<Row> tuples, Optional<Delegated> delegate)
      throws SQLException, Unanswerable {
    try {
      return answers(inquiry, tuples, delegate);
    } catch (SQLException error) {
      session.rollback();
      String state = state(error);
      boolean timedOut = state.equals("57014");
      if (!timedOut && isOfTheServer(state)) {
        throw error;
      }
      if (inquiry.form() == Inquiry.Form.RANK) {
        // Ranks of halves are not ranks of the whole.
        throw new Unanswerable(state, message(error), error);
      }
      if (tuples.size() > 1) {
        int half = tuples.size() / 2;
        List<Answer> answers = new ArrayList<>(ask(inquiry, tuples.subList(0, half), delegate));
        answers.addAll(ask(inquiry, tuples.subList(half, tuples.size()), delegate));
        return answers;
      }
      if (timedOut) {
        throw new Unanswerable(
            state, "it takes longer than %d s".formatted(TIMEOUT.toSeconds()), error);
      }
      requireAnswerable(inquiry, delegate);
      return List.of(new Answer.Failed(state, message(error)));
    }
  }

  // What fails without tuples fails for every tuple, and is not their fault.
  private void requireAnswerable(Inquiry inquiry, Optional<Delegated> delegate)
      throws SQLException, Unanswerable {
    try {
      answers(inquiry, List.of(), delegate);
    } catch (SQLException error) {
      session.rollback();
      if (isOfTheServer(state(error))) {
        throw error;
      }
      throw new Unanswerable(state(error), message(error), error);
    }
  }

  private List<Answer> answers(Inquiry inquiry, List<Row> tuples, Optional<Delegated> delegate)
      throws SQLException, Unanswerable {
    begin(inquiry.context(), delegate);
    Asked asked = new Asked(inquiry, delegate);
    InquiryStatement statement = statements.get(asked);
    if (statement == null) {
      statement = InquiryStatement.of(inquiry, types, delegate.map(Delegated::function));
      statements.put(asked, statement);
    }
    List<List<Row>> rows = new ArrayList<>();
    tuples.forEach(_ -> rows.add(new ArrayList<>(1)));
    try (PreparedStatement query = statement.prepare(session, tuples)) {
      query.setFetchSize(FETCH_ROWS);
      try (ResultSet result = query.executeQuery()) {
        while (result.next()) {
          List<Row> answer = rows.get((int) result.getLong(1) - 1);
          if (answer.size() == SetFunctions.MOST_ROWS) {
            throw tooMany();
          }
          answer.add(row(result, inquiry.answer()));
        }
      }
    }
    session.rollback();
    return rows.stream().<Answer>map(Answer.Rows::new).toList();
  }

  // The message says no name: there may be several functions in step.
  private static SQLException tooMany() {
    return new SQLException(
        "functions in FROM return more than %,d rows for one row".formatted(SetFunctions.MOST_ROWS),
        "54000");
  }

  private static Row row(ResultSet result, Schema schema) throws SQLException {
    @Nullable Object[] values = new @Nullable Object[schema.size()];
    for (int i = 0; i < values.length; i++) {
      byte[] bytes = result.getBytes(i + 2);
      TypeCodec codec = schema.codec(i);
      values[i] = bytes == null ? null : codec.fromBinary(bytes, 0, bytes.length);
    }
    return schema.pack(values);
  }

  // One round trip; the delegate is looked at in the transaction that uses it.
  private void begin(Inquiry.Context context, Optional<Delegated> delegate)
      throws SQLException, Unanswerable {
    // First: its functions cannot be kept from being replaced in a transaction that only reads.
    StringBuilder sql =
        new StringBuilder("SELECT ")
            .append(
                delegate.isPresent()
                    ? "pgtrickle_internal.delegate_problem(?, true) AS problem, "
                    : "NULL::pg_catalog.text AS problem, ");
    context.settings().forEach((_, _) -> sql.append("pg_catalog.set_config(?, ?, true), "));
    sql.append("pg_catalog.set_config('transaction_read_only', 'on', true)")
        .append(", pg_catalog.set_config('statement_timeout', ?, true)");
    try (PreparedStatement set = session.prepareStatement(sql.toString())) {
      int next = 1;
      if (delegate.isPresent()) {
        set.setLong(next++, delegate.get().table());
      }
      for (Map.Entry<String, String> setting : context.settings().entrySet()) {
        set.setString(next++, setting.getKey());
        set.setString(next++, setting.getValue());
      }
      set.setString(next, String.valueOf(TIMEOUT.toMillis()));
      try (ResultSet row = set.executeQuery()) {
        row.next();
        String problem = row.getString("problem");
        if (problem != null) {
          session.rollback();
          throw new Unanswerable("42501", problem, null);
        }
      }
    }
  }

  /// Whether an error says nothing about what was asked.
  private static boolean isOfTheServer(String state) {
    return switch (state.substring(0, 2)) {
      case "08", "40", "53", "57", "58", "XX" -> true;
      default -> false;
    };
  }

  private static String state(SQLException error) {
    String state = error.getSQLState();
    return state == null || state.length() != 5 ? "08000" : state;
  }

  // Without position and context, which are not the user's.
  private static String message(SQLException error) {
    ServerErrorMessage said =
        error instanceof PSQLException known ? known.getServerErrorMessage() : null;
    String message = said == null ? null : said.getMessage();
    return message == null ? String.valueOf(error.getMessage()) : message;
  }

  @Override
  public void close() throws SQLException {
    session.close();
  }
}
