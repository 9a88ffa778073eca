package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.sql.Fingerprint.Output;
import io.pgtrickle.dvm.sql.NodeTree.Absent;
import io.pgtrickle.dvm.sql.NodeTree.Datum;
import io.pgtrickle.dvm.sql.NodeTree.Items;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.sql.NodeTree.Numbers;
import io.pgtrickle.dvm.sql.NodeTree.Token;
import io.pgtrickle.dvm.type.ArrayTypes;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.type.TypeKind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Writes scalar nodes of a tree in a normal form with variables resolved.
///
/// Most nodes are written field by field, whatever they are. Normalized is only what SQL lets one
/// write in two ways: an operator and its function, `NOT … IS NULL` and `IS NOT NULL`, simple and
/// searched CASE, nested ANDs, an array constant and a constructor, a cast outside and inside of an
/// array.
final class FingerprintText {
  /// What names mean.
  interface Names {
    Output column(Variable variable, FingerprintText text);

    Output subquery(NodeForm form, FingerprintText text);

    /// The numbers of the columns that a whole row has.
    List<Integer> attributes(Variable row);

    /// Which calls a set-returning one outside of FROM goes in step with.
    String together(Output call);

    /// How the window of a number is partitioned, sorted and framed.
    String window(int reference, FingerprintText text);
  }

  /// Fields that name the type of a node's value.
  private static final List<String> TYPE_FIELDS =
      List.of(
          "vartype",
          "consttype",
          "opresulttype",
          "funcresulttype",
          "aggtype",
          "wintype",
          "resulttype",
          "casetype",
          "coalescetype",
          "minmaxtype",
          "array_typeid",
          "refrestype");

  private static final List<String> COLLATION_FIELDS =
      List.of(
          "varcollid",
          "constcollid",
          "opcollid",
          "funccollid",
          "aggcollid",
          "wincollid",
          "resultcollid",
          "casecollid",
          "coalescecollid",
          "minmaxcollid",
          "array_collid",
          "refcollid",
          "collation",
          "collOid");

  /// Modifiers are implied by what is written; deparsing loses those that change nothing.
  private static final Set<String> UNIMPORTANT = Set.of("resulttypmod");

  private static final int JSON = 114;

  private static final int LONGEST_NOTED = 2_000;

  private static final String CONSTANT = "constant ";

  static final String TRUE = CONSTANT + "16 " + shown(new Expr.Literal(true, SqlType.BOOL));

  private final Facts facts;
  private final Names names;
  private final Set<String> expressions;
  private final Deque<Output> operands = new ArrayDeque<>();

  FingerprintText(Facts facts, Names names, Set<String> expressions) {
    this.facts = facts;
    this.names = names;
    this.expressions = expressions;
  }

  // Every subexpression contains those inside of it: written out, those of a long chain would be as
  // much as the square of its length.
  private void note(String expression) {
    expressions.add(
        expression.length() <= LONGEST_NOTED ? expression : Fingerprint.digest(expression));
  }

  static String call(int function, int collation, List<String> arguments) {
    return "call " + function + (collation == 0 ? "" : " collate " + collation) + arguments;
  }

  static String relabel(int type, int collation, String input) {
    return "relabel " + type + " " + collation + " [" + input + "]";
  }

  /// The conjuncts of a condition, of which the constant TRUE is none.
  List<String> conjuncts(Node condition) {
    List<String> conjuncts = new ArrayList<>();
    for (Node operand : operandsOf(condition, "and")) {
      String text = output(operand).text();
      if (!text.equals(TRUE)) {
        conjuncts.add(text);
      }
    }
    return conjuncts;
  }

  /// A call whose result is rows.
  Output call(Node node) {
    NodeForm form = NodeForm.glance(node);
    if (!form.tag().equals("FUNCEXPR")) {
      return output(node);
    }
    String text = call(form.oid("funcid"), form.oid("inputcollid"), arguments(form));
    note(text);
    return new Output(text, form.oid("funcresulttype"), form.oid("funccollid"));
  }

  Output output(Node given) {
    Node node = RowText.perField(given, names);
    NodeForm form = NodeForm.glance(node);
    if (form.tag().equals("VAR")) {
      return names.column(Variable.of(node), this);
    }
    if (form.tag().equals("ROW")) {
      return row(form, List.of());
    }
    Optional<RowText> row = RowText.of(form);
    if (row.isPresent()) {
      return row(row.get());
    }
    if (form.tag().equals("SUBLINK")) {
      Output answer = names.subquery(form, this);
      note(answer.text());
      return answer;
    }
    if (form.tag().equals("PARAM")) {
      String column = "column " + form.integer("paramid") + " of the subquery";
      return new Output(column, form.oid("paramtype"), form.oid("paramcollid"));
    }
    if (form.tag().equals("CASETESTEXPR")) {
      return operands.element();
    }
    if (form.tag().equals("JSONVALUEEXPR")) {
      return output(form.node("formatted_expr"));
    }
    if (form.tag().equals("JSONCONSTRUCTOREXPR") && !form.isAbsent("func")) {
      return aggregated(form);
    }
    if (SetReturning.isCall(node) || SetReturning.isField(node)) {
      boolean whole = SetReturning.isCall(node);
      Output call = call(whole ? node : form.node("arg"));
      return new Output(
          UnfoldedText.column(whole ? 1 : form.integer("fieldnum"), call, names.together(call)),
          whole ? call.type() : form.oid("resulttype"),
          whole ? call.collation() : form.oid("resultcollid"));
    }
    if (form.tag().equals("COLLATE")) {
      return collated(form);
    }
    String text = written(node, form);
    if (!text.startsWith(CONSTANT)) {
      note(text);
    }
    int type =
        form.has("returning")
            ? NodeForm.glance(form.node("returning")).oid("typid")
            : first(form, TYPE_FIELDS, 16);
    return new Output(text, type, first(form, COLLATION_FIELDS, 0));
  }

  // What is collated is read once: it may be collated itself, and that many times.
  private Output collated(NodeForm form) {
    Output input = output(form.node("arg"));
    int collation = form.oid("collOid");
    String text = relabelled(input, input.type(), collation);
    if (!text.startsWith(CONSTANT)) {
      note(text);
    }
    return new Output(text, input.type(), collation);
  }

  /// An aggregate of SQL/JSON is one like others, and a conversion.
  private Output aggregated(NodeForm form) {
    Output document = output(form.node("func"));
    if (form.isAbsent("coercion")) {
      return document;
    }
    operands.push(document);
    Output converted = output(form.node("coercion"));
    operands.pop();
    return converted;
  }

  /// A row that is constructed under conditions.
  private Output row(NodeForm form, List<String> conditions) {
    int type = form.oid("row_typeid");
    List<Node> all = form.nodes("args");
    List<String> fields = new ArrayList<>();
    for (int i = 0; i < all.size(); i++) {
      // One that was dropped from the type is written as a NULL.
      if (type == FunctionBinder.RECORD || facts.field(type, i + 1).isPresent()) {
        fields.add(output(all.get(i)).text());
      }
    }
    return RowText.row(type, form.items("colnames"), fields, conditions);
  }

  private Output row(RowText row) {
    List<String> conditions = row.condition().map(this::conjuncts).orElse(List.of());
    if (row.fields().isEmpty()) {
      return row(NodeForm.glance(row.constructor()), conditions);
    }
    return RowText.row(
        FunctionBinder.RECORD,
        row.names(),
        row.fields().stream().map(field -> output(field).text()).toList(),
        conditions);
  }

  private static int first(NodeForm form, List<String> fields, int otherwise) {
    for (String field : fields) {
      if (form.has(field)) {
        return form.oid(field);
      }
    }
    return otherwise;
  }

  private String written(Node node, NodeForm form) {
    return switch (form.tag()) {
      case "CONST" -> constant(form);
      case "OPEXPR" -> call(operatorFunction(form), form.oid("inputcollid"), arguments(form));
      case "FUNCEXPR" -> call(form.oid("funcid"), form.oid("inputcollid"), arguments(form));
      case "BOOLEXPR" -> logic(node, form);
      case "NULLTEST" -> {
        boolean negated = form.integer("nulltesttype") == 1;
        // Of a row, neither is the negation of the other.
        yield form.flag("argisrow")
            ? "fields null " + negated + " [" + arg(form) + "]"
            : negated(negated, "null [" + arg(form) + "]");
      }
      case "BOOLEANTEST" -> {
        int kind = form.integer("booltesttype");
        yield negated(kind % 2 == 1, "truth " + kind / 2 + " [" + arg(form) + "]");
      }
      case "RELABELTYPE" -> {
        Output input = output(form.node("arg"));
        yield relabelled(input, form.oid("resulttype"), form.oid("resultcollid"));
      }
      case "CASE" -> caseOf(form);
      case "SCALARARRAYOPEXPR" -> quantified(form);
      case "ARRAYCOERCEEXPR" -> arrayCast(form);
      case "GROUPINGFUNC" ->
          "grouping "
              + NodeForm.glance(node).nodes("args").stream()
                  .map(argument -> output(argument).text())
                  .toList();
      case "AGGREF" ->
          fieldByField(node, form.tag())
              + " sorted "
              + form.nodes("aggorder").stream().map(FingerprintText::sorting).toList();
      case "WINDOWFUNC" ->
          "window function %s collate %s star %s %s filter %s over %s"
              .formatted(
                  form.oid("winfnoid"),
                  form.oid("inputcollid"),
                  form.flag("winstar"),
                  arguments(form),
                  value(form.value("aggfilter")),
                  names.window(form.integer("winref"), this));
      case "JSONCONSTRUCTOREXPR", "JSONEXPR" -> {
        operands.push(new Output("the document", JSON, 0));
        String text = fieldByField(node, form.tag());
        operands.pop();
        yield text;
      }
      case "TABLEFUNC" -> {
        operands.push(new Output("the document", JSON, 0));
        String text = fieldByField(node, form.tag());
        operands.pop();
        yield text;
      }
      default -> fieldByField(node, form.tag());
    };
  }

  private static String sorting(Node clause) {
    NodeForm form = NodeForm.glance(clause);
    return form.integer("tleSortGroupRef")
        + " by "
        + form.oid("sortop")
        + " nulls first "
        + form.flag("nulls_first");
  }

  private static String relabelled(Output input, int type, int collation) {
    // A constant is the same under every collation; what compares it names its own.
    boolean alike = input.collation() == collation || input.text().startsWith(CONSTANT);
    return input.type() == type && alike ? input.text() : relabel(type, collation, input.text());
  }

  private String negated(boolean negated, String text) {
    if (!negated) {
      return text;
    }
    note(text);
    return "not [" + text + "]";
  }

  private String arg(NodeForm form) {
    return output(form.node("arg")).text();
  }

  private List<String> arguments(NodeForm form) {
    return form.nodes("args").stream().map(argument -> output(argument).text()).toList();
  }

  private int operatorFunction(NodeForm form) {
    int operator = form.oid("opno");
    return facts
        .operator(operator)
        .map(Facts.Operator::function)
        .orElseThrow(() -> NodeForm.notUnderstood("operator " + operator));
  }

  private static String constant(NodeForm form) {
    int type = form.oid("consttype");
    String prefix = CONSTANT + type + " ";
    if (form.flag("constisnull")) {
      return prefix + "null";
    }
    Datum datum = form.datum("constvalue");
    if (TypeKind.of(type) == TypeKind.OPAQUE) {
      return prefix + datum.image();
    }
    Expr.Literal literal = DatumImage.literal(datum, SqlType.of(type));
    return prefix + shown(literal);
  }

  private static String shown(Expr.Literal literal) {
    Object value = literal.value();
    return value == null ? "null" : "'" + TypeCodec.of(literal.type()).toText(value) + "'";
  }

  private String logic(Node node, NodeForm form) {
    String operator = form.text("boolop");
    List<String> texts =
        (operator.equals("not") ? form.nodes("args") : operandsOf(node, operator))
            .stream().map(operand -> output(operand).text()).toList();
    return operator + " " + texts;
  }

  private List<Node> operandsOf(Node given, String operator) {
    Node node = RowText.perField(given, names);
    NodeForm form = NodeForm.glance(node);
    if (!form.tag().equals("BOOLEXPR") || !form.text("boolop").equals(operator)) {
      return List.of(node);
    }
    return form.nodes("args").stream()
        .flatMap(operand -> operandsOf(operand, operator).stream())
        .toList();
  }

  private String caseOf(NodeForm form) {
    boolean simple = !form.isAbsent("arg");
    if (simple) {
      operands.push(output(form.node("arg")));
    }
    List<String> branches = new ArrayList<>();
    for (Node when : form.nodes("args")) {
      NodeForm branch = NodeForm.glance(when);
      branches.add(
          "when "
              + output(branch.node("expr")).text()
              + " then "
              + output(branch.node("result")).text());
    }
    if (simple) {
      operands.pop();
    }
    // A CASE without ELSE is analyzed as one with ELSE NULL.
    String otherwise =
        form.isAbsent("defresult") ? "nothing" : output(form.node("defresult")).text();
    return "case " + branches + " else " + otherwise + " collate " + form.oid("casecollid");
  }

  private String quantified(NodeForm form) {
    List<Node> arguments = form.nodes("args");
    List<String> elements = elements(arguments.getLast()).stream().map(Output::text).toList();
    return "quantified %s %s collate %s [%s] over %s"
        .formatted(
            form.flag("useOr") ? "any" : "all",
            operatorFunction(form),
            form.oid("inputcollid"),
            output(arguments.getFirst()).text(),
            elements);
  }

  private List<Output> elements(Node array) {
    NodeForm form = NodeForm.glance(array);
    return switch (form.tag()) {
      case "ARRAY" -> form.nodes("elements").stream().map(this::output).toList();
      case "CONST" -> form.flag("constisnull") ? List.of(output(array)) : constantElements(form);
      case "RELABELTYPE" -> {
        int type = ArrayTypes.elementOf(form.oid("resulttype")).orElse(0);
        int collation = form.oid("resultcollid");
        yield elements(form.node("arg")).stream()
            .map(element -> recorded(relabelled(element, type, collation), type, collation))
            .toList();
      }
      case "ARRAYCOERCEEXPR" -> {
        List<Output> coerced = new ArrayList<>();
        for (Output element : elements(form.node("arg"))) {
          operands.push(element);
          coerced.add(output(form.node("elemexpr")));
          operands.pop();
        }
        yield coerced;
      }
      default -> List.of(output(array));
    };
  }

  private String arrayCast(NodeForm form) {
    Output array = output(form.node("arg"));
    int element = ArrayTypes.elementOf(array.type()).orElse(0);
    operands.push(new Output("element of [" + array.text() + "]", element, array.collation()));
    String converted = output(form.node("elemexpr")).text();
    operands.pop();
    return "array of " + converted + " as " + form.oid("resulttype");
  }

  private Output recorded(String text, int type, int collation) {
    if (!text.startsWith(CONSTANT)) {
      note(text);
    }
    return new Output(text, type, collation);
  }

  private static List<Output> constantElements(NodeForm form) {
    int type = ArrayTypes.elementOf(form.oid("consttype")).orElse(0);
    int collation = form.oid("constcollid");
    SqlType elementType = SqlType.of(type, -1, collation);
    return DatumImage.elements(form.datum("constvalue"), elementType).stream()
        .map(literal -> CONSTANT + type + " " + shown(literal))
        .map(text -> new Output(text, type, collation))
        .toList();
  }

  private String fieldByField(Node node, String tag) {
    Set<String> irrelevant = NodeForm.IRRELEVANT.getOrDefault(tag, Set.of());
    StringBuilder text = new StringBuilder(tag);
    node.fields()
        .forEach(
            (field, value) -> {
              if (!irrelevant.contains(field) && !UNIMPORTANT.contains(field)) {
                text.append(' ').append(field).append(' ').append(value(value));
              }
            });
    return text.toString();
  }

  private String value(NodeTree value) {
    return switch (value) {
      case Node node when node.tag().equals("TARGETENTRY") ->
          value(NodeForm.glance(node).value("expr"));
      case Node node -> output(node).text();
      case Items(List<NodeTree> elements) -> elements.stream().map(this::value).toList().toString();
      case Numbers numbers -> numbers.elements().toString();
      case Datum datum -> datum.image().toString();
      case Token(String text) -> text;
      case Absent _ -> "-";
    };
  }
}
