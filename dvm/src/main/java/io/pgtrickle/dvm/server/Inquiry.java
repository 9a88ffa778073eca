package io.pgtrickle.dvm.server;

import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Schema;
import java.util.List;
import java.util.Map;

/// An expression or a function in FROM that the server evaluates.
///
/// Records are values: equal inquiries have equal answers, which is what sharing of operators and
/// remembering of answers rest on.
///
/// @param form what `sql` is
/// @param sql every name qualified; the parameters are called what [#parameter] says
/// @param parameters the types of the arguments
/// @param answer the columns of an answer's rows
/// @param context on what the answers depend besides the arguments
public record Inquiry(
    Form form, String sql, List<SqlType> parameters, Schema answer, Context context) {
  public Inquiry {
    parameters = List.copyOf(parameters);
    if (form != Form.ROWS && answer.size() != 1) {
      throw new IllegalArgumentException("a value has one column, not " + answer);
    }
  }

  /// What is asked for.
  public enum Form {
    /// The value of a scalar expression: one row of one column.
    VALUE,
    /// A value's place in the server's order: one row of one column, the argument with its label.
    /// `sql` is what to sort by; answers to equal inquiries compare with each other, now and later.
    ///
    /// @see io.pgtrickle.dvm.type.Labeled
    LABEL,
    /// A value's place in the order of `sql` among the distinct ones of all tuples that are asked
    /// about at once, from 1: one row of one `int8`. Such answers are not remembered.
    RANK,
    /// The rows of an item of FROM, such as `ROWS FROM (f(a.p1)) WITH ORDINALITY`, in the order in
    /// which the server returns them.
    ROWS
  }

  /// On what an answer depends besides the arguments.
  ///
  /// @param owner the role as which the server evaluates
  /// @param settings of the session, as `set_config` takes them
  /// @param functions the versions of the functions of users, by OID
  /// @param rows the versions of row types, by OID
  public record Context(
      String owner,
      Map<String, String> settings,
      Map<Integer, String> functions,
      Map<Integer, String> rows) {
    public Context {
      settings = Map.copyOf(settings);
      functions = Map.copyOf(functions);
      rows = Map.copyOf(rows);
    }

    /// Where no row types are known.
    public Context(String owner, Map<String, String> settings, Map<Integer, String> functions) {
      this(owner, settings, functions, Map.of());
    }
  }

  /// How SQL refers to a parameter.
  ///
  /// @param index from 0
  public static String parameter(int index) {
    return "a.p" + (index + 1);
  }

  /// The tuples that are asked about: one column per parameter.
  public Schema arguments() {
    return Schema.ofTypes(parameters);
  }
}
