package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.ArrayOperation;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.sql.NodeTree.Absent;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.type.SqlType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Binds nodes that are written again around their operands, most of which only the server
/// evaluates.
final class ServerNodeBinder {
  private final Facts facts;
  private final Function<Node, Expr> operands;

  /// @param operands binds an operand
  ServerNodeBinder(Facts facts, Function<Node, Expr> operands) {
    this.facts = facts;
    this.operands = operands;
  }

  private List<Expr> bind(List<Node> nodes) {
    return nodes.stream().map(operands).toList();
  }

  /// `ARRAY[…]`.
  Expr array(NodeForm form) {
    SqlType type = SqlType.of(form.oid("array_typeid"), -1, form.oid("array_collid"));
    SqlType element = SqlType.of(form.oid("element_typeid"));
    Expr.Meaning meaning = new ArrayOperation.Constructed(element, form.flag("multidims"));
    List<Expr> elements = bind(form.nodes("elements"));
    List<String> pieces = new ArrayList<>();
    for (int i = 0; i < elements.size(); i++) {
      pieces.add(i == 0 ? "ARRAY[" : ", ");
    }
    String last = "]::" + typeName(type);
    pieces.add(elements.isEmpty() ? "ARRAY[" + last : last);
    return new Expr.Verbatim(pieces, elements, type, meaning);
  }

  /// `x op y`, as it is written.
  Expr operation(NodeForm form, Expr.Call call) {
    requireImmutable(call.function());
    return new Expr.Verbatim(
        List.of("(", " " + operator(form, call.function()) + " ", ")"),
        call.arguments(),
        call.type());
  }

  private String operator(NodeForm form, Signature function) {
    Facts.Operator operator =
        facts
            .operator(form.oid("opno"))
            .orElseThrow(() -> NodeForm.notUnderstood("an operator for " + function));
    return "OPERATOR(%s.%s)".formatted(RelationShape.quote(operator.schema()), operator.name());
  }

  /// `x op ANY (array)`, with an array that is not spelled out.
  Expr quantified(NodeForm form, Signature function, List<Node> arguments) {
    requireImmutable(function);
    int collation = form.oid("inputcollid");
    boolean all = !form.flag("useOr");
    String quantifier = all ? "ALL" : "ANY";
    List<String> pieces =
        List.of("(", " " + operator(form, function) + " " + quantifier + " (", "))");
    return new Expr.Verbatim(
        pieces,
        bind(arguments),
        SqlType.BOOL,
        new ArrayOperation.Compared(function, collation, all));
  }

  /// A call with an array for the last arguments.
  Expr variadic(NodeForm form, Signature function) {
    requireImmutable(function);
    form.oid("inputcollid");
    SqlType type = SqlType.of(form.oid("funcresulttype"), -1, form.oid("funccollid"));
    List<Expr> arguments = bind(form.nodes("args"));
    List<String> pieces = new ArrayList<>();
    for (int i = 0; i < arguments.size(); i++) {
      String before = i == 0 ? name(function) + "(" : ", ";
      pieces.add(before + (i == arguments.size() - 1 ? "VARIADIC " : ""));
    }
    pieces.add(")");
    return new Expr.Verbatim(pieces, arguments, type);
  }

  /// `a[i]`, `a[i][j]`, `a[l:u]`, `a[l:]`.
  Expr subscript(NodeForm form) {
    form.neutral("refassgnexpr");
    SqlType type = SqlType.of(form.oid("refrestype"), -1, form.oid("refcollid"));
    List<Expr> parts = new ArrayList<>();
    List<String> pieces = new ArrayList<>(List.of("(", ")"));
    parts.add(operands.apply(form.node("refexpr")));
    List<NodeTree> upper = form.items("refupperindexpr");
    List<NodeTree> lower = form.items("reflowerindexpr");
    for (int i = 0; i < upper.size(); i++) {
      append(pieces, "[");
      if (!lower.isEmpty()) {
        addBound(lower.get(i), parts, pieces);
        append(pieces, ":");
      }
      addBound(upper.get(i), parts, pieces);
      append(pieces, "]");
    }
    boolean one = lower.isEmpty();
    return new Expr.Verbatim(pieces, parts, type, one ? new ArrayOperation.Subscripted() : null);
  }

  /// One that is left out is that of the array.
  private void addBound(NodeTree bound, List<Expr> parts, List<String> pieces) {
    if (bound instanceof Node given) {
      parts.add(operands.apply(given));
      pieces.add("");
    } else if (!(bound instanceof Absent)) {
      throw NodeForm.notUnderstood("a bound of a slice");
    }
  }

  /// `(row).field`.
  Expr field(NodeForm form) {
    SqlType type =
        SqlType.of(form.oid("resulttype"), form.integer("resulttypmod"), form.oid("resultcollid"));
    Expr row = operands.apply(form.node("arg"));
    String name =
        facts
            .field(row.type().oid(), form.integer("fieldnum"))
            .orElseThrow(
                () -> QueryRejected.notYet("unsupported_type", "a field of a row without a type"));
    return new Expr.Verbatim(List.of("((", ")." + name + ")"), List.of(row), type);
  }

  /// A cast of an array, element by element.
  ///
  /// @param element the type of what is converted
  /// @param conversion of one element
  Expr arrayCast(Expr array, SqlType element, Expr conversion, SqlType type) {
    Expressions.forEach(conversion, ServerNodeBinder::requireLasting);
    boolean limited = type.modifier() >= 0;
    if (limited && !conversion.type().kind().isText()) {
      throw QueryRejected.notYet("unsupported_type", "a cast to an array of a limited type");
    }
    // The four bytes that a modifier counts, and no value has any more.
    String limit = limited ? "(" + (type.modifier() - 4) + ")" : "";
    String name = limited ? typeName(conversion.type()) + limit + "[]" : typeName(type);
    return new Expr.Verbatim(
        List.of("((", ")::" + name + ")"),
        List.of(array),
        type,
        new ArrayOperation.Converted(element, conversion));
  }

  private static void requireLasting(Expr node) {
    if (!isLasting(node)) {
      throw QueryRejected.notYet("stable_expression", "a cast of an array by way of settings");
    }
  }

  private static boolean isLasting(Expr node) {
    if (node instanceof Expr.Call call) {
      return call.function().volatility() == 'i';
    }
    if (node instanceof Expr.TextCast(Expr input, SqlType type)) {
      return !(input instanceof Expr.Timeless)
          && isWrittenAlike(input.type())
          && isWrittenAlike(type);
    }
    return node instanceof Expr.Column
        || node instanceof Expr.Literal
        || node instanceof Expr.Relabel;
  }

  // Whatever the settings are.
  static boolean isWrittenAlike(SqlType type) {
    return switch (type.kind()) {
      case BOOL, INT2, INT4, INT8, NUMERIC, TEXT, VARCHAR, BPCHAR, UUID -> true;
      case FLOAT4, FLOAT8, DATE, TIMESTAMP, TIMESTAMPTZ, INTERVAL, BYTEA, OPAQUE, LABELED -> false;
    };
  }

  static boolean isNamed(Node argument) {
    return NodeForm.tag(argument).equals("NAMEDARGEXPR");
  }

  /// A call in which arguments are named.
  Expr named(NodeForm form, Signature function) {
    requireImmutable(function);
    form.oid("inputcollid");
    SqlType type = SqlType.of(form.oid("funcresulttype"), -1, form.oid("funccollid"));
    List<Expr> arguments = new ArrayList<>();
    List<Integer> places = new ArrayList<>();
    List<String> pieces = new ArrayList<>();
    for (Node argument : form.nodes("args")) {
      String before = pieces.isEmpty() ? name(function) + "(" : ", ";
      if (isNamed(argument)) {
        NodeForm.read(
            argument,
            named -> {
              places.add(named.integer("argnumber"));
              pieces.add(before + RelationShape.quote(named.text("name")) + " => ");
              return arguments.add(operands.apply(named.node("arg")));
            });
      } else {
        pieces.add(before);
        places.add(places.size());
        arguments.add(operands.apply(argument));
      }
    }
    pieces.add(")");
    boolean zeros =
        function.schema().equals("pg_catalog") && function.name().equals("make_interval");
    return new Expr.Verbatim(
        pieces, arguments, type, zeros ? inOrder(function, places, arguments, type) : null);
  }

  /// A call in which arguments stand in order, and those that are left out are 0.
  private static Expr.Meaning inOrder(
      Signature function, List<Integer> places, List<Expr> arguments, SqlType type) {
    List<Expr> all = new ArrayList<>();
    for (int i = 0; i < function.arguments().size(); i++) {
      SqlType wanted = SqlType.of(function.arguments().get(i));
      int place = places.indexOf(i);
      all.add(
          place >= 0
              ? new Expr.Column(place, arguments.get(place).type())
              : new Expr.Literal(wanted.kind().isFloat() ? (Object) 0.0 : (Object) 0L, wanted));
    }
    return new Expr.Paraphrase(new Expr.Call(function, all, type, 0));
  }

  private static String name(Signature function) {
    return RelationShape.quote(function.schema()) + "." + RelationShape.quote(function.name());
  }

  private static void append(List<String> pieces, String text) {
    pieces.set(pieces.size() - 1, pieces.getLast() + text);
  }

  /// `ROW(a, b)`, or of a type.
  Expr row(NodeForm form) {
    SqlType type = SqlType.of(form.oid("row_typeid"));
    List<Node> all = form.nodes("args");
    if (type.oid() == FunctionBinder.RECORD) {
      List<Expr> fields = bind(all);
      List<String> names = new ArrayList<>();
      for (int i = 1; i <= fields.size(); i++) {
        names.add("f" + i);
      }
      return new Expr.Row(names, fields, null, type);
    }
    List<String> names = new ArrayList<>();
    List<Expr> fields = new ArrayList<>();
    for (int i = 0; i < all.size(); i++) {
      Optional<String> name = facts.field(type.oid(), i + 1);
      if (name.isPresent()) {
        names.add(name.get());
        fields.add(operands.apply(all.get(i)));
      }
    }
    return new Expr.Row(names, fields, null, type);
  }

  /// `row IS NULL`, of which the fields are asked, and `row IS NOT DISTINCT FROM NULL`, of which
  /// the
  /// row is.
  static Expr rowTest(Expr row, boolean ofFields, boolean negated) {
    if (ofFields && row instanceof Expr.Row constructed && !constructed.fields().isEmpty()) {
      List<Expr> tests = new ArrayList<>();
      for (Expr field : constructed.fields()) {
        Expr test = new Expr.IsNull(field);
        tests.add(negated ? new Expr.Not(test) : test);
      }
      return tests.size() == 1 ? tests.getFirst() : new Expr.And(tests);
    }
    String test =
        ofFields
            ? negated ? " IS NOT NULL)" : " IS NULL)"
            : negated ? " IS DISTINCT FROM NULL)" : " IS NOT DISTINCT FROM NULL)";
    return new Expr.Verbatim(List.of("(", test), List.of(row), SqlType.BOOL);
  }

  /// `ROW(a, b) < ROW(c, d)`.
  Expr rowComparison(NodeForm form) {
    String operator =
        switch (form.integer(form.has("cmptype") ? "cmptype" : "rctype")) {
          case 1 -> "<";
          case 2 -> "<=";
          case 3 -> "=";
          case 4 -> ">=";
          case 5 -> ">";
          case 6 -> "<>";
          default -> throw NodeForm.notUnderstood("a comparison of rows of another kind");
        };
    List<Integer> operators = form.numbers("opnos");
    List<Integer> collations = form.numbers("inputcollids");
    List<Expr> left = bind(form.nodes("largs"));
    List<Expr> right = bind(form.nodes("rargs"));
    List<Expr> all = new ArrayList<>(left);
    all.addAll(right);
    List<String> pieces = new ArrayList<>();
    for (int i = 0; i < all.size(); i++) {
      pieces.add(i == 0 ? "(ROW(" : i == left.size() ? ") " + operator + " ROW(" : ", ");
    }
    pieces.add("))");
    Expr.@Nullable Meaning meaning =
        RowComparison.of(operators, collations, left, right, facts)
            .map(Expr.Paraphrase::new)
            .orElse(null);
    return new Expr.Verbatim(pieces, all, SqlType.BOOL, meaning);
  }

  /// The operator of what [#rowComparison] has bound.
  static String rowOperator(Expr.Verbatim comparison) {
    String between = comparison.pieces().get(comparison.operands().size() / 2);
    return between.substring(1, between.length() - "ROW(".length()).strip();
  }

  private static void requireImmutable(Signature function) {
    if (function.volatility() != 'i') {
      throw QueryRejected.notYet(
          "stable_expression", "function " + function.schema() + "." + function.name() + "()");
    }
  }

  private String typeName(SqlType type) {
    return facts
        .typeName(type.oid())
        .orElseThrow(() -> NodeForm.notUnderstood("type " + type.oid()));
  }
}
