package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.sql.NodeTree.Token;
import io.pgtrickle.dvm.type.ArrayTypes;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import java.util.List;
import java.util.function.Function;

/// Binds the expressions of SQL/JSON, which the server evaluates, by writing them again around
/// their
/// operands.
final class JsonBinder {
  private static final int JSON = 114;
  private static final int JSONB = 3802;

  private final Function<Node, Expr> operands;
  private final Pieces pieces;

  /// @param operands binds an operand
  JsonBinder(Facts facts, Function<Node, Expr> operands) {
    this.operands = operands;
    this.pieces = new Pieces(facts);
  }

  /// What a document is made of: only what it was converted to is evaluated.
  Expr value(NodeForm form) {
    readFormat(form.node("format"));
    // As it was written.
    form.value("raw_expr");
    return operands.apply(form.node("formatted_expr"));
  }

  /// `x IS JSON`.
  Expr test(NodeForm form) {
    form.neutral("format");
    write("(");
    write(operands.apply(form.node("expr")));
    write(" IS JSON");
    write(
        switch (form.integer("item_type")) {
          case 0 -> "";
          case 1 -> " OBJECT";
          case 2 -> " ARRAY";
          case 3 -> " SCALAR";
          default -> throw NodeForm.notUnderstood("IS JSON of another kind");
        });
    write(form.flag("unique_keys") ? " WITH UNIQUE KEYS)" : ")");
    return written(SqlType.BOOL);
  }

  /// `JSON_OBJECT(…)`, `JSON_ARRAY(…)`, `JSON(…)`, `JSON_SCALAR(…)`, `JSON_SERIALIZE(…)`; an
  /// aggregate is a call of its function.
  ///
  /// @param coerced binds a conversion of a value
  Expr constructor(NodeForm form, Coercion coerced) {
    int kind = form.integer("type");
    SqlType type = returned(form.node("returning")).type();
    requireLasting(type);
    boolean absent = form.flag("absent_on_null");
    boolean unique = form.flag("unique");
    List<Node> parts = form.nodes("args");
    if (kind == 3 || kind == 4) {
      Expr aggregated = operands.apply(form.node("func"));
      return form.isAbsent("coercion") ? aggregated : coerced.of(aggregated, form.node("coercion"));
    }
    form.neutral("func");
    // The type that is returned says it.
    form.value("coercion");
    switch (kind) {
      case 1 -> {
        write("JSON_OBJECT(");
        for (int i = 0; i < parts.size(); i++) {
          write(i == 0 ? "" : i % 2 == 0 ? ", " : " : ");
          write(operands.apply(parts.get(i)));
        }
        write(parts.isEmpty() ? "" : absent ? " ABSENT ON NULL" : " NULL ON NULL");
        write(unique ? " WITH UNIQUE KEYS" : "");
        write(" RETURNING " + name(type));
      }
      case 2 -> {
        write("JSON_ARRAY(");
        for (int i = 0; i < parts.size(); i++) {
          write(i == 0 ? "" : ", ");
          write(operands.apply(parts.get(i)));
        }
        write(parts.isEmpty() ? "" : absent ? " ABSENT ON NULL" : " NULL ON NULL");
        write(" RETURNING " + name(type));
      }
      case 5, 6, 7 -> {
        write(kind == 5 ? "JSON(" : kind == 6 ? "JSON_SCALAR(" : "JSON_SERIALIZE(");
        write(operands.apply(parts.getFirst()));
        write(unique ? " WITH UNIQUE KEYS" : "");
        write(kind == 7 ? " RETURNING " + name(type) : "");
      }
      default -> throw NodeForm.notUnderstood("an SQL/JSON constructor of another kind");
    }
    write(")");
    return written(type);
  }

  /// Binds a conversion, of which the value is a placeholder.
  interface Coercion {
    Expr of(Expr value, Node conversion);
  }

  /// `JSON_EXISTS(…)`, `JSON_QUERY(…)`, `JSON_VALUE(…)`.
  Expr query(NodeForm form) {
    int operation = form.integer("op");
    form.neutral("column_name");
    readFormat(form.node("format"));
    // The type that is returned says them.
    form.flag("use_io_coercion");
    form.flag("use_json_coercion");
    Returned returned = returned(form.node("returning"));
    SqlType type =
        SqlType.of(returned.type().oid(), returned.type().modifier(), form.oid("collation"));
    requireLasting(type);
    write(
        switch (operation) {
          case 0 -> "JSON_EXISTS(";
          case 1 -> "JSON_QUERY(";
          case 2 -> "JSON_VALUE(";
          default -> throw NodeForm.notUnderstood("an SQL/JSON query of another kind");
        });
    write(operands.apply(form.node("formatted_expr")));
    write(", ");
    write(operands.apply(form.node("path_spec")));
    passing(form.items("passing_names"), form.nodes("passing_values"));
    boolean byDefault = operation == 0 || (operation == 1 && returned.format() == 0);
    write(byDefault ? "" : " RETURNING " + name(type));
    write(wrapper(form));
    write(form.flag("omit_quotes") && operation == 1 ? " OMIT QUOTES" : "");
    behavior(form, "on_empty", type, " ON EMPTY");
    behavior(form, "on_error", type, " ON ERROR");
    write(")");
    return written(type);
  }

  static String wrapper(NodeForm query) {
    return switch (query.integer("wrapper")) {
      case 0 -> "";
      case 1 -> " WITHOUT WRAPPER";
      case 2 -> " WITH CONDITIONAL WRAPPER";
      case 3 -> " WITH UNCONDITIONAL WRAPPER";
      default -> throw NodeForm.notUnderstood("a wrapper of another kind");
    };
  }

  void passing(List<NodeTree> names, List<Node> values) {
    for (int i = 0; i < values.size(); i++) {
      if (!(names.get(i) instanceof Token(String name))) {
        throw NodeForm.notUnderstood("the name of a value for a path");
      }
      write(i == 0 ? " PASSING " : ", ");
      write(operands.apply(values.get(i)));
      write(" AS " + RelationShape.quote(name));
    }
  }

  void behavior(NodeForm query, String field, SqlType type, String when) {
    if (query.isAbsent(field)) {
      return;
    }
    NodeForm.read(
        query.node(field),
        form -> {
          int kind = form.integer("btype");
          form.flag("coerce");
          boolean given = !form.isAbsent("expr");
          if (kind == 8 && given) {
            write(" DEFAULT ");
            write(unlimited(operands.apply(form.node("expr")), type));
          } else {
            // What the word stands for.
            form.value("expr");
            write(word(kind));
          }
          write(when);
          return kind;
        });
  }

  // The server limits the value to the type again.
  private static Expr unlimited(Expr value, SqlType type) {
    return type.modifier() >= 0
            && value instanceof Expr.Call call
            && call.arguments().size() > 1
            && call.arguments().get(1) instanceof Expr.Literal(Long limit, var _)
            && limit == type.modifier()
        ? call.arguments().getFirst()
        : value;
  }

  private static String word(int kind) {
    return switch (kind) {
      case 0 -> " NULL";
      case 1 -> " ERROR";
      case 2, 6 -> " EMPTY ARRAY";
      case 3 -> " TRUE";
      case 4 -> " FALSE";
      case 5 -> " UNKNOWN";
      case 7 -> " EMPTY OBJECT";
      default -> throw NodeForm.notUnderstood("ON EMPTY or ON ERROR of another kind");
    };
  }

  /// @param format 0 where nobody said one
  record Returned(SqlType type, int format) {}

  static Returned returned(Node returning) {
    return NodeForm.read(
        returning,
        form -> {
          int format = readFormat(form.node("format"));
          return new Returned(SqlType.of(form.oid("typid"), form.integer("typmod"), 0), format);
        });
  }

  static int readFormat(Node format) {
    return NodeForm.read(
        format,
        form -> {
          form.neutral("encoding", "unsupported_function", "SQL/JSON with an ENCODING");
          return form.integer("format_type");
        });
  }

  static void requireLasting(SqlType type) {
    if (!isLasting(type)) {
      throw QueryRejected.notYet(
          "stable_expression", "an SQL/JSON expression of a date, a time or a type of that kind");
    }
  }

  /// Whether a text of a document means the same for ever as a value of a type: it may name the
  /// clock.
  static boolean isLasting(SqlType type) {
    int one = ArrayTypes.elementOf(type.oid()).orElse(type.oid());
    boolean known = TypeKind.of(one) != TypeKind.OPAQUE || one == JSON || one == JSONB;
    return known && !KnownTypes.hasClockWords(one);
  }

  String name(SqlType type) {
    return pieces.name(type);
  }

  void write(String text) {
    pieces.write(text);
  }

  void write(Expr operand) {
    pieces.write(operand);
  }

  /// What was written.
  Pieces pieces() {
    return pieces;
  }

  private Expr written(SqlType type) {
    return pieces.value(type);
  }
}
