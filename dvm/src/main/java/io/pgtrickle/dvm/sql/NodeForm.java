package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.sql.NodeTree.Absent;
import io.pgtrickle.dvm.sql.NodeTree.Datum;
import io.pgtrickle.dvm.sql.NodeTree.Items;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.sql.NodeTree.Numbers;
import io.pgtrickle.dvm.sql.NodeTree.Token;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/// One node as a form of which every field must be accounted for.
///
/// [#read] hands the form to a reading function and afterwards refuses the query when a field was
/// neither read nor is without meaning for the result. So what is not understood cannot be
/// overlooked: a field that a future server adds is refused until somebody has thought about it.
final class NodeForm {
  /// Fields that say how the query was written, who may read what, or what the planner will fill
  /// in later. None of them changes the result.
  ///
  /// `varnosyn` and `varattnosyn` name the variable as spelled; `varno` and `varattno` as meant.
  /// `varnullingrels` says which outer joins may have made it NULL: those below it, as the tree
  /// shows.
  static final Map<String, Set<String>> IRRELEVANT =
      Map.ofEntries(
          Map.entry(
              "QUERY",
              Set.of(
                  "querySource",
                  "canSetTag",
                  "rteperminfos",
                  "stmt_location",
                  "stmt_len",
                  // Summaries of the tree that PostgreSQL keeps; the tree itself is read.
                  "hasAggs",
                  "hasTargetSRFs",
                  "hasWindowFuncs",
                  "hasSubLinks",
                  "hasRecursive",
                  "hasGroupRTE",
                  // Concern INSERT and MERGE.
                  "override",
                  "mergeUseOuterJoin",
                  "isReturn")),
          Map.entry(
              "RTE",
              Set.of(
                  "alias",
                  "eref",
                  "rellockmode",
                  "lateral",
                  "inFromCl",
                  "requiredPerms",
                  "checkAsUser",
                  "selectedCols",
                  "insertedCols",
                  "updatedCols",
                  "extraUpdatedCols",
                  "perminfoindex",
                  // Where the columns of a join come from; joinaliasvars says it completely.
                  "joinmergedcols",
                  "joinleftcols",
                  "joinrightcols",
                  "join_using_alias",
                  // Order of evaluation towards leaky functions, not the result.
                  "security_barrier")),
          Map.entry("VAR", Set.of("varnosyn", "varattnosyn", "varnullingrels", "location")),
          Map.entry("CONST", Set.of("location", "constlen", "constbyval")),
          Map.entry("OPEXPR", Set.of("location")),
          Map.entry("DISTINCTEXPR", Set.of("location")),
          Map.entry("NULLIFEXPR", Set.of("location")),
          Map.entry("SCALARARRAYOPEXPR", Set.of("location", "hashfuncid", "negfuncid")),
          Map.entry("FUNCEXPR", Set.of("location", "funcformat")),
          Map.entry(
              "AGGREF",
              Set.of(
                  "location",
                  "aggargtypes",
                  "aggtranstype",
                  "aggpresorted",
                  "aggno",
                  "aggtransno")),
          Map.entry("GROUPINGSET", Set.of("location")),
          // What it asks about is named twice.
          Map.entry("GROUPINGFUNC", Set.of("location", "args")),
          Map.entry("WINDOWFUNC", Set.of("location")),
          // Names are resolved, and what a window takes over from another one is copied.
          Map.entry("WINDOWCLAUSE", Set.of("name", "refname", "copiedOrder")),
          Map.entry("BOOLEXPR", Set.of("location")),
          Map.entry("CASE", Set.of("location")),
          Map.entry("WHEN", Set.of("location")),
          Map.entry("COALESCE", Set.of("location")),
          Map.entry("MINMAX", Set.of("location")),
          Map.entry("NULLTEST", Set.of("location")),
          Map.entry("BOOLEANTEST", Set.of("location")),
          Map.entry("RELABELTYPE", Set.of("location", "relabelformat")),
          Map.entry("COERCEVIAIO", Set.of("location", "coerceformat")),
          Map.entry("COLLATE", Set.of("location")),
          // Types of what is subscribed, which says it itself.
          Map.entry("SUBSCRIPTINGREF", Set.of("refcontainertype", "refelemtype", "reftypmod")),
          // Which family an operator was found in does not change what it does.
          Map.entry("ROWCOMPARE", Set.of("opfamilies")),
          Map.entry("SQLVALUEFUNCTION", Set.of("location")),
          Map.entry("ARRAY", Set.of("location", "list_start", "list_end")),
          Map.entry("ARRAYCOERCEEXPR", Set.of("location", "coerceformat")),
          // A row without a type calls its fields by number.
          Map.entry("ROW", Set.of("location", "row_format", "colnames")),
          Map.entry("NAMEDARGEXPR", Set.of("location")),
          Map.entry("JSONVALUEEXPR", Set.of("location")),
          Map.entry("JSONISPREDICATE", Set.of("location")),
          Map.entry("JSONCONSTRUCTOREXPR", Set.of("location")),
          Map.entry("JSONEXPR", Set.of("location")),
          Map.entry("JSONBEHAVIOR", Set.of("location")),
          Map.entry("JSONRETURNING", Set.of("location")),
          Map.entry("JSONFORMAT", Set.of("location")),
          Map.entry("TARGETENTRY", Set.of("resorigtbl", "resorigcol")),
          Map.entry("SORTGROUPCLAUSE", Set.of("sortop", "reverse_sort", "nulls_first", "hashable")),
          Map.entry("FROMEXPR", Set.of()),
          Map.entry(
              "JOINEXPR",
              Set.of("isNatural", "usingClause", "join_using_alias", "alias", "rtindex")),
          // The operator as spelled; the test names it as meant.
          Map.entry("SUBLINK", Set.of("location", "operName")),
          Map.entry("PARAM", Set.of("location")),
          Map.entry("RANGETBLREF", Set.of()),
          Map.entry("CASETESTEXPR", Set.of()),
          Map.entry("SETOPERATIONSTMT", Set.of("groupClauses")),
          Map.entry("TABLEFUNC", Set.of("location")),
          Map.entry("JSONTABLEPATHSCAN", Set.of()),
          Map.entry("JSONTABLEPATH", Set.of()),
          Map.entry("JSONTABLESIBLINGJOIN", Set.of()),
          Map.entry("CTESEARCHCLAUSE", Set.of("location")),
          Map.entry("CTECYCLECLAUSE", Set.of("location")),
          Map.entry(
              "COMMONTABLEEXPR",
              Set.of(
                  "aliascolnames",
                  // Every function is immutable, so computing it once or twice is the same.
                  "ctematerialized",
                  "location",
                  "cterefcount",
                  "ctecolnames",
                  "ctecoltypes",
                  "ctecoltypmods",
                  "ctecolcollations")));

  /// PostgreSQL 15 spelled these out; the fields are the same.
  private static final Map<String, String> OLD_TAGS =
      Map.of(
          "RANGETBLENTRY", "RTE",
          "ARRAYEXPR", "ARRAY",
          "CASEEXPR", "CASE",
          "CASEWHEN", "WHEN",
          "COALESCEEXPR", "COALESCE",
          "COLLATEEXPR", "COLLATE",
          "MINMAXEXPR", "MINMAX",
          "ROWEXPR", "ROW",
          "ROWCOMPAREEXPR", "ROWCOMPARE");

  private final Node node;
  private final String tag;
  private final Set<String> unread;

  private NodeForm(Node node) {
    this.node = node;
    this.tag = tag(node);
    this.unread = new HashSet<>(node.fields().keySet());
  }

  /// Reads a node completely.
  static <T> T read(Node node, Function<NodeForm, T> reading) {
    NodeForm form = new NodeForm(node);
    T result = reading.apply(form);
    form.unread.removeAll(IRRELEVANT.getOrDefault(form.tag, Set.of()));
    if (!form.unread.isEmpty()) {
      String field = form.unread.stream().sorted().findFirst().orElseThrow();
      throw notUnderstood("field " + field + " of node " + form.tag);
    }
    return result;
  }

  /// A look at single fields of a node that is read completely elsewhere.
  static NodeForm glance(Node node) {
    return new NodeForm(node);
  }

  /// The tag of a node, the same for all server versions.
  static String tag(Node node) {
    return OLD_TAGS.getOrDefault(node.tag(), node.tag());
  }

  static QueryRejected notUnderstood(String what) {
    return QueryRejected.notYet("query_not_understood", what);
  }

  String tag() {
    return tag;
  }

  /// The node itself.
  Node whole() {
    return node;
  }

  boolean has(String field) {
    return node.fields().containsKey(field);
  }

  /// Requires a field, where present, to be absent, false, zero or empty.
  void neutral(String field, String reasonCode, String construct) {
    if (has(field) && !isNeutral(take(field))) {
      throw QueryRejected.notYet(reasonCode, construct);
    }
  }

  /// As [#neutral], for a field whose other values no analyzed SELECT should have.
  void neutral(String field) {
    neutral(field, "query_not_understood", "field " + field + " of node " + tag);
  }

  private static boolean isNeutral(NodeTree value) {
    return switch (value) {
      case Absent _ -> true;
      case Token(String text) -> text.equals("false") || text.equals("0");
      case Items(List<NodeTree> elements) -> elements.isEmpty();
      case Numbers(char _, List<Long> elements) -> elements.isEmpty();
      case Node _, Datum _ -> false;
    };
  }

  /// Requires a field to have one value.
  void expect(String field, String value, String reasonCode, String construct) {
    if (!text(field).equals(value)) {
      throw QueryRejected.notYet(reasonCode, construct);
    }
  }

  boolean isAbsent(String field) {
    return take(field) instanceof Absent;
  }

  String text(String field) {
    if (take(field) instanceof Token(String text)) {
      return text;
    }
    throw notUnderstood("field " + field + " of node " + tag);
  }

  int integer(String field) {
    return (int) whole(field);
  }

  /// An OID: unsigned on the server, its 32 bits here.
  int oid(String field) {
    return (int) whole(field);
  }

  private long whole(String field) {
    String text = text(field);
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException notANumber) {
      throw notUnderstood("value '" + text + "' of field " + field + " of node " + tag);
    }
  }

  boolean flag(String field) {
    return switch (text(field)) {
      case "true" -> true;
      case "false" -> false;
      default -> throw notUnderstood("field " + field + " of node " + tag);
    };
  }

  Node node(String field) {
    return asNode(take(field), field);
  }

  /// A list of nodes, empty when absent.
  List<Node> nodes(String field) {
    return items(field).stream().map(element -> asNode(element, field)).toList();
  }

  /// A list of a known number of nodes.
  List<Node> nodes(String field, int size) {
    List<Node> nodes = nodes(field);
    if (nodes.size() != size) {
      throw notUnderstood("node " + tag + " with " + nodes.size() + " " + field);
    }
    return nodes;
  }

  /// A list of anything, empty when absent.
  List<NodeTree> items(String field) {
    return switch (take(field)) {
      case Absent _ -> List.of();
      case Items(List<NodeTree> elements) -> elements;
      case Node _, Numbers _, Datum _, Token _ ->
          throw notUnderstood("field " + field + " of node " + tag);
    };
  }

  /// A list of integers or OIDs, empty when absent.
  List<Integer> numbers(String field) {
    return switch (take(field)) {
      case Absent _ -> List.of();
      case Numbers(char _, List<Long> elements) -> elements.stream().map(Long::intValue).toList();
      case Node _, Items _, Datum _, Token _ ->
          throw notUnderstood("field " + field + " of node " + tag);
    };
  }

  /// The image of a datum.
  Datum datum(String field) {
    if (take(field) instanceof Datum datum) {
      return datum;
    }
    throw notUnderstood("field " + field + " of node " + tag);
  }

  private Node asNode(NodeTree value, String field) {
    if (value instanceof Node child) {
      return child;
    }
    throw notUnderstood("field " + field + " of node " + tag);
  }

  /// A field whatever it is.
  NodeTree value(String field) {
    return take(field);
  }

  private NodeTree take(String field) {
    NodeTree value = node.fields().get(field);
    if (value == null) {
      throw notUnderstood("node " + tag + " without field " + field);
    }
    unread.remove(field);
    return value;
  }
}
