package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.SetCall;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Translates FROM and WHERE of one query: range table entries to plans, the join tree to joins.
final class FromBinder {
  private static final int RELATION = 0;
  private static final int SUBQUERY = 1;
  private static final int JOIN = 2;
  private static final int FUNCTION = 3;
  private static final int TABLE_FUNCTION = 4;
  private static final int VALUES = 5;
  private static final int COMMON_TABLE = 6;
  private static final int RESULT = 8;
  private static final int GROUP = 9;

  private final QueryBinder queries;
  private final List<Node> rangeTable;
  private final Levels levels;

  /// The entries whose rows are wanted as values and may be missing.
  private final Set<Integer> marked;

  /// Whether something is made of the order of the rows of the only item.
  private final boolean inOrder;

  FromBinder(
      QueryBinder queries,
      List<Node> rangeTable,
      Levels levels,
      Set<Integer> marked,
      boolean inOrder) {
    this.queries = queries;
    this.rangeTable = rangeTable;
    this.levels = levels;
    this.marked = marked;
    this.inOrder = inOrder;
  }

  /// The rows that FROM and WHERE select.
  Source bind(Node fromExpression) {
    return NodeForm.read(
        fromExpression,
        form -> {
          requireKnownEntries();
          Source all = null;
          List<Node> items = form.nodes("fromlist");
          if (items.size() == 1 && NodeForm.tag(items.getFirst()).equals("RANGETBLREF")) {
            all = entry(NodeForm.read(items.getFirst(), only -> only.integer("rtindex")), inOrder);
          } else {
            for (Node item : items) {
              all = item(item, all);
            }
          }
          Source source = all == null ? oneEmptyRow() : all;
          if (form.isAbsent("quals")) {
            return source;
          }
          RowScope rows = scope(source);
          Expr condition = rows.binder().bind(form.node("quals"));
          return new Source(new Plan.Filter(rows.source().plan(), condition), source.positions());
        });
  }

  /// Pairs. Functions that refer to a row further out are called for each row of the left side
  /// rather than joined with it.
  private static Source cross(Source left, Source right) {
    boolean called =
        right.plan() instanceof Plan.Unfold unfold
            && unfold.input() instanceof Plan.Values
            && unfold
                .arguments()
                .anyMatch(argument -> Expressions.contains(argument, Expr.Outer.class));
    Source both = left.cross(right);
    return called && right.plan() instanceof Plan.Unfold unfold
        ? new Source(unfold.over(left.plan(), each -> each), both.positions())
        : both;
  }

  /// Reads the entries that only variables lead to, whether one does or not.
  private void requireKnownEntries() {
    for (int entry = 1; entry <= rangeTable.size(); entry++) {
      int kind = NodeForm.glance(node(entry)).integer("rtekind");
      if (kind == JOIN || kind == GROUP) {
        aliases(entry);
      }
    }
  }

  private static Source oneEmptyRow() {
    return new Source(new Plan.Values(List.of(List.of()), Schema.of()), Map.of());
  }

  /// An item of FROM with the rows of those before it.
  private Source item(Node item, @Nullable Source before) {
    if (before == null) {
      return item(item);
    }
    if (isLateral(item)) {
      return lateral(before, item, false, null);
    }
    // What refers to those before it has to come after them: A × (B ⟕ C) = (A × B) ⟕ C.
    return refersBack(item)
        ? NodeForm.read(item, form -> join(form, before))
        : cross(before, item(item));
  }

  private Source item(Node item) {
    return NodeForm.read(
        item,
        form ->
            switch (form.tag()) {
              case "RANGETBLREF" -> entry(form.integer("rtindex"));
              case "JOINEXPR" -> join(form, null);
              default -> throw NodeForm.notUnderstood("node " + form.tag() + " in FROM");
            });
  }

  /// Whether an inner or left join may refer to items before it, in its first item or in one that
  /// is joined with it.
  private boolean refersBack(Node item) {
    NodeForm form = NodeForm.glance(item);
    return form.tag().equals("JOINEXPR")
        && form.integer("jointype") <= 1
        && (isLateral(form.node("larg"))
            || isLateral(form.node("rarg"))
            || refersBack(form.node("larg")));
  }

  private Source join(NodeForm form, @Nullable Source before) {
    int kind = form.integer("jointype");
    Source left = item(form.node("larg"), before);
    Node inner = form.node("rarg");
    if (kind <= 1 && isLateral(inner)) {
      return lateral(left, inner, kind == 1, form.isAbsent("quals") ? null : form.node("quals"));
    }
    Source right = item(inner);
    @Nullable Node quals = form.isAbsent("quals") ? null : form.node("quals");
    return kind == 0 ? innerJoin(left, right, quals) : outerJoin(left, right, quals, kind);
  }

  private Source innerJoin(Source left, Source right, @Nullable Node quals) {
    Source both = left.cross(right);
    if (quals == null) {
      return both;
    }
    RowScope rows = scope(both);
    Expr condition = rows.binder().bind(quals);
    Plan join =
        rows.isWidened()
            ? new Plan.Filter(rows.source().plan(), condition)
            : new Plan.Join(left.plan(), right.plan(), List.of(), condition, both.plan().schema());
    return new Source(join, both.positions());
  }

  private Source outerJoin(Source left, Source right, @Nullable Node quals, int kind) {
    if (quals != null && GroupingBinder.containsSubquery(quals)) {
      SidedCondition sides = new SidedCondition(this, left, right);
      Expr condition = sides.bind(quals, queries.facts());
      return outerJoin(sides.left(), sides.right(), condition, kind);
    }
    @Nullable Expr condition = quals == null ? null : scope(left.cross(right)).binder().bind(quals);
    return outerJoin(left, right, condition, kind);
  }

  private static Source outerJoin(Source left, Source right, @Nullable Expr condition, int kind) {
    Source both = left.cross(right);
    Schema schema = both.plan().schema();
    Plan join =
        switch (kind) {
          case 1 -> outer(left, right, Plan.Kept.LEFT, condition, schema);
          case 2 -> outer(left, right, Plan.Kept.BOTH, condition, schema);
          case 3 -> outer(left, right, Plan.Kept.RIGHT, condition, schema);
          default -> throw NodeForm.notUnderstood("a join of kind " + kind);
        };
    return new Source(join, both.positions());
  }

  /// Whether an item of FROM may refer to those before it: a subquery, or functions that do.
  private boolean isLateral(Node item) {
    NodeForm form = NodeForm.glance(item);
    if (!form.tag().equals("RANGETBLREF")) {
      return false;
    }
    NodeForm entry = NodeForm.glance(node(form.integer("rtindex")));
    int kind = entry.integer("rtekind");
    return entry.flag("lateral") && (kind == SUBQUERY || isCalled(kind));
  }

  private static boolean isCalled(int kind) {
    return kind == FUNCTION || kind == TABLE_FUNCTION;
  }

  /// Rows with those of a subquery or of functions that are evaluated for each of them.
  private Source lateral(Source left, Node item, boolean kept, @Nullable Node quals) {
    int entry = NodeForm.read(item, form -> form.integer("rtindex"));
    if (isCalled(NodeForm.glance(node(entry)).integer("rtekind"))) {
      return unfolded(left, entry, kept, quals);
    }
    levels.names(scope(left));
    Plan subquery =
        readEntry(
            entry,
            (_, form) -> queries.bindInner(form.node("subquery"), levels, levels.depth() + 1));
    Source inner = Source.of(entry, subquery);
    Source right = marked.contains(entry) ? inner.marking(entry) : inner;
    if (quals == null || !GroupingBinder.containsSubquery(quals)) {
      @Nullable Expr condition =
          quals == null ? null : scope(left.cross(right)).binder().bind(quals);
      return lateral(left, right, kept, condition);
    }
    if (kept) {
      SidedCondition sides = SidedCondition.askedOfLeft(this, left, right);
      Expr condition = sides.bind(quals, queries.facts());
      return lateral(sides.left(), right, true, condition);
    }
    Source pairs = lateral(left, right, false, null);
    RowScope rows = scope(pairs);
    Expr condition = rows.binder().bind(quals);
    return new Source(new Plan.Filter(rows.source().plan(), condition), pairs.positions());
  }

  private static Source lateral(Source left, Source right, boolean kept, @Nullable Expr condition) {
    Source both = left.cross(right);
    return new Source(
        new Plan.Apply(
            left.plan(),
            right.plan(),
            new Plan.Question.Rows(kept, condition),
            both.plan().schema()),
        both.positions());
  }

  private Source unfolded(Source left, int entry, boolean kept, @Nullable Node quals) {
    requireUnmarked(entry);
    RowScope arguments = scope(left);
    Plan.Unfold unfold =
        readEntry(
            entry,
            (kind, form) ->
                kind == TABLE_FUNCTION
                    ? tableFunction(form, arguments)
                    : new FunctionBinder(queries.facts(), arguments.binder())
                        .bind(form, () -> arguments.source().plan()));
    Map<Integer, Integer> attributes = new TreeMap<>();
    int width = unfold.input().schema().size();
    for (int i = width; i < unfold.schema().size(); i++) {
      attributes.put(i - width + 1, i);
    }
    Map<Integer, Map<Integer, Integer>> positions = new TreeMap<>(left.positions());
    positions.put(entry, attributes);
    RowScope rows = scope(new Source(unfold, positions));
    @Nullable Expr condition = quals == null ? null : rows.binder().bind(quals);
    if (kept) {
      if (rows.isWidened()) {
        throw QueryRejected.notYet(
            "unsupported_subquery", "a subquery in the condition of a LATERAL join");
      }
      return new Source(unfold.keeping(condition), positions);
    }
    Plan pairs = rows.source().plan();
    return new Source(condition == null ? pairs : new Plan.Filter(pairs, condition), positions);
  }

  private Plan.Unfold tableFunction(NodeForm form, RowScope arguments) {
    Node function = form.node("tablefunc");
    NodeForm glance = NodeForm.glance(function);
    // Before version 17 there is one kind.
    boolean json = glance.has("functype") && glance.integer("functype") == 1;
    ExpressionBinder binder = arguments.binder();
    Facts facts = queries.facts();
    SetCall call =
        NodeForm.read(
            function,
            table ->
                json
                    ? new JsonTableBinder(facts, binder::bind).bind(table)
                    : new XmlTableBinder(facts, binder::bind).bind(table));
    return new Plan.Unfold(arguments.source().plan(), List.of(call), false);
  }

  private void requireUnmarked(int entry) {
    if (marked.contains(entry)) {
      throw QueryRejected.notYet(
          "unsupported_clause", "a whole row of a function on the side of an outer join");
    }
  }

  private static Plan outer(
      Source left, Source right, Plan.Kept kept, @Nullable Expr condition, Schema schema) {
    return new Plan.OuterJoin(left.plan(), right.plan(), kept, List.of(), condition, schema);
  }

  /// What names mean over the rows of a source.
  RowScope scope(Source source) {
    return new RowScope(queries, this, levels, source);
  }

  /// A binder for expressions that have no subqueries.
  private ExpressionBinder expressions(Source source) {
    return new ExpressionBinder(queries.facts(), variable -> column(variable, source));
  }

  /// The value that a variable denotes in rows of a source.
  Expr column(Variable variable, Source source) {
    if (variable.levelsUp() > 0) {
      return levels.outer(variable);
    }
    Map<Integer, Integer> attributes = source.positions().get(variable.entry());
    if (variable.isWholeRow()) {
      return wholeRow(variable, attributes, source.plan().schema());
    }
    if (attributes == null) {
      return expressions(source).bind(aliased(variable));
    }
    Integer position = attributes.get(variable.attribute());
    if (position == null) {
      throw unavailable(variable);
    }
    SqlType type = source.plan().schema().column(position).type();
    if (type.oid() != variable.type().oid()) {
      throw NodeForm.notUnderstood("a column whose type is not that of its reference");
    }
    return new Expr.Column(position, type);
  }

  private Expr wholeRow(
      Variable variable, @Nullable Map<Integer, Integer> attributes, Schema schema) {
    if (attributes == null) {
      throw QueryRejected.notYet("unsupported_clause", "a whole row of a join");
    }
    NodeForm entry = NodeForm.glance(node(variable.entry()));
    if (entry.integer("rtekind") == RELATION) {
      requireAllColumns(entry.oid("relid"), attributes);
    }
    List<NodeTree> called = NodeForm.glance(entry.node("eref")).items("colnames");
    List<String> names = new ArrayList<>();
    List<Expr> fields = new ArrayList<>();
    @Nullable Expr present = null;
    for (Map.Entry<Integer, Integer> attribute : new TreeMap<>(attributes).entrySet()) {
      int at = attribute.getValue();
      Expr field = new Expr.Column(at, schema.column(at).type());
      if (attribute.getKey() == 0) {
        present = field;
      } else if (attribute.getKey() <= called.size()
          && called.get(attribute.getKey() - 1) instanceof NodeTree.Token(String name)) {
        fields.add(field);
        names.add(name);
      } else {
        throw NodeForm.notUnderstood("the columns of a whole row");
      }
    }
    return new Expr.Row(names, fields, present, variable.type());
  }

  private void requireAllColumns(int relation, Map<Integer, Integer> attributes) {
    for (RelationShape.Attribute column :
        queries.facts().relation(relation).map(RelationShape::columns).orElse(List.of())) {
      if (column.obstacle().isPresent() && !attributes.containsKey(column.number())) {
        throw column.obstacle().get().rejects(column);
      }
    }
  }

  /// An expression, or what it stands for where it names a member of the group list.
  Node meant(Node expression) {
    if (!NodeForm.tag(expression).equals("VAR")) {
      return expression;
    }
    Variable variable = Variable.of(expression);
    return isGrouped(variable) ? aliased(variable) : expression;
  }

  /// The member of the group list that a variable names, where it does.
  Optional<Node> grouped(Variable variable) {
    return isGrouped(variable) ? Optional.of(aliased(variable)) : Optional.empty();
  }

  private boolean isGrouped(Variable variable) {
    return variable.levelsUp() == 0
        && NodeForm.glance(node(variable.entry())).integer("rtekind") == GROUP;
  }

  private Node aliased(Variable variable) {
    return aliased(variable.entry(), variable.attribute());
  }

  /// What a column of a join or of the group list stands for.
  Node aliased(int entry, int attribute) {
    List<Node> columns = aliases(entry);
    if (attribute < 1 || attribute > columns.size()) {
      throw NodeForm.notUnderstood("a column of a join that has fewer");
    }
    return columns.get(attribute - 1);
  }

  private List<Node> aliases(int entry) {
    return readEntry(
        entry,
        (kind, form) ->
            switch (kind) {
              case JOIN -> {
                // The join itself says it, in the join tree.
                form.integer("jointype");
                yield form.nodes("joinaliasvars");
              }
              case GROUP -> form.nodes("groupexprs");
              default -> throw QueryRejected.notYet("unsupported_clause", "a LATERAL reference");
            });
  }

  /// The subquery of an entry: an operand of a set operation.
  Plan operand(int entry) {
    return entry(entry).plan();
  }

  private Source entry(int entry) {
    return entry(entry, false);
  }

  private Source entry(int entry, boolean ordered) {
    Source source = unmarked(entry, ordered);
    return marked.contains(entry) ? source.marking(entry) : source;
  }

  private Source unmarked(int entry, boolean ordered) {
    if (isCalled(NodeForm.glance(node(entry)).integer("rtekind"))) {
      return unfolded(oneEmptyRow(), entry, false, null);
    }
    return readEntry(
        entry,
        (kind, form) ->
            switch (kind) {
              case RELATION -> relation(entry, form, ordered);
              case SUBQUERY ->
                  Source.of(
                      entry,
                      queries.bindInner(form.node("subquery"), levels, levels.depth(), ordered));
              case VALUES -> Source.of(entry, values(form));
              case COMMON_TABLE -> Source.of(entry, commonTable(form, ordered));
              case RESULT -> oneEmptyRow();
              default -> throw Unsupported.rangeTableEntry(kind);
            });
  }

  private interface EntryReader<T> {
    T read(int kind, NodeForm form);
  }

  private <T> T readEntry(int entry, EntryReader<T> reader) {
    return NodeForm.read(
        node(entry),
        form -> {
          form.neutral("securityQuals", "row_level_security", "row-level security");
          int kind = form.integer("rtekind");
          T result = reader.read(kind, form);
          if (kind != RELATION) {
            form.neutral("relid");
            form.neutral("relkind");
            form.neutral("inh");
          }
          return result;
        });
  }

  private Node node(int entry) {
    if (entry < 1 || entry > rangeTable.size()) {
      throw NodeForm.notUnderstood("range table entry " + entry);
    }
    return rangeTable.get(entry - 1);
  }

  private Source relation(int entry, NodeForm form, boolean ordered) {
    form.neutral("tablesample", "unsupported_clause", "TABLESAMPLE");
    int oid = form.oid("relid");
    char kind = form.text("relkind").charAt(0);
    boolean withChildren = form.flag("inh");
    RelationShape shape =
        queries
            .facts()
            .relation(oid)
            .filter(known -> known.kind() == kind)
            .orElseThrow(() -> NodeForm.notUnderstood("relation " + Integer.toUnsignedString(oid)));
    if (shape.view().isPresent()) {
      return view(entry, shape, shape.view().get(), ordered);
    }
    requireDecodable(shape);
    if (kind == 'p' && !withChildren) {
      throw QueryRejected.notYet(
          "unsupported_clause", "ONLY " + shape.qualifiedName() + ", a partitioned table");
    }
    Map<Integer, Integer> positions = new TreeMap<>();
    List<Column> columns = new ArrayList<>();
    for (RelationShape.Attribute attribute : shape.columns()) {
      if (attribute.obstacle().isEmpty()) {
        positions.put(attribute.number(), columns.size());
        columns.add(new Column(attribute.name(), attribute.type()));
      }
    }
    // The log tells rows apart by it.
    for (RelationShape.Attribute attribute : shape.columns()) {
      if (attribute.obstacle().equals(Optional.of(RelationShape.Obstacle.WITHOUT_BINARY_FORM))
          && shape.primaryKey().contains(attribute.number())) {
        throw RelationShape.Obstacle.WITHOUT_BINARY_FORM.rejects(attribute);
      }
    }
    boolean keyIsDecodable = positions.keySet().containsAll(shape.primaryKey());
    List<Integer> key =
        keyIsDecodable ? shape.primaryKey().stream().map(positions::get).toList() : List.of();
    Plan scan = new Plan.Scan(oid, shape.qualifiedName(), key, new Schema(columns));
    return new Source(scan, Map.of(entry, positions));
  }

  private Source view(int entry, RelationShape shape, String tree, boolean ordered) {
    Plan plan = queries.bindView(tree, ordered);
    if (plan.schema().size() != shape.columns().size()) {
      throw NodeForm.notUnderstood("the columns of view " + shape.qualifiedName());
    }
    return Source.of(entry, plan);
  }

  private static void requireDecodable(RelationShape shape) {
    if (shape.obstacle().isPresent()) {
      throw QueryRejected.unsupported(
          "source_not_decodable",
          shape.obstacle().get() + " " + shape.qualifiedName(),
          "its changes are not in the stream of logical decoding");
    }
    if (shape.rowSecurity()) {
      throw QueryRejected.notYet(
          "row_level_security", "table " + shape.qualifiedName() + " with row-level security");
    }
    if (shape.children()) {
      throw QueryRejected.notYet(
          "inheritance", "table " + shape.qualifiedName() + " with inheritance children");
    }
  }

  private QueryRejected unavailable(Variable variable) {
    int oid = NodeForm.glance(node(variable.entry())).oid("relid");
    Optional<RelationShape> shape = queries.facts().relation(oid);
    for (RelationShape.Attribute attribute : shape.map(RelationShape::columns).orElse(List.of())) {
      if (attribute.number() == variable.attribute() && attribute.obstacle().isPresent()) {
        return attribute.obstacle().get().rejects(attribute);
      }
    }
    return NodeForm.notUnderstood("column " + variable.attribute() + " of a relation");
  }

  private Plan commonTable(NodeForm form, boolean ordered) {
    boolean inItself = form.flag("self_reference");
    form.numbers("coltypes");
    form.numbers("coltypmods");
    form.numbers("colcollations");
    Levels.CommonTable table = levels.find(form.text("ctename"), form.integer("ctelevelsup"));
    if (inItself) {
      return queries.recursions().found(table);
    }
    return table.recursive()
        ? queries.recursions().of(table, () -> queries.bindRecursive(table, levels.depth()))
        : queries.bindInner(table.query(), table.levels(), levels.depth(), ordered);
  }

  private Plan values(NodeForm form) {
    List<Integer> types = form.numbers("coltypes");
    List<Integer> modifiers = form.numbers("coltypmods");
    List<Integer> collations = form.numbers("colcollations");
    List<Column> columns = new ArrayList<>();
    for (int i = 0; i < types.size(); i++) {
      columns.add(
          new Column(
              "column" + (i + 1), SqlType.of(types.get(i), modifiers.get(i), collations.get(i))));
    }
    RowScope asked = scope(oneEmptyRow());
    ExpressionBinder binder = asked.binder();
    List<List<Expr>> rows = new ArrayList<>();
    for (NodeTree row : form.items("values_lists")) {
      if (!(row instanceof NodeTree.Items(List<NodeTree> cells)) || cells.size() != types.size()) {
        throw NodeForm.notUnderstood("a row of VALUES");
      }
      List<Expr> bound = new ArrayList<>();
      for (NodeTree cell : cells) {
        if (!(cell instanceof Node expression)) {
          throw NodeForm.notUnderstood("a cell of VALUES");
        }
        bound.add(binder.bind(expression));
      }
      rows.add(bound);
    }
    Schema schema = new Schema(columns);
    return asked.isWidened()
        ? values(asked.source().plan(), rows, schema)
        : new Plan.Values(rows, schema);
  }

  /// Rows that are made of the answers of subqueries.
  private static Plan values(Plan answers, List<List<Expr>> rows, Schema schema) {
    List<List<Expr>> inside = new ArrayList<>();
    for (List<Expr> row : rows) {
      inside.add(
          row.stream().map(cell -> Expressions.map(cell, FromBinder::oneLevelFurtherOut)).toList());
    }
    List<Column> columns = new ArrayList<>(answers.schema().columns());
    columns.addAll(schema.columns());
    Plan made =
        new Plan.Apply(
            answers,
            new Plan.Values(inside, schema),
            new Plan.Question.Rows(false, null),
            new Schema(columns));
    List<Expr> shown = new ArrayList<>();
    for (int i = 0; i < schema.size(); i++) {
      shown.add(new Expr.Column(answers.schema().size() + i, schema.column(i).type()));
    }
    return new Plan.Project(made, shown, schema);
  }

  private static Expr oneLevelFurtherOut(Expr node) {
    return switch (node) {
      case Expr.Column(int index, var type) -> new Expr.Outer(1, index, type);
      case Expr.Outer(int level, int index, var type) -> new Expr.Outer(level + 1, index, type);
      default -> node;
    };
  }
}
