package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// The SEARCH and CYCLE clauses of a WITH query: CTESEARCHCLAUSE and CTECYCLECLAUSE nodes.
///
/// @param names those of the query's own columns
record TrailClauses(@Nullable Node search, @Nullable Node cycle, List<String> names) {
  static final int RECORD_ARRAY = 2287;

  // Spelled out: a compact constructor would lose the annotation of a nullable component.
  TrailClauses(@Nullable Node search, @Nullable Node cycle, List<String> names) {
    this.search = search;
    this.cycle = cycle;
    this.names = List.copyOf(names);
  }

  /// Those of a COMMONTABLEEXPR node, if it has any.
  static Optional<TrailClauses> of(NodeForm table) {
    @Nullable Node search = table.isAbsent("search_clause") ? null : table.node("search_clause");
    @Nullable Node cycle = table.isAbsent("cycle_clause") ? null : table.node("cycle_clause");
    return search == null && cycle == null
        ? Optional.empty()
        : Optional.of(new TrailClauses(search, cycle, names(table.items("ctecolnames"))));
  }

  private static List<String> names(List<NodeTree> tokens) {
    List<String> names = new ArrayList<>();
    for (NodeTree token : tokens) {
      if (!(token instanceof NodeTree.Token(String name))) {
        throw NodeForm.notUnderstood("the name of a column");
      }
      names.add(name);
    }
    return names;
  }

  /// What they add to rows of a schema.
  Plan.Trail bind(Schema rows, Facts facts) {
    return new Plan.Trail(
        search == null ? null : NodeForm.read(search, form -> search(form, rows, facts)),
        cycle == null ? null : NodeForm.read(cycle, form -> cycle(form, rows, facts)));
  }

  private Plan.Search search(NodeForm form, Schema rows, Facts facts) {
    List<Integer> by = positions(form, "search_col_list");
    boolean breadth = form.flag("search_breadth_first");
    SqlType type = type(breadth ? FunctionBinder.RECORD : RECORD_ARRAY, by, rows, facts);
    return new Plan.Search(breadth, by, new Column(form.text("search_seq_column"), type));
  }

  private Plan.Cycle cycle(NodeForm form, Schema rows, Facts facts) {
    List<Integer> by = positions(form, "cycle_col_list");
    SqlType type =
        SqlType.of(
            form.oid("cycle_mark_type"),
            form.integer("cycle_mark_typmod"),
            form.oid("cycle_mark_collation"));
    // Says the same as the type, whose own inequality it is.
    form.oid("cycle_mark_neop");
    return new Plan.Cycle(
        by,
        new Column(form.text("cycle_mark_column"), type),
        mark(form.node("cycle_mark_value"), type, facts),
        mark(form.node("cycle_mark_default"), type, facts),
        new Column(form.text("cycle_path_column"), type(RECORD_ARRAY, by, rows, facts)));
  }

  private static Expr.Literal mark(Node node, SqlType type, Facts facts) {
    Expr bound =
        new ExpressionBinder(
                facts,
                _ -> {
                  throw NodeForm.notUnderstood("a mark of CYCLE");
                })
            .bind(node);
    boolean known =
        type.kind() == TypeKind.BOOL
            || type.kind() == TypeKind.INT4
            || type.kind() == TypeKind.TEXT;
    if (!known
        || !(bound instanceof Expr.Literal literal)
        || literal.value() == null
        || literal.type().kind() != type.kind()
        || (literal.value() instanceof Long number && number < 0)
        || (type.kind().isText() && !isDeterministic(type, facts))) {
      throw QueryRejected.notYet(
          "unsupported_clause", "CYCLE with marks other than booleans, texts and numbers");
    }
    return literal;
  }

  private List<Integer> positions(NodeForm form, String field) {
    return names(form.items(field)).stream()
        .map(
            name -> {
              int at = names.indexOf(name);
              if (at < 0) {
                throw NodeForm.notUnderstood("a column that SEARCH or CYCLE goes by");
              }
              return at;
            })
        .toList();
  }

  private static SqlType type(int oid, List<Integer> by, Schema rows, Facts facts) {
    boolean ordered = true;
    for (int at : by) {
      SqlType type = rows.column(at).type();
      boolean comparable =
          type.kind() != TypeKind.OPAQUE && (!type.kind().isText() || isDeterministic(type, facts));
      if (!comparable) {
        throw QueryRejected.notYet(
            "unsupported_type",
            "SEARCH or CYCLE by a column of type "
                + facts.typeName(type.oid()).orElse(String.valueOf(type.oid())));
      }
      ordered &=
          !type.kind().isText()
              || facts
                  .collation(type.collation())
                  .map(known -> known.properties().byteOrder())
                  .orElse(false);
    }
    return SqlType.trail(oid, ordered);
  }

  private static boolean isDeterministic(SqlType type, Facts facts) {
    return facts
        .collation(type.collation())
        .map(known -> known.properties().deterministic())
        .orElse(false);
  }

  /// The columns as texts that say all about them.
  ///
  /// @param rows the query's own columns
  /// @param text says an expression
  List<Fingerprint.Output> outputs(
      List<Fingerprint.Output> rows, Function<Node, Fingerprint.Output> text) {
    List<Fingerprint.Output> outputs = new ArrayList<>();
    if (search != null) {
      NodeForm form = NodeForm.glance(search);
      boolean breadth = form.flag("search_breadth_first");
      String sequence =
          "sequence breadth %s by %s"
              .formatted(breadth, texts(positions(form, "search_col_list"), rows));
      int type = breadth ? FunctionBinder.RECORD : RECORD_ARRAY;
      outputs.add(new Fingerprint.Output(sequence, type, 0));
    }
    if (cycle != null) {
      NodeForm form = NodeForm.glance(cycle);
      List<String> by = texts(positions(form, "cycle_col_list"), rows);
      int type = form.oid("cycle_mark_type");
      int collation = form.oid("cycle_mark_collation");
      String mark =
          "mark %s default %s unequal by %s collate %s on cycles of %s"
              .formatted(
                  text.apply(form.node("cycle_mark_value")).text(),
                  text.apply(form.node("cycle_mark_default")).text(),
                  form.oid("cycle_mark_neop"),
                  collation,
                  by);
      outputs.add(new Fingerprint.Output(mark, type, collation));
      outputs.add(new Fingerprint.Output("path with " + mark, RECORD_ARRAY, 0));
    }
    return outputs;
  }

  private static List<String> texts(List<Integer> positions, List<Fingerprint.Output> rows) {
    return positions.stream().map(at -> rows.get(at).text()).toList();
  }
}
