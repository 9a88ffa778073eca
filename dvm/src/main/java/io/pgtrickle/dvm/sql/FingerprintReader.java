package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.sql.Fingerprint.Output;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.type.SqlType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Walks the queries of a tree for their [Fingerprint].
final class FingerprintReader {
  private static final String SUBQUERY = "subquery ";

  private final Facts facts;
  private final List<Integer> relations = new ArrayList<>();
  private final List<String> functions = new ArrayList<>();

  /// What subqueries in expressions read and call, which is on no side of a join: the place where
  /// one is evaluated is ours to choose.
  private final List<Integer> asked = new ArrayList<>();
  private final List<String> called = new ArrayList<>();

  private final SortedSet<String> expressions = new TreeSet<>();
  private final SortedSet<String> conditions = new TreeSet<>();

  /// The conditions of the query at hand and those in its FROM: what selects the rows that its
  /// window functions see.
  private SortedSet<String> selection = new TreeSet<>();

  private final SortedSet<String> groups = new TreeSet<>();
  private final SortedSet<String> orders = new TreeSet<>();
  private int groupings;
  private int distincts;
  private int unions;
  private boolean dependentColumns;

  /// Whether the next query's rows are wanted in order.
  private boolean sorted;

  /// What the names of each level mean, for references out of subqueries.
  private final IdentityHashMap<Levels, Scope> scopes;

  FingerprintReader(Facts facts, IdentityHashMap<Levels, Scope> scopes) {
    this.facts = facts;
    this.scopes = scopes;
  }

  Fingerprint read(Node query) {
    return of(query(query, Levels.none(), 0));
  }

  private Fingerprint of(List<Output> columns) {
    List<String> output =
        columns.stream().map(column -> column.text() + " of type " + column.type()).toList();
    SortedMap<Integer, Integer> times = new TreeMap<>();
    Stream.of(relations, asked)
        .flatMap(List::stream)
        .forEach(relation -> times.merge(relation, 1, Integer::sum));
    SortedMap<String, Integer> calls = new TreeMap<>();
    Stream.of(functions, called)
        .flatMap(List::stream)
        .forEach(together -> calls.merge(together, 1, Integer::sum));
    return new Fingerprint(
        times,
        expressions,
        conditions,
        groups,
        output,
        calls,
        groupings,
        distincts,
        unions,
        orders,
        dependentColumns);
  }

  private void select(String condition) {
    conditions.add(condition);
    selection.add(condition);
  }

  private List<Output> query(Node query, Levels outer, int depth) {
    SortedSet<String> around = selection;
    selection = new TreeSet<>();
    List<Output> outputs = columns(query, outer, depth);
    around.addAll(selection);
    selection = around;
    return outputs;
  }

  private List<Output> columns(Node query, Levels outer, int depth) {
    boolean inOrder = sorted;
    sorted = false;
    NodeForm form = NodeForm.glance(query);
    Levels levels = outer.enter(form.nodes("cteList"), depth);
    List<TargetEntry> targets = form.nodes("targetList").stream().map(TargetEntry::of).toList();
    Scope scope =
        new Scope(
            form.nodes("rtable"),
            new Windows(form.nodes("windowClause"), targets),
            levels,
            scopes.get(outer));
    scopes.put(levels, scope);
    dependentColumns |= !form.numbers("constraintDeps").isEmpty();
    if (!form.isAbsent("setOperations")) {
      List<Output> combined = setOperation(form.node("setOperations"), scope);
      // The variables of the target list stand for the columns of the operation, in order.
      sorted(form, targets, inOrder, (target, _) -> combined.get(targets.indexOf(target)), scope);
      chosen(form, targets, inOrder, target -> combined.get(targets.indexOf(target)));
      return combined;
    }
    from(form.node("jointree"), scope);
    FingerprintText text = scope.text();
    List<Node> clauses = form.nodes("groupClause");
    unfold(form, targets, true, scope);
    List<Integer> references =
        clauses.stream().map(clause -> NodeForm.glance(clause).integer("tleSortGroupRef")).toList();
    targets.stream()
        .filter(target -> target.reference() != 0 && references.contains(target.reference()))
        .forEach(target -> scope.group(scope.meant(target.expression())));
    List<Node> sets = form.nodes("groupingSets");
    if (!sets.isEmpty()) {
      conditions.add(
          groupingSets(SetExpansion.of(sets, form.flag("groupDistinct")), targets, text));
    }
    boolean having = !form.isAbsent("havingQual");
    if (having) {
      text.conjuncts(form.node("havingQual")).forEach(this::select);
    }
    scope.selected = Fingerprint.digest(selection.toString());
    unfold(form, targets, false, scope);
    if (!clauses.isEmpty() || !sets.isEmpty() || having || form.flag("hasAggs")) {
      groupings++;
    }
    if (!form.nodes("distinctClause").isEmpty()) {
      distincts++;
    }
    sorted(form, targets, inOrder, (target, ofOrder) -> ofOrder.output(target.expression()), scope);
    // Once each: a subquery that is shown and sorted by is one subquery.
    IdentityHashMap<TargetEntry, Output> read = new IdentityHashMap<>();
    Function<TargetEntry, Output> column =
        target -> read.computeIfAbsent(target, _ -> text.output(target.expression()));
    chosen(form, targets, inOrder, column);
    List<Output> outputs = new ArrayList<>();
    for (TargetEntry target : targets) {
      boolean grouped = references.contains(target.reference());
      if (!target.junk() || grouped) {
        Output output = column.apply(target);
        if (grouped) {
          groups.add(output.text());
        }
        if (!target.junk()) {
          outputs.add(output);
        }
      }
    }
    return outputs;
  }

  /// Names the set-returning functions outside of FROM: those that are grouped by, or the others.
  private void unfold(NodeForm form, List<TargetEntry> targets, boolean groups, Scope scope) {
    if (!form.flag("hasTargetSRFs")) {
      return;
    }
    List<Integer> grouped =
        form.nodes("groupClause").stream()
            .map(clause -> NodeForm.glance(clause).integer("tleSortGroupRef"))
            .toList();
    scope.unfold(
        targets.stream()
            .filter(
                target ->
                    groups == (target.reference() != 0 && grouped.contains(target.reference())))
            .map(target -> scope.meant(target.expression()))
            .toList());
  }

  private static String groupingSets(
      List<SortedSet<Integer>> sets, List<TargetEntry> targets, FingerprintText text) {
    List<SortedSet<String>> named = new ArrayList<>();
    for (SortedSet<Integer> set : sets) {
      SortedSet<String> columns = new TreeSet<>();
      for (TargetEntry target : targets) {
        if (target.reference() != 0 && set.contains(target.reference())) {
          columns.add(text.output(target.expression()).text());
        }
      }
      named.add(columns);
    }
    return "grouping sets " + named.stream().map(Object::toString).sorted().toList();
  }

  /// How the rows are sorted, as far as a plan may say it.
  private void sorted(
      NodeForm form,
      List<TargetEntry> targets,
      boolean inOrder,
      BiFunction<TargetEntry, FingerprintText, Output> columns,
      Scope scope) {
    List<Node> order = form.nodes("sortClause");
    boolean chooses =
        form.flag("hasDistinctOn")
            || !number(form, "limitCount").equals("none")
            || !List.of("none", "0").contains(number(form, "limitOffset"));
    if (!inOrder && !chooses && new OrderBinder(targets, order, facts).isCarried()) {
      FingerprintText text = new FingerprintText(facts, scope, orders);
      orders.add("sorted by " + named(order, targets, target -> columns.apply(target, text)));
    }
  }

  /// Which rows are chosen: LIMIT, OFFSET and DISTINCT ON, and the order that they go by.
  private void chosen(
      NodeForm form,
      List<TargetEntry> targets,
      boolean inOrder,
      Function<TargetEntry, Output> columns) {
    if (inOrder) {
      select("sorted by " + named(form.nodes("sortClause"), targets, columns));
    }
    boolean distinctOn = form.flag("hasDistinctOn");
    String limit = number(form, "limitCount");
    String offset = number(form, "limitOffset");
    if (distinctOn) {
      select(
          "first of "
              + named(form.nodes("distinctClause"), targets, columns)
              + " by "
              + named(form.nodes("sortClause"), targets, columns));
    }
    if (!limit.equals("none") || (!offset.equals("none") && !offset.equals("0"))) {
      select(
          "limit %s offset %s ties %s by %s"
              .formatted(
                  limit,
                  offset.equals("0") ? "none" : offset,
                  form.integer("limitOption"),
                  named(form.nodes("sortClause"), targets, columns)));
    }
  }

  private String number(NodeForm form, String field) {
    OptionalLong number =
        form.isAbsent(field)
            ? OptionalLong.empty()
            : OrderBinder.number(form.node(field), "LIMIT", facts);
    return number.isPresent() ? String.valueOf(number.getAsLong()) : "none";
  }

  private static List<String> named(
      List<Node> clauses, List<TargetEntry> targets, Function<TargetEntry, Output> columns) {
    List<String> texts = new ArrayList<>();
    for (Node clause : clauses) {
      NodeForm form = NodeForm.glance(clause);
      int reference = form.integer("tleSortGroupRef");
      for (TargetEntry target : targets) {
        if (target.reference() == reference) {
          texts.add(
              "%s by %s nulls first %s"
                  .formatted(
                      columns.apply(target).text(), form.oid("sortop"), form.flag("nulls_first")));
        }
      }
    }
    return texts;
  }

  /// The WINDOW clauses of a query, and the target entries that they name.
  record Windows(List<Node> clauses, List<TargetEntry> targets) {
    String text(int reference, Function<TargetEntry, Output> columns) {
      for (Node clause : clauses) {
        NodeForm form = NodeForm.glance(clause);
        if (form.integer("winref") == reference) {
          List<String> partition = new ArrayList<>();
          for (Node item : form.nodes("partitionClause")) {
            int by = NodeForm.glance(item).integer("tleSortGroupRef");
            targets.stream()
                .filter(target -> target.reference() == by)
                .forEach(target -> partition.add(columns.apply(target).text()));
          }
          return "partition %s order %s frame %s from %s to %s"
              .formatted(
                  partition,
                  named(form.nodes("orderClause"), targets, columns),
                  // Without the bits that tell how the frame is spelled.
                  form.integer("frameOptions") & ~0x11,
                  offset(form, "startOffset", columns),
                  offset(form, "endOffset", columns));
        }
      }
      throw NodeForm.notUnderstood("a window function without a window");
    }

    private static String offset(
        NodeForm form, String field, Function<TargetEntry, Output> columns) {
      return form.isAbsent(field)
          ? "none"
          : columns.apply(new TargetEntry(form.node(field), field, 0, true)).text();
    }
  }

  /// Where variables of one query point.
  final class Scope implements FingerprintText.Names {
    private final List<Node> rangeTable;
    private final Windows windows;
    private final Levels levels;
    private final Map<Integer, List<Output>> read = new HashMap<>();

    /// Per entry the outer joins so far that may replace its columns by NULLs, innermost first.
    private final Map<Integer, List<String>> nulling = new HashMap<>();

    private final @Nullable Scope outer;

    /// A word for the conditions that select the rows.
    private String selected = "";

    private final IdentityHashMap<Node, Output> answers = new IdentityHashMap<>();
    private final Map<String, Output> grouped = new HashMap<>();

    Scope(List<Node> rangeTable, Windows windows, Levels levels, @Nullable Scope outer) {
      this.rangeTable = rangeTable;
      this.windows = windows;
      this.levels = levels;
      this.outer = outer;
    }

    /// Per call outside of FROM, those that it goes in step with.
    private final Map<String, String> steps = new HashMap<>();

    void unfold(List<Node> expressions) {
      for (List<Node> calls : SetReturning.byDepth(expressions).values()) {
        List<Output> step = new ArrayList<>();
        for (Node node : calls) {
          Output call = text().call(node);
          if (!steps.containsKey(call.text()) && !step.contains(call)) {
            step.add(call);
          }
        }
        String together = UnfoldedText.together(step);
        step.forEach(call -> steps.put(call.text(), together));
        if (!step.isEmpty()) {
          functions.add(together);
        }
      }
    }

    @Override
    public String together(Output call) {
      String together = steps.get(call.text());
      if (together == null) {
        throw NodeForm.notUnderstood("a set-returning function in this place");
      }
      return together;
    }

    /// An expression, or what it stands for where it names a member of the group list.
    Node meant(Node expression) {
      if (!NodeForm.tag(expression).equals("VAR")) {
        return expression;
      }
      Variable variable = Variable.of(expression);
      if (variable.levelsUp() > 0) {
        return expression;
      }
      NodeForm entry = NodeForm.glance(rangeTable.get(variable.entry() - 1));
      return entry.integer("rtekind") == 9
          ? entry.nodes("groupexprs").get(variable.attribute() - 1)
          : expression;
    }

    FingerprintText text() {
      return new FingerprintText(facts, this, expressions);
    }

    @Override
    public Output column(Variable variable, FingerprintText text) {
      if (variable.isWholeRow()) {
        return wholeRow(variable, text);
      }
      if (variable.levelsUp() > 0) {
        return outer(variable);
      }
      Output column = resolved(variable, text);
      for (String join : nulling.getOrDefault(variable.entry(), List.of())) {
        column = new Output(nulled(join, column.text()), column.type(), column.collation());
      }
      return column;
    }

    /// A row is its fields, of which none says whether there is a row at all.
    private Output wholeRow(Variable variable, FingerprintText text) {
      Scope scope = around(variable.levelsUp());
      List<String> fields = new ArrayList<>();
      for (int attribute : scope.attributes(variable.entry())) {
        SqlType type = SqlType.of(0);
        Variable field = new Variable(variable.levelsUp(), variable.entry(), attribute, type);
        fields.add(column(field, text).text());
      }
      String present = FingerprintText.TRUE;
      for (String join : scope.nulling.getOrDefault(variable.entry(), List.of())) {
        present = nulled(join, present);
      }
      if (variable.levelsUp() > 0 && !present.equals(FingerprintText.TRUE)) {
        present = outer(levels.depth() - scope.levels.depth(), present);
      }
      return RowText.row(
          variable.type().oid(), scope.names(variable.entry()), fields, List.of(present));
    }

    @Override
    public List<Integer> attributes(Variable row) {
      return around(row.levelsUp()).attributes(row.entry());
    }

    private List<Integer> attributes(int index) {
      NodeForm entry = NodeForm.glance(rangeTable.get(index - 1));
      if (entry.integer("rtekind") == 0) {
        return facts
            .relation(entry.oid("relid"))
            .map(RelationShape::columns)
            .orElse(List.of())
            .stream()
            .map(RelationShape.Attribute::number)
            .toList();
      }
      return IntStream.rangeClosed(1, read(index).size()).boxed().toList();
    }

    private List<NodeTree> names(int index) {
      NodeForm entry = NodeForm.glance(rangeTable.get(index - 1));
      return NodeForm.glance(entry.node("eref")).items("colnames");
    }

    private Scope around(int levelsUp) {
      Scope scope = this;
      for (int i = 0; i < levelsUp; i++) {
        if (scope.outer == null) {
          throw NodeForm.notUnderstood("a reference out of a query");
        }
        scope = scope.outer;
      }
      return scope;
    }

    private static String nulled(String join, String column) {
      return "nulled " + join + " [" + column + "]";
    }

    private static String outer(int levelsOut, String column) {
      return "outer " + levelsOut + " [" + column + "]";
    }

    // A subquery in FROM is cut differently when deparsed, one in an expression is not: only the
    // latter count.
    private Output outer(Variable variable) {
      Scope scope = around(variable.levelsUp());
      Output column = scope.column(variable.there(), scope.text());
      int levelsOut = levels.depth() - scope.levels.depth();
      if (levelsOut == 0 && column.text().startsWith(SUBQUERY)) {
        // Where an answer is asked for is ours to choose.
        return column;
      }
      return new Output(outer(levelsOut, column.text()), column.type(), column.collation());
    }

    /// A subquery as one word: the digest of its own fingerprint. Read once wherever it is named,
    /// and where it is grouped by once wherever the same is said.
    @Override
    public Output subquery(NodeForm form, FingerprintText text) {
      Output known = answers.get(form.whole());
      if (known == null && !grouped.isEmpty()) {
        known = grouped.get(Likeness.of(form.whole()));
      }
      if (known == null) {
        known = asked(form, text);
        answers.put(form.whole(), known);
      }
      return known;
    }

    /// Reads the subqueries of an expression that is grouped by.
    void group(Node expression) {
      Likeness.forEachSubquery(
          expression,
          subquery -> {
            NodeForm form = NodeForm.glance(subquery);
            // One that says a whole row is none.
            if (RowText.of(form).isEmpty()) {
              grouped.put(Likeness.of(subquery), subquery(form, text()));
            }
          });
    }

    private Output asked(NodeForm form, FingerprintText text) {
      int kind = form.integer("subLinkType");
      String test = form.isAbsent("testexpr") ? "" : text.output(form.node("testexpr")).text();
      FingerprintReader inner = new FingerprintReader(facts, scopes);
      inner.sorted = kind == 6;
      List<Output> columns = inner.query(form.node("subselect"), levels, levels.depth() + 1);
      String digest = inner.of(columns).word();
      asked.addAll(inner.relations);
      called.addAll(inner.functions);
      include(inner);
      String name = SUBQUERY + kind + " [" + test + "] " + digest;
      Output first = columns.isEmpty() ? new Output("", 0, 0) : columns.getFirst();
      return switch (kind) {
        case 4 -> new Output(name, first.type(), first.collation());
        case 6 -> {
          int array = facts.arrayOf(first.type()).map(Facts.ArrayType::type).orElse(0);
          yield new Output(name, array, first.collation());
        }
        default -> new Output(name, 16, 0);
      };
    }

    @Override
    public String window(int reference, FingerprintText text) {
      return windows.text(reference, target -> text.output(target.expression()))
          + " of rows "
          + selected;
    }

    private Output resolved(Variable variable, FingerprintText text) {
      NodeForm entry = NodeForm.glance(rangeTable.get(variable.entry() - 1));
      int kind = entry.integer("rtekind");
      int at = variable.attribute() - 1;
      return switch (kind) {
        case 2 -> text.output(entry.nodes("joinaliasvars").get(at));
        case 9 -> text.output(entry.nodes("groupexprs").get(at));
        case 0 -> {
          List<Output> view = read.get(variable.entry());
          String name = "relation " + entry.oid("relid") + " column " + variable.attribute();
          yield view == null
              ? new Output(name, variable.type().oid(), variable.type().collation())
              : view.get(at);
        }
        default -> read(variable.entry()).get(at);
      };
    }

    void isNulled(int entry, String join) {
      nulling.computeIfAbsent(entry, _ -> new ArrayList<>()).add(join);
    }

    /// Reads an item of FROM, once.
    List<Output> read(int index) {
      List<Output> known = read.get(index);
      if (known != null) {
        return known;
      }
      NodeForm entry = NodeForm.glance(rangeTable.get(index - 1));
      List<Output> outputs =
          switch (entry.integer("rtekind")) {
            case 0 -> relation(entry.oid("relid"));
            case 1 -> query(entry.node("subquery"), levels, levels.depth());
            case 3 -> functions(entry, this);
            case 4 -> tableFunction(entry.node("tablefunc"), this);
            case 5 -> values(entry, this);
            case 6 -> {
              Levels.CommonTable table =
                  levels.find(entry.text("ctename"), entry.integer("ctelevelsup"));
              if (entry.flag("self_reference")) {
                yield found(entry);
              }
              yield table.recursive()
                  ? recursion(table, levels.depth())
                  : query(table.query(), table.levels(), levels.depth());
            }
            default -> List.of();
          };
      if (!outputs.isEmpty()) {
        read.put(index, outputs);
      }
      return outputs;
    }
  }

  /// The columns of a view; none for a table, which is where resolution ends.
  private List<Output> relation(int oid) {
    Optional<String> view = facts.relation(oid).flatMap(RelationShape::view);
    if (view.isPresent()) {
      return query(Binder.query(view.get()), Levels.none(), 0);
    }
    relations.add(oid);
    return List.of();
  }

  /// Takes over what does not depend on where it stands.
  private void include(FingerprintReader inner) {
    asked.addAll(inner.asked);
    called.addAll(inner.called);
    expressions.addAll(inner.expressions);
    conditions.addAll(inner.conditions);
    groups.addAll(inner.groups);
    orders.addAll(inner.orders);
    groupings += inner.groupings;
    distincts += inner.distincts;
    unions += inner.unions;
    dependentColumns |= inner.dependentColumns;
  }

  /// Reads a part of FROM.
  ///
  /// @return the range table entries in it
  private List<Integer> from(Node item, Scope scope) {
    NodeForm form = NodeForm.glance(item);
    List<Integer> entries = new ArrayList<>();
    switch (form.tag()) {
      case "RANGETBLREF" -> {
        entries.add(form.integer("rtindex"));
        scope.read(entries.getFirst());
      }
      case "FROMEXPR" -> {
        form.nodes("fromlist").forEach(each -> entries.addAll(from(each, scope)));
        quals(form, scope).forEach(this::select);
      }
      default -> entries.addAll(join(form, scope));
    }
    return entries;
  }

  private List<Integer> join(NodeForm form, Scope scope) {
    int before = relations.size();
    int calledBefore = functions.size();
    List<Integer> left = from(form.node("larg"), scope);
    int between = relations.size();
    int calledBetween = functions.size();
    List<Integer> right = from(form.node("rarg"), scope);
    String ofRight =
        side(
            relations.subList(between, relations.size()),
            functions.subList(calledBetween, functions.size()));
    int kind = form.integer("jointype");
    // What else is on the side that stays makes no difference: A × (B ⟕ C) = (A × B) ⟕ C.
    String sides =
        kind == 1
            ? ofRight
            : side(
                    relations.subList(before, between),
                    functions.subList(calledBefore, calledBetween))
                + " "
                + ofRight;
    List<String> on = quals(form, scope);
    if (kind == 0) {
      on.forEach(this::select);
    } else {
      String join = "outer join " + kind + " of " + sides + " on " + new TreeSet<>(on);
      select(join);
      String name = Fingerprint.digest(join);
      // 1 keeps the left side, 3 the right one, 2 both.
      if (kind != 3) {
        right.forEach(entry -> scope.isNulled(entry, name));
      }
      if (kind != 1) {
        left.forEach(entry -> scope.isNulled(entry, name));
      }
    }
    List<Integer> both = new ArrayList<>(left);
    both.addAll(right);
    return both;
  }

  private static String side(List<Integer> read, List<String> called) {
    return read + (called.isEmpty() ? "" : " and " + called);
  }

  private List<String> quals(NodeForm form, Scope scope) {
    if (form.isAbsent("quals")) {
      return List.of();
    }
    return scope.text().conjuncts(form.node("quals"));
  }

  private List<Output> functions(NodeForm entry, Scope scope) {
    UnfoldedText unfolded = UnfoldedText.of(entry, scope.text(), facts);
    functions.add(unfolded.together());
    return unfolded.columns();
  }

  private List<Output> tableFunction(Node function, Scope scope) {
    String called = scope.text().output(function).text();
    functions.add(called);
    NodeForm form = NodeForm.glance(function);
    List<Integer> types = form.numbers("coltypes");
    List<Integer> collations = form.numbers("colcollations");
    List<Output> outputs = new ArrayList<>();
    for (int i = 0; i < types.size(); i++) {
      String column = "column " + (i + 1) + " of [" + called + "]";
      outputs.add(new Output(column, types.get(i), collations.get(i)));
    }
    return outputs;
  }

  private List<Output> values(NodeForm entry, Scope scope) {
    FingerprintText text = scope.text();
    List<Integer> types = entry.numbers("coltypes");
    List<List<String>> columns = new ArrayList<>();
    types.forEach(_ -> columns.add(new ArrayList<>()));
    for (NodeTree row : entry.items("values_lists")) {
      List<NodeTree> cells = row.children().toList();
      for (int i = 0; i < cells.size(); i++) {
        if (cells.get(i) instanceof Node cell) {
          columns.get(i).add(text.output(cell).text());
        }
      }
    }
    List<Integer> collations = entry.numbers("colcollations");
    List<Output> outputs = new ArrayList<>();
    for (int i = 0; i < types.size(); i++) {
      int collation = collations.get(i);
      outputs.add(
          new Output("values" + columns.get(i) + " collate " + collation, types.get(i), collation));
    }
    return outputs;
  }

  private List<Output> setOperation(Node node, Scope scope) {
    NodeForm form = NodeForm.glance(node);
    if (form.tag().equals("RANGETBLREF")) {
      return scope.read(form.integer("rtindex"));
    }
    int before = relations.size();
    List<Output> left = setOperation(form.node("larg"), scope);
    int between = relations.size();
    List<Output> right = setOperation(form.node("rarg"), scope);
    int operation = form.integer("op");
    boolean all = form.flag("all");
    if (operation == 1) {
      unions++;
      if (!all) {
        distincts++;
      }
    }
    List<Integer> types = form.numbers("colTypes");
    List<Integer> collations = form.numbers("colCollations");
    List<Output> outputs = new ArrayList<>();
    for (int i = 0; i < types.size(); i++) {
      int type = types.get(i);
      int collation = collations.get(i);
      String both =
          converted(left.get(i), type, collation) + ", " + converted(right.get(i), type, collation);
      outputs.add(
          new Output(
              "operation %s collate %s [%s]".formatted(operation, collation, both),
              type,
              collation));
    }
    if (operation != 1) {
      select(
          "set operation %s %s of %s and %s: %s"
              .formatted(
                  operation,
                  all,
                  relations.subList(before, between),
                  relations.subList(between, relations.size()),
                  outputs));
    }
    return outputs;
  }

  /// The rows that a WITH query has found, where it reads itself: those of the innermost one.
  private static List<Output> found(NodeForm entry) {
    List<Integer> types = entry.numbers("coltypes");
    List<Integer> collations = entry.numbers("colcollations");
    List<Output> outputs = new ArrayList<>();
    for (int i = 0; i < types.size(); i++) {
      outputs.add(new Output("found column " + (i + 1), types.get(i), collations.get(i)));
    }
    return outputs;
  }

  /// A WITH query that reads itself: its columns with the digests of both terms.
  private List<Output> recursion(Levels.CommonTable table, int depth) {
    NodeForm form = NodeForm.glance(table.query());
    Levels levels = table.levels().enter(form.nodes("cteList"), depth);
    NodeForm union = NodeForm.glance(form.node("setOperations"));
    List<Node> rangeTable = form.nodes("rtable");
    FingerprintReader base = new FingerprintReader(facts, scopes);
    FingerprintReader step = new FingerprintReader(facts, scopes);
    List<Output> first = base.term(union.node("larg"), rangeTable, levels, table.levels());
    List<Output> again = step.term(union.node("rarg"), rangeTable, levels, table.levels());
    String digests = base.of(first).word() + " " + step.of(again).word();
    for (FingerprintReader term : List.of(base, step)) {
      relations.addAll(term.relations);
      functions.addAll(term.functions);
      include(term);
    }
    unions++;
    boolean all = union.flag("all");
    if (!all) {
      distincts++;
    }
    List<Integer> types = union.numbers("colTypes");
    List<Integer> collations = union.numbers("colCollations");
    List<Output> outputs = new ArrayList<>();
    for (int i = 0; i < types.size(); i++) {
      int type = types.get(i);
      int collation = collations.get(i);
      String both =
          converted(first.get(i), type, collation)
              + ", "
              + converted(again.get(i), type, collation);
      outputs.add(
          new Output("recursion %s %s [%s]".formatted(all, digests, both), type, collation));
    }
    Scope around = scopes.get(table.levels());
    if (table.trail().isPresent() && around != null) {
      outputs.addAll(table.trail().get().outputs(List.copyOf(outputs), around.text()::output));
    }
    return outputs;
  }

  private List<Output> term(Node operand, List<Node> rangeTable, Levels levels, Levels outer) {
    Scope scope =
        new Scope(rangeTable, new Windows(List.of(), List.of()), levels, scopes.get(outer));
    scopes.put(levels, scope);
    return setOperation(operand, scope);
  }

  /// What the planner does to a column whose type is not that of the result.
  private String converted(Output column, int type, int collation) {
    if (column.type() == type) {
      return column.text();
    }
    String text = column.text();
    int reached = column.type();
    Optional<Signature> function =
        facts.implicitCast(column.type(), type).flatMap(Facts.Cast::function);
    if (function.isPresent()) {
      int cast = function.get().oid();
      text = FingerprintText.call(cast, column.collation(), List.of(text));
      reached = function.get().result();
      expressions.add(text);
    }
    if (reached != type) {
      text = FingerprintText.relabel(type, collation, text);
      expressions.add(text);
    }
    return text;
  }
}
