package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.SetCall;
import io.pgtrickle.dvm.plan.WindowCall;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.type.TypeKind;
import java.util.ArrayList;
import java.util.List;

/// Writes scalar expressions as SQL that resolves to the very same functions.
///
/// A function is called by its qualified name with arguments of exactly its declared types, so that
/// overload resolution has one exact match; operators are written as calls of their functions.
final class ExpressionText {
  private static final int TEXT_OF_BPCHAR = 401;

  private final Facts facts;

  /// How the columns of the rows are referred to for which subqueries are evaluated, the innermost
  /// first.
  private final List<List<String>> outer = new ArrayList<>();

  ExpressionText(Facts facts) {
    this.facts = facts;
  }

  void enterSubquery(List<String> columnsOfRow) {
    outer.addFirst(columnsOfRow);
  }

  void leaveSubquery() {
    outer.removeFirst();
  }

  /// @param columns how the input's columns are referred to
  String text(Expr expression, List<String> columns) {
    return switch (expression) {
      case Expr.Column(int index, SqlType _) -> columns.get(index);
      case Expr.Literal literal -> literal(literal);
      // The cast of char(n) to varchar: called by its name, text(bpchar) gives a text.
      case Expr.Call(var function, var arguments, var type, var _)
          when function.oid() == TEXT_OF_BPCHAR && type.kind() == TypeKind.VARCHAR ->
          cast(text(arguments.getFirst(), columns), type);
      case Expr.Call call when isPath(call.function()) ->
          "(%s %s %s)"
              .formatted(
                  text(call.arguments().getFirst(), columns),
                  operator(call.function()),
                  text(call.arguments().getLast(), columns));
      case Expr.Call call -> name(call.function()) + list(call.arguments(), columns);
      case Expr.Relabel(Expr input, SqlType type) -> relabel(input, type, columns);
      case Expr.TextCast(Expr input, SqlType type) -> cast(text(input, columns), type);
      case Expr.And(List<Expr> operands) -> joined(operands, " AND ", columns);
      case Expr.Or(List<Expr> operands) -> joined(operands, " OR ", columns);
      case Expr.Not(Expr operand) -> "(NOT " + text(operand, columns) + ")";
      case Expr.IsNull(Expr operand) -> "(" + text(operand, columns) + " IS NULL)";
      case Expr.IsTruth(Expr operand, Expr.Truth truth) ->
          "(" + text(operand, columns) + " IS " + truth + ")";
      case Expr.IsDistinct(Expr.Call equality) ->
          "(%s IS DISTINCT FROM %s)"
              .formatted(
                  whole(equality.arguments().getFirst(), columns),
                  text(equality.arguments().getLast(), columns));
      case Expr.NullIf(Expr.Call equality, SqlType _) ->
          "NULLIF" + list(equality.arguments(), columns);
      case Expr.Coalesce(List<Expr> operands, SqlType _) -> "COALESCE" + list(operands, columns);
      case Expr.Extreme(boolean greatest, List<Expr> operands, SqlType _) ->
          (greatest ? "GREATEST" : "LEAST") + list(operands, columns);
      case Expr.Case choice -> choice(choice, columns);
      case Expr.Outer(int level, int index, SqlType _) ->
          level <= outer.size() ? outer.get(level - 1).get(index) : "outer column " + (index + 1);
      case Expr.Clock(Expr.Reading reading) -> clock(reading);
      case Expr.Single(Expr value, Expr _) -> text(value, columns);
      case Expr.Verbatim verbatim -> verbatim(verbatim, columns);
      case Expr.Row row -> row(row, columns);
      case Expr.Timeless(Expr text) -> text(text, columns);
      case Expr.Image _, Expr.Answered _, Expr.Unlabeled _ ->
          throw new IllegalArgumentException("it belongs to rewritten plans only: " + expression);
      case Expr.Quantified quantified -> quantified(quantified, columns);
    };
  }

  String text(AggregateCall call, List<String> columns) {
    List<String> arguments =
        call.arguments().stream().map(argument -> text(argument, columns)).toList();
    String order = orderBy(call.order(), columns);
    String inside = String.join(", ", arguments);
    if (!call.kind().isOrderedSet()) {
      inside = arguments.isEmpty() ? "*" : inside + order;
    }
    Expr filter = call.filter();
    return name(call.function())
        + "("
        + (call.distinct() ? "DISTINCT " : "")
        + inside
        + ")"
        + (call.kind().isOrderedSet() ? " WITHIN GROUP (" + order + ")" : "")
        + (filter == null ? "" : " FILTER (WHERE " + text(filter, columns) + ")");
  }

  /// A function in FROM, with its columns where only the query says what they are.
  String text(SetCall call, List<String> columns) {
    if (!call.pieces().isEmpty()) {
      Expr.Call written = call.call();
      return verbatim(
          new Expr.Verbatim(call.pieces(), written.arguments(), written.type()), columns);
    }
    String text = text(call.call(), columns);
    if (!call.defined()) {
      return text;
    }
    List<String> definitions = new ArrayList<>();
    for (int i = 0; i < call.columns().size(); i++) {
      definitions.add(
          RelationShape.quote(call.definition().get(i))
              + " "
              + definition(call.columns().get(i).type()));
    }
    return text + " AS (" + String.join(", ", definitions) + ")";
  }

  private String definition(SqlType type) {
    String name = typeName(type) + modifier(type);
    return type.collation() == 0 || type.collation() == SqlType.DEFAULT_COLLATION
        ? name
        : name + " COLLATE " + collationName(type.collation());
  }

  static String modifier(SqlType type) {
    int modifier = type.modifier();
    if (modifier < 0) {
      return "";
    }
    return switch (type.kind()) {
      // Both count four bytes that no value has any more.
      case VARCHAR, BPCHAR -> "(" + (modifier - 4) + ")";
      case NUMERIC -> {
        int scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
        yield "(" + (((modifier - 4) >> 16) & 0xffff) + ", " + scale + ")";
      }
      case TIMESTAMP, TIMESTAMPTZ -> "(" + modifier + ")";
      case BOOL,
          INT2,
          INT4,
          INT8,
          FLOAT4,
          FLOAT8,
          TEXT,
          DATE,
          INTERVAL,
          UUID,
          BYTEA,
          OPAQUE,
          LABELED ->
          throw QueryRejected.notYet("unsupported_type", "a column definition of a limited type");
    };
  }

  /// An ORDER BY with everything it says by leaving it out; nothing where there is no order.
  String orderBy(List<Plan.SortKey> order, List<String> columns) {
    List<String> items =
        order.stream()
            .map(
                key ->
                    text(key.value(), columns)
                        + (key.descending() ? " DESC" : " ASC")
                        + (key.nullsFirst() ? " NULLS FIRST" : " NULLS LAST"))
            .toList();
    return items.isEmpty() ? "" : " ORDER BY " + String.join(", ", items);
  }

  /// A window function without the window.
  String text(WindowCall call, List<String> columns) {
    return switch (call) {
      case WindowCall.Aggregated(AggregateCall aggregate, var _) -> text(aggregate, columns);
      case WindowCall.Placed placed -> name(placed.function()) + list(placed.arguments(), columns);
    };
  }

  private static String clock(Expr.Reading reading) {
    return switch (reading) {
      case NOW -> "pg_catalog.now()";
      case TRANSACTION_TIMESTAMP -> "pg_catalog.transaction_timestamp()";
      case STATEMENT_TIMESTAMP -> "pg_catalog.statement_timestamp()";
      case CURRENT_TIMESTAMP, CURRENT_DATE, LOCALTIMESTAMP -> reading.name();
    };
  }

  // Called by name, it would take the array for one step of the path.
  private static boolean isPath(Signature function) {
    return function.schema().equals("pg_catalog")
        && function.name().matches("jsonb_extract_path(_text)?");
  }

  private static String name(Signature function) {
    return RelationShape.quote(function.schema()) + "." + RelationShape.quote(function.name());
  }

  private String list(List<Expr> expressions, List<String> columns) {
    return "(" + String.join(", ", expressions.stream().map(e -> text(e, columns)).toList()) + ")";
  }

  private String joined(List<Expr> operands, String operator, List<String> columns) {
    return "(" + String.join(operator, operands.stream().map(e -> text(e, columns)).toList()) + ")";
  }

  private String literal(Expr.Literal literal) {
    Object value = literal.value();
    if (value == null) {
      return cast("NULL", literal.type());
    }
    boolean opaque = literal.type().kind() == TypeKind.OPAQUE;
    String text =
        opaque ? OpaqueConstant.text(literal) : TypeCodec.of(literal.type()).toText(value);
    return cast(quoted(text), literal.type());
  }

  /// A string constant that means the same whatever standard_conforming_strings says.
  static String quoted(String text) {
    String body = text.replace("'", "''");
    return body.contains("\\") ? "E'" + body.replace("\\", "\\\\") + "'" : "'" + body + "'";
  }

  private String cast(String text, SqlType type) {
    return "(" + text + ")::" + typeName(type);
  }

  private String typeName(SqlType type) {
    return facts
        .typeName(type.oid())
        .orElseThrow(() -> NodeForm.notUnderstood("type " + type.oid()));
  }

  private String relabel(Expr input, SqlType type, List<String> columns) {
    String text = text(input, columns);
    if (input.type().oid() != type.oid()) {
      text = cast(text, type);
    }
    if (input.type().collation() != type.collation() && type.collation() != 0) {
      text = "(" + text + " COLLATE " + collationName(type.collation()) + ")";
    }
    return text;
  }

  private String collationName(int oid) {
    return facts
        .collation(oid)
        .map(Facts.NamedCollation::name)
        .orElseThrow(() -> NodeForm.notUnderstood("collation " + oid));
  }

  private String choice(Expr.Case choice, List<String> columns) {
    StringBuilder text = new StringBuilder("(CASE");
    for (Expr.When branch : choice.branches()) {
      text.append(" WHEN ")
          .append(text(branch.condition(), columns))
          .append(" THEN ")
          .append(text(branch.result(), columns));
    }
    Expr otherwise = choice.otherwise();
    if (otherwise != null) {
      text.append(" ELSE ").append(text(otherwise, columns));
    }
    return text.append(" END)").toString();
  }

  private String verbatim(Expr.Verbatim verbatim, List<String> columns) {
    StringBuilder text = new StringBuilder(verbatim.pieces().getFirst());
    for (int i = 0; i < verbatim.operands().size(); i++) {
      text.append(text(verbatim.operands().get(i), columns)).append(verbatim.pieces().get(i + 1));
    }
    return text.toString();
  }

  // Two constructors would be compared field by field.
  private String whole(Expr expression, List<String> columns) {
    String text = text(expression, columns);
    return expression instanceof Expr.Row && !text.startsWith("(SELECT ")
        ? "(SELECT " + text + ")"
        : text;
  }

  /// Only a subquery names the fields of a row that has no type.
  private String row(Expr.Row row, List<String> columns) {
    boolean typed = row.type().oid() != FunctionBinder.RECORD;
    Expr present = row.present();
    String where = present == null ? "" : " WHERE " + text(present, columns);
    List<String> fields = row.fields().stream().map(field -> text(field, columns)).toList();
    if (typed || (present == null && isNumbered(row.names()))) {
      String text = "ROW(" + String.join(", ", fields) + ")";
      String cast = typed ? cast(text, row.type()) : text;
      return present == null ? cast : "(SELECT " + cast + where + ")";
    }
    List<String> named = new ArrayList<>();
    for (int i = 0; i < fields.size(); i++) {
      named.add(fields.get(i) + " AS " + RelationShape.quote(row.names().get(i)));
    }
    return "(SELECT (w.*)::pg_catalog.record FROM (SELECT %s) AS w%s)"
        .formatted(String.join(", ", named), where);
  }

  /// Whether fields are called as those of `ROW(…)` are.
  private static boolean isNumbered(List<String> names) {
    for (int i = 0; i < names.size(); i++) {
      if (!names.get(i).equals("f" + (i + 1))) {
        return false;
      }
    }
    return true;
  }

  private String quantified(Expr.Quantified quantified, List<String> columns) {
    Facts.Operator operator =
        facts
            .operatorOf(quantified.comparison())
            .orElseThrow(
                () -> NodeForm.notUnderstood("an operator for " + quantified.comparison()));
    List<String> elements = new ArrayList<>();
    for (Expr element : quantified.elements()) {
      elements.add(text(element, columns));
    }
    SqlType elementType =
        quantified.elements().isEmpty()
            ? SqlType.of(operator.right())
            : quantified.elements().getFirst().type();
    String array = "ARRAY[" + String.join(", ", elements) + "]::" + typeName(elementType) + "[]";
    return "(%s %s %s (%s))"
        .formatted(
            text(quantified.operand(), columns),
            text(operator),
            quantified.all() ? "ALL" : "ANY",
            array);
  }

  private static String text(Facts.Operator operator) {
    return "OPERATOR(" + RelationShape.quote(operator.schema()) + "." + operator.name() + ")";
  }

  /// The operator with a function.
  String operator(Signature function) {
    return text(
        facts
            .operatorOf(function)
            .orElseThrow(() -> NodeForm.notUnderstood("an operator for " + function)));
  }
}
