package io.pgtrickle.engine.ask;

import io.pgtrickle.dvm.server.Inquiry;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.engine.apply.ArrayText;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;

/// One inquiry as a statement over arrays of arguments:
///
///     SELECT a.ord, textsend(f(a.p1, a.p2))
///     FROM (SELECT u.p1::t1 AS p1, u.p2::t2 AS p2, u.ord
///           FROM ROWS FROM (unnest(?::t1[]), unnest(?::text[])) WITH ORDINALITY
///                u (p1, p2, ord)) a
///
/// Its result is the place of the tuple, from 1, and the columns of the answer in binary form.
/// Through a delegate the same text is what he is to run, and its arrays are texts.
final class InquiryStatement {
  private final Inquiry inquiry;
  private final Schema arguments;
  private final List<Parameter> parameters;
  private final String sql;
  private final Optional<String> command;

  /// How the values of one parameter are put into an array.
  private sealed interface Parameter {
    /// As text of the array type.
    record Text(String arrayType) implements Parameter {}

    /// In binary form.
    record Binary(String arrayType, int element) implements Parameter {}

    /// As texts, because there are no arrays of arrays.
    record Nested() implements Parameter {}
  }

  private InquiryStatement(
      Inquiry inquiry, List<Parameter> parameters, String sql, Optional<String> command) {
    this.inquiry = inquiry;
    this.arguments = inquiry.arguments();
    this.parameters = parameters;
    this.sql = sql;
    this.command = command;
  }

  /// @param delegate the qualified name of the function that runs queries as the owner; empty where
  ///     the owner is the role of the session
  static InquiryStatement of(Inquiry inquiry, TypeForms types, Optional<String> delegate)
      throws SQLException {
    List<Parameter> parameters = new ArrayList<>();
    List<String> arrays = new ArrayList<>();
    StringBuilder columns = new StringBuilder();
    boolean rows = false;
    for (SqlType type : inquiry.parameters()) {
      int number = parameters.size() + 1;
      TypeForm form = types.of(type.oid());
      Parameter parameter = parameter(type, form, types);
      parameters.add(parameter);
      String place = delegate.isPresent() ? "($1[" + number + "])" : "?";
      arrays.add(
          "pg_catalog.unnest("
              + place
              + "::"
              + switch (parameter) {
                case Parameter.Text(String arrayType) -> arrayType;
                case Parameter.Binary(String arrayType, int _) -> arrayType;
                case Parameter.Nested _ -> "pg_catalog.text[]";
              }
              + ")");
      rows |= form.row();
      columns
          .append("u.p")
          .append(number)
          .append("::")
          .append(form.name())
          .append(types.collation(type.collation()).map(name -> " COLLATE " + name).orElse(""))
          .append(" AS p")
          .append(number)
          .append(", ");
    }
    String from =
        parameters.isEmpty()
            ? "(SELECT u.ord FROM pg_catalog.generate_series(1, %s::pg_catalog.int8) u (ord)) a"
                .formatted(delegate.isPresent() ? "($1[1])" : "?")
            : "(SELECT %su.ord FROM %s) a".formatted(columns, unnested(arrays, rows));
    StringJoiner answer = new StringJoiner(", ");
    StringJoiner result = new StringJoiner(", ");
    StringJoiner called = new StringJoiner(", ");
    Schema schema = inquiry.answer();
    for (int i = 0; i < schema.size(); i++) {
      String value =
          switch (inquiry.form()) {
            case VALUE -> inquiry.sql();
            case RANK -> "pg_catalog.dense_rank() OVER (ORDER BY " + inquiry.sql() + ")";
            case ROWS -> "r.c" + (i + 1);
            case LABEL -> throw new IllegalArgumentException("labels are not the server's");
          };
      answer.add(types.of(schema.column(i).type().oid()).send() + "(" + value + ")");
      result.add("v" + (i + 1) + " pg_catalog.bytea");
      called.add("c" + (i + 1));
    }
    String text =
        "SELECT a.ord, "
            + answer
            + " FROM "
            + from
            + (inquiry.form() != Inquiry.Form.ROWS
                ? ""
                : ", LATERAL " + inquiry.sql() + " AS r (" + called + ")");
    if (delegate.isEmpty()) {
      // Constants are read under the settings of whoever prepares a text.
      String settings = Integer.toHexString(inquiry.context().settings().hashCode());
      return new InquiryStatement(
          inquiry, List.copyOf(parameters), text + " /* " + settings + " */", Optional.empty());
    }
    String call =
        "SELECT * FROM %s(?::pg_catalog.text, ARRAY[%s]::pg_catalog.text[]) AS t (ord pg_catalog.int8, %s)"
            .formatted(delegate.get(), places(parameters), result);
    return new InquiryStatement(inquiry, List.copyOf(parameters), call, Optional.of(text));
  }

  /// The arrays side by side, as u (p1, p2, …, ord).
  ///
  /// @param rows whether some are of rows, which would come as columns of their own in FROM
  private static String unnested(List<String> arrays, boolean rows) {
    StringJoiner names = new StringJoiner(", ");
    for (int i = 1; i <= arrays.size(); i++) {
      names.add("p" + i);
    }
    String together = String.join(", ", arrays);
    return rows
        ? "(SELECT s.*, pg_catalog.row_number() OVER () FROM (SELECT %s) s) u (%s, ord)"
            .formatted(together, names)
        : "ROWS FROM (%s) WITH ORDINALITY u (%s, ord)".formatted(together, names);
  }

  private static String places(List<Parameter> parameters) {
    if (parameters.isEmpty()) {
      return "?";
    }
    StringJoiner places = new StringJoiner(", ");
    for (Parameter parameter : parameters) {
      places.add(
          switch (parameter) {
            case Parameter.Text _, Parameter.Nested _ -> "?";
            case Parameter.Binary(String arrayType, int _) ->
                "(?::" + arrayType + ")::pg_catalog.text";
          });
    }
    return places.toString();
  }

  private static Parameter parameter(SqlType type, TypeForm form, TypeForms types)
      throws SQLException {
    if (type.kind() != TypeKind.OPAQUE) {
      return new Parameter.Text(form.wireArray());
    }
    if (form.element() == 0) {
      return new Parameter.Binary(form.wireArray(), form.wire());
    }
    if (TypeKind.of(form.element()) == TypeKind.OPAQUE) {
      throw new SQLException(
          "arrays of " + types.of(form.element()).name() + " are not sent to the server", "0A000");
    }
    return new Parameter.Nested();
  }

  /// The statement for some tuples, ready to run.
  PreparedStatement prepare(Connection session, List<Row> tuples) throws SQLException {
    PreparedStatement statement = session.prepareStatement(sql);
    try {
      int next = 1;
      if (command.isPresent()) {
        statement.setString(next++, command.get());
      }
      if (parameters.isEmpty()) {
        if (command.isPresent()) {
          statement.setString(next, String.valueOf(tuples.size()));
        } else {
          statement.setLong(next, tuples.size());
        }
      }
      for (int i = 0; i < parameters.size(); i++) {
        switch (parameters.get(i)) {
          case Parameter.Text _ -> statement.setString(next++, texts(tuples, i));
          case Parameter.Nested _ -> statement.setString(next++, nested(tuples, i));
          case Parameter.Binary(String arrayType, int element) ->
              statement.setObject(next++, new BinaryArray(arrayType, element, bytes(tuples, i)));
        }
      }
      return statement;
    } catch (SQLException | RuntimeException e) {
      statement.close();
      throw e;
    }
  }

  private String texts(List<Row> tuples, int column) {
    ArrayText array = new ArrayText();
    for (Row tuple : tuples) {
      Object value = arguments.value(tuple, column);
      array.add(value == null ? null : arguments.codec(column).toText(value));
    }
    return array.toString();
  }

  private String nested(List<Row> tuples, int column) {
    ArrayText array = new ArrayText();
    for (Row tuple : tuples) {
      Object value = arguments.value(tuple, column);
      array.add(value == null ? null : NestedArrayText.of((Bytes) value));
    }
    return array.toString();
  }

  private List<byte @Nullable []> bytes(List<Row> tuples, int column) {
    List<byte @Nullable []> all = new ArrayList<>();
    for (Row tuple : tuples) {
      Object value = arguments.value(tuple, column);
      all.add(value == null ? null : ((Bytes) value).toArray());
    }
    return all;
  }

  Inquiry inquiry() {
    return inquiry;
  }
}
