package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/// What an analyzed query computes, independent of how it is cut into subqueries.
///
/// Every scalar expression is written out down to columns of base relations, through subqueries,
/// views, WITH queries, joins and groupings. Two trees with equal fingerprints read the same
/// relations, apply the same functions to the same arguments, under the same collations, test the
/// same conditions, group by the same values and return the same columns in the same order.
///
/// It is computed from the tree alone, without [Binder], so that it can testify against it.
///
/// @param relations how often each base relation is read, by OID
/// @param expressions every subexpression other than a column or constant
/// @param conditions the conjuncts of WHERE, ON and HAVING
/// @param groups the grouped expressions
/// @param output the result's columns
/// @param groupings how many queries group or aggregate
/// @param distincts how many DISTINCT and UNION (without ALL) there are
/// @param unions how many UNIONs there are, of either kind
/// @param dependentColumns whether columns depend on grouped ones by a primary key
public record Fingerprint(
    SortedMap<Integer, Integer> relations,
    SortedSet<String> expressions,
    SortedSet<String> conditions,
    SortedSet<String> groups,
    List<String> output,
    int groupings,
    int distincts,
    int unions,
    boolean dependentColumns) {

  /// The fingerprint of an analyzed query; views are followed as `facts` describes them.
  public static Fingerprint of(String tree, Facts facts) {
    return new Reader(facts).read(Binder.query(tree));
  }

  /// What differs first between this tree and that of the deparsed plan; empty when nothing does.
  public Optional<String> difference(Fingerprint other) {
    if (!relations.equals(other.relations)) {
      return differs("relations", relations, other.relations);
    }
    if (!output.equals(other.output)) {
      return differs("result columns", output, other.output);
    }
    if (!conditions.equals(other.conditions)) {
      return differs("conditions", conditions, other.conditions);
    }
    // Dependent columns are grouped by where they were not, which splits no group.
    boolean sameGroups =
        dependentColumns ? other.groups.containsAll(groups) : groups.equals(other.groups);
    if (!sameGroups) {
      return differs("groups", groups, other.groups);
    }
    if (!expressions.equals(other.expressions)) {
      return differs("expressions", expressions, other.expressions);
    }
    List<Integer> counts = List.of(groupings, distincts, unions);
    List<Integer> otherCounts = List.of(other.groupings, other.distincts, other.unions);
    return counts.equals(otherCounts)
        ? Optional.empty()
        : differs("numbers of groupings, DISTINCTs and UNIONs", counts, otherCounts);
  }

  private static Optional<String> differs(String what, Object mine, Object theirs) {
    return Optional.of(what + " differ: " + mine + " and " + theirs);
  }

  /// A column of a query, resolved.
  record Output(String text, int type, int collation) {}

  /// Walks the queries of a tree.
  private static final class Reader {
    private final Facts facts;
    private final SortedMap<Integer, Integer> relations = new TreeMap<>();
    private final SortedSet<String> expressions = new TreeSet<>();
    private final SortedSet<String> conditions = new TreeSet<>();
    private final SortedSet<String> groups = new TreeSet<>();
    private int groupings;
    private int distincts;
    private int unions;
    private boolean dependentColumns;

    Reader(Facts facts) {
      this.facts = facts;
    }

    Fingerprint read(Node query) {
      List<String> output =
          query(query, Levels.none()).stream()
              .map(column -> column.text() + " of type " + column.type())
              .toList();
      return new Fingerprint(
          relations,
          expressions,
          conditions,
          groups,
          output,
          groupings,
          distincts,
          unions,
          dependentColumns);
    }

    private List<Output> query(Node query, Levels outer) {
      NodeForm form = NodeForm.glance(query);
      Scope scope =
          new Scope(form.nodes("rtable"), outer.enter(form.nodes("cteList")), new HashMap<>());
      dependentColumns |= !form.numbers("constraintDeps").isEmpty();
      List<TargetEntry> targets = form.nodes("targetList").stream().map(TargetEntry::of).toList();
      if (!form.isAbsent("setOperations")) {
        return setOperation(form.node("setOperations"), scope);
      }
      from(form.node("jointree"), scope);
      FingerprintText text = new FingerprintText(facts, scope.columns(), expressions);
      List<Node> clauses = form.nodes("groupClause");
      List<Integer> references =
          clauses.stream()
              .map(clause -> NodeForm.glance(clause).integer("tleSortGroupRef"))
              .toList();
      boolean having = !form.isAbsent("havingQual");
      if (having) {
        conditions.addAll(text.conjuncts(form.node("havingQual")));
      }
      if (!clauses.isEmpty() || having || form.flag("hasAggs")) {
        groupings++;
      }
      if (!form.nodes("distinctClause").isEmpty()) {
        distincts++;
      }
      List<Output> outputs = new ArrayList<>();
      for (TargetEntry target : targets) {
        boolean grouped = references.contains(target.reference());
        if (!target.junk() || grouped) {
          Output output = text.output(target.expression());
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

    /// Where variables of one query point.
    private final class Scope {
      private final List<Node> rangeTable;
      private final Levels levels;
      private final Map<Integer, List<Output>> read;

      Scope(List<Node> rangeTable, Levels levels, Map<Integer, List<Output>> read) {
        this.rangeTable = rangeTable;
        this.levels = levels;
        this.read = read;
      }

      FingerprintText.Columns columns() {
        return this::column;
      }

      private Output column(Variable variable, FingerprintText text) {
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
              case 1 -> query(entry.node("subquery"), levels);
              case 5 -> values(entry, this);
              case 6 -> {
                Levels.CommonTable table =
                    levels.find(entry.text("ctename"), entry.integer("ctelevelsup"));
                yield query(table.query(), table.levels());
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
        return query(Binder.query(view.get()), Levels.none());
      }
      relations.merge(oid, 1, Integer::sum);
      return List.of();
    }

    private void from(Node item, Scope scope) {
      NodeForm form = NodeForm.glance(item);
      switch (form.tag()) {
        case "RANGETBLREF" -> scope.read(form.integer("rtindex"));
        case "FROMEXPR" -> form.nodes("fromlist").forEach(each -> from(each, scope));
        default -> {
          from(form.node("larg"), scope);
          from(form.node("rarg"), scope);
        }
      }
      if (!form.tag().equals("RANGETBLREF") && !form.isAbsent("quals")) {
        FingerprintText text = new FingerprintText(facts, scope.columns(), expressions);
        conditions.addAll(text.conjuncts(form.node("quals")));
      }
    }

    private List<Output> values(NodeForm entry, Scope scope) {
      FingerprintText text = new FingerprintText(facts, scope.columns(), expressions);
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
        outputs.add(new Output("values" + columns.get(i), types.get(i), collations.get(i)));
      }
      return outputs;
    }

    private List<Output> setOperation(Node node, Scope scope) {
      NodeForm form = NodeForm.glance(node);
      if (form.tag().equals("RANGETBLREF")) {
        return scope.read(form.integer("rtindex"));
      }
      List<Output> left = setOperation(form.node("larg"), scope);
      List<Output> right = setOperation(form.node("rarg"), scope);
      unions++;
      if (!form.flag("all")) {
        distincts++;
      }
      List<Integer> types = form.numbers("colTypes");
      List<Integer> collations = form.numbers("colCollations");
      List<Output> outputs = new ArrayList<>();
      for (int i = 0; i < types.size(); i++) {
        int type = types.get(i);
        int collation = collations.get(i);
        String both =
            converted(left.get(i), type, collation)
                + ", "
                + converted(right.get(i), type, collation);
        outputs.add(new Output("union[" + both + "]", type, collation));
      }
      return outputs;
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
}
