package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.FunctionLibrary;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.type.ArrayTypes;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Translates scalar nodes of an analyzed tree to [Expr], node by node, without inferring anything.
final class ExpressionBinder {
  /// What the names of an expression mean where it stands.
  interface Environment {
    /// The column of the input that a variable denotes.
    Expr variable(Variable variable);

    /// A meaning for a whole subexpression: a group's value, an aggregate's result.
    default Optional<Expr> computed(Node node) {
      return Optional.empty();
    }
  }

  private final Facts facts;
  private final Environment environment;

  /// Values of the operands of the simple CASEs and array coercions around the current node.
  private final Deque<Expr> operands = new ArrayDeque<>();

  ExpressionBinder(Facts facts, Environment environment) {
    this.facts = facts;
    this.environment = environment;
  }

  Expr bind(Node node) {
    Optional<Expr> computed = environment.computed(node);
    return computed.isPresent() ? computed.get() : NodeForm.read(node, this::expression);
  }

  private List<Expr> bind(List<Node> nodes) {
    return nodes.stream().map(this::bind).toList();
  }

  private Expr expression(NodeForm form) {
    return switch (form.tag()) {
      case "VAR" -> environment.variable(Variable.read(form));
      case "CONST" -> constant(form);
      case "OPEXPR" -> operation(form);
      case "DISTINCTEXPR" -> new Expr.IsDistinct(operatorCall(form));
      case "NULLIFEXPR" -> nullIf(form);
      case "FUNCEXPR" -> functionCall(form);
      case "SCALARARRAYOPEXPR" -> quantified(form);
      case "BOOLEXPR" -> logic(form);
      case "CASE" -> caseOf(form);
      case "CASETESTEXPR" -> operand(form);
      case "COALESCE" -> coalesce(form);
      case "MINMAX" -> extreme(form);
      case "NULLTEST" -> nullTest(form);
      case "BOOLEANTEST" -> truthTest(form);
      case "RELABELTYPE" -> relabel(form);
      case "COERCEVIAIO" -> textCast(form);
      case "COLLATE" -> collate(form);
      case "ARRAY" -> server().array(form);
      case "SUBSCRIPTINGREF" -> server().subscript(form);
      case "FIELDSELECT" -> server().field(form);
      case "ROW" -> server().row(form);
      case "ARRAYCOERCEEXPR" -> arrayCast(form);
      case "ROWCOMPARE", "ROWCOMPAREEXPR" -> server().rowComparison(form);
      case "SQLVALUEFUNCTION" -> clock(form);
      case "JSONVALUEEXPR" -> json().value(form);
      case "JSONISPREDICATE" -> json().test(form);
      case "JSONCONSTRUCTOREXPR" -> json().constructor(form, this::converted);
      case "JSONEXPR" -> json().query(form);
      default -> throw Unsupported.expression(form);
    };
  }

  private Expr constant(NodeForm form) {
    SqlType type =
        SqlType.of(form.oid("consttype"), form.integer("consttypmod"), form.oid("constcollid"));
    if (form.flag("constisnull")) {
      form.neutral("constvalue");
      return new Expr.Literal(null, type);
    }
    if (type.kind() == TypeKind.OPAQUE) {
      return OpaqueConstant.of(form.datum("constvalue"), type, facts);
    }
    return DatumImage.literal(form.datum("constvalue"), type);
  }

  // The function of `#>` takes any number of arguments, and called it would want to be told.
  private Expr operation(NodeForm form) {
    Expr.Call call = operatorCall(form);
    boolean variadic = call.function().name().matches("jsonb?_extract_path(_text)?");
    boolean known = FunctionLibrary.find(call.function()).isPresent();
    return variadic && !known ? server().operation(form, call) : call;
  }

  private Expr clock(NodeForm form) {
    Expr.Reading reading =
        switch (form.integer("op")) {
          case 0 -> Expr.Reading.CURRENT_DATE;
          case 3 -> Expr.Reading.CURRENT_TIMESTAMP;
          case 7 -> Expr.Reading.LOCALTIMESTAMP;
          default -> throw Unsupported.expression(form);
        };
    Expr clock = new Expr.Clock(reading);
    form.integer("typmod");
    if (form.oid("type") != clock.type().oid()) {
      throw NodeForm.notUnderstood("a time of another type");
    }
    return clock;
  }

  private static Optional<Expr> clock(Signature function) {
    if (!function.schema().equals("pg_catalog") || !function.arguments().isEmpty()) {
      return Optional.empty();
    }
    return switch (function.name()) {
      case "now" -> Optional.of(new Expr.Clock(Expr.Reading.NOW));
      case "transaction_timestamp" ->
          Optional.of(new Expr.Clock(Expr.Reading.TRANSACTION_TIMESTAMP));
      case "statement_timestamp" -> Optional.of(new Expr.Clock(Expr.Reading.STATEMENT_TIMESTAMP));
      default -> Optional.empty();
    };
  }

  private Expr.Call operatorCall(NodeForm form) {
    form.neutral("opretset", "unsupported_clause", "a set-returning operator");
    Signature function = operatorFunction(form);
    SqlType type = resultType(form.oid("opresulttype"), form.oid("opcollid"));
    return new Expr.Call(function, bind(form.nodes("args")), type, form.oid("inputcollid"));
  }

  private Expr nullIf(NodeForm form) {
    form.neutral("opretset", "unsupported_clause", "a set-returning operator");
    SqlType type = resultType(form.oid("opresulttype"), form.oid("opcollid"));
    Signature function = operatorFunction(form);
    List<Expr> arguments = bind(form.nodes("args", 2));
    Expr.Call equality = new Expr.Call(function, arguments, SqlType.BOOL, form.oid("inputcollid"));
    return new Expr.NullIf(equality, type);
  }

  /// A call whose result is rows.
  ///
  /// @param set whether these are any number; otherwise one
  record Called(Expr.Call call, boolean set) {}

  /// A function where rows are expected: in FROM, or a set-returning one in a SELECT list.
  Called called(Node node) {
    return NodeForm.read(
        node,
        form -> {
          if (!form.tag().equals("FUNCEXPR")) {
            throw QueryRejected.notYet(
                "unsupported_clause", "an expression in FROM that is no function");
          }
          boolean set = form.flag("funcretset");
          return new Called(call(form, function(form.oid("funcid"))), set);
        });
  }

  private Expr functionCall(NodeForm form) {
    Signature function = function(form.oid("funcid"));
    form.neutral(
        "funcretset",
        "unsupported_clause",
        "set-returning function " + function.name() + "() in this place");
    if (form.flag("funcvariadic")) {
      return server().variadic(form, function);
    }
    if (form.nodes("args").stream().anyMatch(ServerNodeBinder::isNamed)) {
      return server().named(form, function);
    }
    Expr.Call call = call(form, function);
    return clock(function).orElse(call);
  }

  private Expr.Call call(NodeForm form, Signature function) {
    form.neutral("funcvariadic", "unsupported_function", "a call with VARIADIC");
    SqlType type = resultType(form.oid("funcresulttype"), form.oid("funccollid"));
    List<Expr> arguments = bind(form.nodes("args"));
    int collation = form.oid("inputcollid");
    return new Expr.Call(function, arguments, type, collation);
  }

  private Expr quantified(NodeForm form) {
    Signature function = operatorFunction(form);
    List<Node> arguments = form.nodes("args", 2);
    if (!isSpelledOut(arguments.getLast(), isOfEnums(function))) {
      return server().quantified(form, function, arguments);
    }
    Expr operand = bind(arguments.getFirst());
    List<Expr> elements = elements(arguments.getLast());
    return new Expr.Quantified(
        operand, function, form.oid("inputcollid"), !form.flag("useOr"), elements);
  }

  private ServerNodeBinder server() {
    return new ServerNodeBinder(facts, this::bind);
  }

  private JsonBinder json() {
    return new JsonBinder(facts, this::bind);
  }

  private Expr converted(Expr value, Node conversion) {
    operands.push(value);
    Expr converted = bind(conversion);
    operands.pop();
    return converted;
  }

  private static boolean isOfEnums(Signature function) {
    return function.schema().equals("pg_catalog") && function.name().matches("enum_(eq|ne)");
  }

  /// @param enums whether the elements are labels
  private static boolean isSpelledOut(Node array, boolean enums) {
    NodeForm form = NodeForm.glance(array);
    return switch (form.tag()) {
      case "ARRAY" ->
          !form.flag("multidims") && (enums || hasKnownElements(form.oid("array_typeid")));
      case "CONST" ->
          !form.flag("constisnull")
              && hasKnownElements(form.oid("consttype"))
              && DatumImage.dimensions(form.datum("constvalue")) < 2;
      case "RELABELTYPE", "ARRAYCOERCEEXPR" -> isSpelledOut(form.node("arg"), false);
      default -> false;
    };
  }

  private static boolean hasKnownElements(int arrayType) {
    return ArrayTypes.elementOf(arrayType).isPresent();
  }

  /// The elements of an array that is spelled out: a constructor, a constant, or either one cast.
  private List<Expr> elements(Node array) {
    return NodeForm.read(
        array,
        form ->
            switch (form.tag()) {
              case "ARRAY" -> constructorElements(form);
              case "CONST" -> constantElements(form);
              case "RELABELTYPE" -> relabelledElements(form);
              case "ARRAYCOERCEEXPR" -> coercedElements(form);
              default ->
                  throw QueryRejected.notYet(
                      "unsupported_function", "ANY or ALL over a computed array");
            });
  }

  private List<Expr> constructorElements(NodeForm form) {
    form.neutral("multidims", "unsupported_type", "a multidimensional array");
    SqlType element = SqlType.of(form.oid("element_typeid"));
    int array = form.oid("array_typeid");
    if (element.kind() != TypeKind.OPAQUE) {
      requireElementType(array, element.oid());
    }
    form.oid("array_collid");
    return bind(form.nodes("elements"));
  }

  private List<Expr> constantElements(NodeForm form) {
    int elementType =
        ArrayTypes.elementOf(form.oid("consttype"))
            .orElseThrow(
                () -> QueryRejected.notYet("unsupported_type", "an array constant of this type"));
    if (form.flag("constisnull")) {
      throw QueryRejected.notYet("unsupported_type", "ANY or ALL over a NULL array");
    }
    form.integer("consttypmod");
    SqlType type = SqlType.of(elementType, -1, form.oid("constcollid"));
    return List.copyOf(DatumImage.elements(form.datum("constvalue"), type));
  }

  private List<Expr> relabelledElements(NodeForm form) {
    int target =
        ArrayTypes.elementOf(form.oid("resulttype"))
            .orElseThrow(
                () -> QueryRejected.notYet("unsupported_type", "a cast to an array of this type"));
    SqlType type = SqlType.of(target, form.integer("resulttypmod"), form.oid("resultcollid"));
    List<Expr> relabelled = new ArrayList<>();
    for (Expr element : elements(form.node("arg"))) {
      relabelled.add(relabelled(element, type));
    }
    return relabelled;
  }

  private List<Expr> coercedElements(NodeForm form) {
    Node conversion = form.node("elemexpr");
    form.oid("resulttype");
    form.integer("resulttypmod");
    form.oid("resultcollid");
    List<Expr> coerced = new ArrayList<>();
    for (Expr element : elements(form.node("arg"))) {
      operands.push(element);
      coerced.add(bind(conversion));
      operands.pop();
    }
    return coerced;
  }

  private Expr arrayCast(NodeForm form) {
    SqlType type =
        SqlType.of(form.oid("resulttype"), form.integer("resulttypmod"), form.oid("resultcollid"));
    Expr array = bind(form.node("arg"));
    SqlType element =
        ArrayTypes.elementOf(array.type().oid())
            .map(SqlType::of)
            .orElseThrow(
                () -> QueryRejected.notYet("unsupported_type", "a cast of an array of this type"));
    operands.push(new Expr.Column(0, element));
    Expr conversion = bind(form.node("elemexpr"));
    operands.pop();
    return server().arrayCast(array, element, conversion, type);
  }

  private static void requireElementType(int arrayType, int elementType) {
    if (ArrayTypes.elementOf(arrayType).filter(known -> known == elementType).isEmpty()) {
      throw QueryRejected.notYet("unsupported_type", "an array of type " + arrayType);
    }
  }

  private Expr logic(NodeForm form) {
    return switch (form.text("boolop")) {
      case "and" -> new Expr.And(bind(form.nodes("args")));
      case "or" -> new Expr.Or(bind(form.nodes("args")));
      case "not" -> new Expr.Not(bind(form.nodes("args", 1).getFirst()));
      default -> throw NodeForm.notUnderstood("a logical operator");
    };
  }

  /// A simple CASE becomes a searched one: the server has already written each WHEN as a
  /// comparison with a placeholder for the operand.
  private Expr caseOf(NodeForm form) {
    SqlType type = resultType(form.oid("casetype"), form.oid("casecollid"));
    boolean searched = form.isAbsent("arg");
    if (!searched) {
      operands.push(bind(form.node("arg")));
    }
    List<Expr.When> branches = new ArrayList<>();
    for (Node when : form.nodes("args")) {
      branches.add(
          NodeForm.read(
              when,
              branch -> new Expr.When(bind(branch.node("expr")), bind(branch.node("result")))));
    }
    if (!searched) {
      operands.pop();
    }
    @Nullable Expr otherwise = form.isAbsent("defresult") ? null : bind(form.node("defresult"));
    return new Expr.Case(branches, otherwise, type);
  }

  private Expr operand(NodeForm form) {
    Expr operand = operands.peek();
    if (operand == null || operand.type().oid() != form.oid("typeId")) {
      throw NodeForm.notUnderstood("a placeholder outside of a CASE");
    }
    form.integer("typeMod");
    form.oid("collation");
    return operand;
  }

  private Expr coalesce(NodeForm form) {
    SqlType type = resultType(form.oid("coalescetype"), form.oid("coalescecollid"));
    return new Expr.Coalesce(bind(form.nodes("args")), type);
  }

  private Expr extreme(NodeForm form) {
    SqlType type = resultType(form.oid("minmaxtype"), form.oid("minmaxcollid"));
    int inputCollation = form.oid("inputcollid");
    boolean greatest =
        switch (form.integer("op")) {
          case 0 -> true;
          case 1 -> false;
          default -> throw NodeForm.notUnderstood("GREATEST or LEAST of another kind");
        };
    if (inputCollation != type.collation()) {
      throw NodeForm.notUnderstood("GREATEST or LEAST under two collations");
    }
    return new Expr.Extreme(greatest, bind(form.nodes("args")), type);
  }

  private Expr nullTest(NodeForm form) {
    Expr operand = bind(form.node("arg"));
    boolean negated =
        switch (form.integer("nulltesttype")) {
          case 0 -> false;
          case 1 -> true;
          default -> throw NodeForm.notUnderstood("a test for NULL of another kind");
        };
    if (form.flag("argisrow") || operand instanceof Expr.Row) {
      return ServerNodeBinder.rowTest(operand, form.flag("argisrow"), negated);
    }
    Expr test = new Expr.IsNull(operand);
    return negated ? new Expr.Not(test) : test;
  }

  private Expr truthTest(NodeForm form) {
    Expr operand = bind(form.node("arg"));
    int kind = form.integer("booltesttype");
    Expr.Truth truth =
        switch (kind) {
          case 0, 1 -> Expr.Truth.TRUE;
          case 2, 3 -> Expr.Truth.FALSE;
          case 4, 5 -> Expr.Truth.UNKNOWN;
          default -> throw NodeForm.notUnderstood("a truth test of another kind");
        };
    Expr test = new Expr.IsTruth(operand, truth);
    return kind % 2 == 0 ? test : new Expr.Not(test);
  }

  private Expr relabel(NodeForm form) {
    SqlType type =
        SqlType.of(form.oid("resulttype"), form.integer("resulttypmod"), form.oid("resultcollid"));
    return relabelled(bind(form.node("arg")), type);
  }

  private static Expr relabelled(Expr input, SqlType type) {
    return input.type().equals(type) ? input : new Expr.Relabel(input, type);
  }

  private Expr textCast(NodeForm form) {
    SqlType type = resultType(form.oid("resulttype"), form.oid("resultcollid"));
    Expr input = bind(form.node("arg"));
    boolean clock = input.type().kind().isText() && KnownTypes.hasClockWords(type.oid());
    return new Expr.TextCast(clock ? new Expr.Timeless(input) : input, type);
  }

  private Expr collate(NodeForm form) {
    Expr input = bind(form.node("arg"));
    SqlType type = input.type();
    return relabelled(input, SqlType.of(type.oid(), type.modifier(), form.oid("collOid")));
  }

  private static SqlType resultType(int type, int collation) {
    return SqlType.of(type, -1, collation);
  }

  /// The function behind an operator; where the tree names it too, both must agree.
  private Signature operatorFunction(NodeForm form) {
    int oid = form.oid("opno");
    int written = form.oid("opfuncid");
    Facts.Operator operator =
        facts
            .operator(oid)
            .orElseThrow(() -> QueryRejected.notYet("unsupported_function", "operator " + oid));
    if (written != 0 && written != operator.function()) {
      throw NodeForm.notUnderstood("operator " + operator.name() + " with another function");
    }
    return function(operator.function());
  }

  private Signature function(int oid) {
    Signature function =
        facts
            .function(oid)
            .orElseThrow(() -> QueryRejected.notYet("unsupported_function", "function " + oid));
    if (function.volatility() == 'v') {
      throw QueryRejected.unsupported(
          "volatile_function",
          "function " + function.schema() + "." + function.name() + "()",
          "it is volatile, so that the same row may give another result");
    }
    return function;
  }
}
