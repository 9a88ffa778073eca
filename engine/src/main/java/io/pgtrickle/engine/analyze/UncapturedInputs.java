package io.pgtrickle.engine.analyze;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.sql.Facts;
import io.pgtrickle.dvm.sql.KnownTypes;
import io.pgtrickle.dvm.sql.NodeTree;
import io.pgtrickle.dvm.sql.NodeTree.MalformedTree;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.sql.NodeTree.Numbers;
import io.pgtrickle.dvm.sql.NodeTree.Token;
import io.pgtrickle.dvm.sql.RelationShape;
import io.pgtrickle.dvm.type.ArrayTypes;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// What the rows of a query depend on and the log does not tell: relations that cannot be captured,
/// the clock, chance, tables that functions read, names that can be changed.
///
/// It looks at any tree, also of queries that are not understood, so it knows no more of nodes than
/// which of their fields name functions and types. Where it cannot tell it says that there may be
/// something: then a query is evaluated more often than it had to be, and never too seldom.
final class UncapturedInputs {
  private static final Set<String> FUNCTIONS = Set.of("funcid", "aggfnoid", "winfnoid");
  // Where the tree names the function of an operator too, it is the same.
  private static final Set<String> OPERATORS = Set.of("opno", "opnos", "eqop", "sortop");
  private static final Set<String> TYPES =
      Set.of(
          "vartype",
          "consttype",
          "funcresulttype",
          "opresulttype",
          "resulttype",
          "aggtype",
          "wintype",
          "casetype",
          "coalescetype",
          "minmaxtype",
          "paramtype");
  // Types of values that are read from texts or documents.
  private static final Map<String, Set<String>> READ =
      Map.of(
          "COERCEVIAIO", Set.of("resulttype"),
          "JSONRETURNING", Set.of("typid"),
          "RANGETBLFUNCTION", Set.of("funccoltypes"),
          "TABLEFUNC", Set.of("coltypes"));
  private static final Set<String> NEVER_THE_SAME =
      Set.of("SQLVALUEFUNCTION", "NEXTVALUEEXPR", "TABLESAMPLECLAUSE");

  private final QueryDocument document;
  private final Facts facts;
  private final ServerCatalog server;

  private UncapturedInputs(QueryDocument document, Facts facts, ServerCatalog server) {
    this.document = document;
    this.facts = facts;
    this.server = server;
  }

  /// Whether a query may have other rows although no captured relation has.
  static boolean existIn(QueryDocument document, Facts facts, ServerCatalog server) {
    return new UncapturedInputs(document, facts, server).exist();
  }

  private boolean exist() {
    return document.relations().values().stream().anyMatch(this::existIn)
        || existIn(document.tree());
  }

  private boolean existIn(RelationShape relation) {
    // A policy may call whatever it likes.
    return relation.obstacle().isPresent()
        || relation.children()
        || relation.rowSecurity()
        || relation.view().map(this::existIn).orElse(false);
  }

  private boolean existIn(String tree) {
    Deque<NodeTree> open = new ArrayDeque<>();
    try {
      open.push(NodeTree.parse(tree));
    } catch (MalformedTree | QueryRejected notUnderstood) {
      return true;
    }
    while (!open.isEmpty()) {
      NodeTree next = open.pop();
      if (next instanceof Node node && existIn(node)) {
        return true;
      }
      next.children().forEach(open::push);
    }
    return false;
  }

  private boolean existIn(Node node) {
    return NEVER_THE_SAME.contains(node.tag())
        || numbers(node, FUNCTIONS).stream().anyMatch(this::isMovedBy)
        || numbers(node, OPERATORS).stream().anyMatch(this::operatorIsMovedBy)
        || numbers(node, TYPES).stream().anyMatch(ServerExpressions::namesSomething)
        || numbers(node, READ.getOrDefault(node.tag(), Set.of())).stream()
            .anyMatch(type -> !hasLastingInput(type))
        || (node.tag().equals("COERCEVIAIO") && !hasLastingOutput(node.fields().get("arg")));
  }

  private boolean isMovedBy(int function) {
    return facts.function(function).map(known -> !isLasting(known)).orElse(true);
  }

  private boolean operatorIsMovedBy(int operator) {
    return operator != 0
        && facts.operator(operator).map(known -> isMovedBy(known.function())).orElse(true);
  }

  private static boolean isLasting(Signature function) {
    return switch (function.volatility()) {
      case 'i' -> true;
      case 's' ->
          function.schema().equals("pg_catalog")
              && (ServerExpressions.isLasting(function)
                  || ServerExpressions.isDefinedByQuery(function));
      default -> false;
    };
  }

  private boolean hasLastingInput(int type) {
    Optional<Integer> element = ArrayTypes.elementOf(type);
    if (element.isPresent()) {
      return hasLastingInput(element.get());
    }
    return !KnownTypes.hasClockWords(type)
        && (SqlType.of(type).kind() != TypeKind.OPAQUE || server.hasLastingText(type, true));
  }

  private boolean hasLastingOutput(@Nullable NodeTree value) {
    if (!(value instanceof Node node)) {
      return false;
    }
    List<Integer> types = numbers(node, TYPES);
    if (types.size() != 1) {
      // A truth value, a row, a subquery, whatever.
      return node.tag().equals("BOOLEXPR");
    }
    int type = types.getFirst();
    return SqlType.of(type).kind() != TypeKind.OPAQUE
        || server.hasLastingText(type, false)
        || server.travelsAsText(type);
  }

  private static List<Integer> numbers(Node node, Set<String> fields) {
    return node.fields().entrySet().stream()
        .filter(field -> fields.contains(field.getKey()))
        .flatMap(field -> numbers(field.getValue()).stream())
        .toList();
  }

  private static List<Integer> numbers(NodeTree value) {
    return switch (value) {
      case Numbers(char _, List<Long> elements) -> elements.stream().map(Long::intValue).toList();
      case Token(String text) -> number(text).stream().toList();
      case Node _, NodeTree.Items _, NodeTree.Datum _, NodeTree.Absent _ -> List.of();
    };
  }

  private static Optional<Integer> number(String text) {
    try {
      return Optional.of((int) Long.parseLong(text));
    } catch (NumberFormatException notANumber) {
      return Optional.empty();
    }
  }
}
