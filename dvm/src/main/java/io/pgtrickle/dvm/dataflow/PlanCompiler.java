package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.expr.ClockCondition;
import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.PlainTexts;
import io.pgtrickle.dvm.expr.RowPredicate;
import io.pgtrickle.dvm.operator.Chain;
import io.pgtrickle.dvm.operator.Distinct;
import io.pgtrickle.dvm.operator.Filter;
import io.pgtrickle.dvm.operator.InnerJoin;
import io.pgtrickle.dvm.operator.MarkJoin;
import io.pgtrickle.dvm.operator.OuterJoin;
import io.pgtrickle.dvm.operator.Project;
import io.pgtrickle.dvm.operator.RowKey;
import io.pgtrickle.dvm.operator.SetOperation;
import io.pgtrickle.dvm.operator.Stage;
import io.pgtrickle.dvm.operator.TemporalFilter;
import io.pgtrickle.dvm.operator.TopK;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.rewrite.JoinTree;
import io.pgtrickle.dvm.server.Server;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.StringJoiner;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Turns the plan of one view into nodes, taking those that exist already.
///
/// It changes nothing that exists: new nodes are linked in by the caller once all of them could be
/// made.
final class PlanCompiler {
  private final Map<Object, Node> nodes;
  private final EvaluationSettings settings;
  private final Expressions expressions;
  private final Storage storage;
  private final Server server;
  private final JoinTree.Choice apart;
  private final Set<Node> used = new LinkedHashSet<>();

  /// The recursion whose step is being compiled; empty outside of all.
  private String recursion = "";

  /// What identifies the node of a subplan.
  record PlanKey(Plan plan, EvaluationSettings settings) {}

  /// What identifies the node of a part of a recursion's step.
  ///
  /// @param recursion the name of the node whose rows it reads
  record StepKey(Plan plan, EvaluationSettings settings, String recursion) {}

  /// @param nodes the existing nodes by key; new ones are added
  /// @param apart which results of joins are not kept
  PlanCompiler(
      Map<Object, Node> nodes,
      EvaluationSettings settings,
      Expressions expressions,
      Storage storage,
      Server server,
      JoinTree.Choice apart) {
    this.nodes = nodes;
    this.settings = settings;
    this.expressions = expressions;
    this.storage = storage;
    this.server = server;
    this.apart = apart;
  }

  /// The major version.
  int serverVersion() {
    return settings.serverVersion();
  }

  /// A compiler that knows what this one has used, to try something.
  ///
  /// @param copy takes the nodes
  PlanCompiler trial(Map<Object, Node> copy) {
    used.forEach(node -> copy.put(node.key(), node));
    return new PlanCompiler(copy, settings, expressions, storage, server, apart);
  }

  /// Every node the compiled plans need, inputs first.
  List<Node> used() {
    return List.copyOf(used);
  }

  /// The node with a key, made if there is none.
  Node node(Object key, Supplier<Node> make) {
    Node node = nodes.get(key);
    if (node == null) {
      node = make.get();
      nodes.put(key, node);
    }
    use(node);
    return node;
  }

  private void use(Node node) {
    if (!used.contains(node)) {
      node.inputs().forEach(this::use);
      used.add(node);
    }
  }

  /// The node of a plan; `null` where it is none, because it is a part of another.
  @Nullable Node existing(Plan plan) {
    return nodes.get(
        plan instanceof Plan.Scan scan ? new SourceNode.Key(scan.relation()) : planKey(plan));
  }

  Node compile(Plan plan) {
    return switch (plan) {
      case Plan.Scan scan -> scan(scan);
      case Plan.Values values -> node(planKey(plan), () -> values(values));
      case Plan.Working _ ->
          node(planKey(plan), () -> new WorkingNode(planKey(plan), plan.schema()));
      case Plan.Recursion each -> node(planKey(plan), () -> recursion(each));
      case Plan.Filter filter when isTemporal(filter) ->
          node(planKey(plan), () -> temporal(filter));
      case Plan.Filter filter -> node(planKey(plan), () -> chain(filter));
      case Plan.Project project -> node(planKey(plan), () -> chain(project));
      case Plan.Unfold unfold -> node(planKey(plan), () -> unfolded(unfold));
      case Plan.Ask ask -> node(planKey(plan), () -> ask(ask));
      case Plan.Join join -> node(planKey(plan), () -> join(join));
      case Plan.OuterJoin join -> node(planKey(plan), () -> outerJoin(join));
      case Plan.MarkJoin join -> node(planKey(plan), () -> markJoin(join));
      case Plan.Apply apply ->
          throw new IllegalArgumentException("a subquery was not unnested: " + apply.question());
      case Plan.UnionAll union ->
          node(
              planKey(plan),
              () ->
                  new UnionNode(
                      planKey(plan),
                      plan.schema(),
                      "UnionAll",
                      union.inputs().stream().map(this::compile).toList()));
      case Plan.GroupingSets _ ->
          throw new IllegalArgumentException("grouping sets were not taken apart");
      case Plan.TopK top -> node(planKey(plan), () -> topK(top));
      case Plan.Window window ->
          node(planKey(plan), () -> new WindowCompiler(this, window).compile());
      case Plan.SetOperation operation -> node(planKey(plan), () -> setOperation(operation));
      case Plan.Distinct distinct -> node(planKey(plan), () -> distinct(distinct));
      case Plan.Aggregate aggregate ->
          node(planKey(plan), () -> new AggregateCompiler(this, aggregate).compile());
    };
  }

  Object planKey(Plan plan) {
    return plan.iterates() ? new StepKey(plan, settings, recursion) : new PlanKey(plan, settings);
  }

  private Node recursion(Plan.Recursion plan) {
    Object key = planKey(plan);
    Node base = compile(plan.base());
    String around = recursion;
    recursion = Identity.of(key);
    Node step = compile(plan.step());
    Schema numbered = Plan.Recursion.numbered(plan.schema());
    Node working = compile(new Plan.Working(numbered));
    recursion = around;
    return new RecursionNode(
        key,
        plan.schema(),
        List.of(base, step, working),
        plan.all() ? null : rowKey(columns(numbered).subList(1, numbered.size()), numbered),
        RecursionLimit.DEFAULT,
        storage);
  }

  Storage storage() {
    return storage;
  }

  Evaluator evaluator(Expr expression, Schema input) {
    return expressions.compile(expression, input, settings);
  }

  /// What rows are joined on: an AND at the top is a list, of which nothing is evaluated behind the
  /// first part that is not true. Within an expression it would go on after NULL.
  RowPredicate condition(Expr condition, Schema input) {
    List<Evaluator> conjuncts =
        conjuncts(condition).map(conjunct -> evaluator(conjunct, input)).toList();
    return row -> {
      for (Evaluator conjunct : conjuncts) {
        if (!Boolean.TRUE.equals(conjunct.evaluate(row))) {
          return false;
        }
      }
      return true;
    };
  }

  private static Stream<Expr> conjuncts(Expr condition) {
    return condition instanceof Expr.And(List<Expr> operands)
        ? operands.stream().flatMap(PlanCompiler::conjuncts)
        : Stream.of(condition);
  }

  private Node scan(Plan.Scan scan) {
    Node node = node(new SourceNode.Key(scan.relation()), () -> new SourceNode(scan));
    if (!node.schema().equals(scan.schema())) {
      throw new IllegalArgumentException(
          "relation "
              + scan.name()
              + " is scanned as "
              + scan.schema()
              + " and as "
              + node.schema()
              + "; all scans of a relation have one schema");
    }
    return node;
  }

  private Node values(Plan.Values values) {
    Schema none = new Schema(List.of());
    return new ValuesNode(
        planKey(values),
        values.schema(),
        values.rows().stream()
            .map(row -> row.stream().map(value -> evaluator(value, none)).toList())
            .toList());
  }

  private Node chain(Plan top) {
    Deque<Stage> stages = new ArrayDeque<>();
    StringJoiner label = new StringJoiner(" · ");
    Plan plan = top;
    for (; ; ) {
      if (plan instanceof Plan.Filter filter && !isTemporal(filter)) {
        stages.addFirst(stage(filter));
        label.add("Filter");
        plan = filter.input();
      } else if (plan instanceof Plan.Project project) {
        stages.addFirst(project(project));
        label.add("Project");
        plan = project.input();
      } else if (plan instanceof Plan.Unfold unfold && unfold.asked() == null) {
        stages.addFirst(unfold(unfold));
        label.add("Unfold");
        plan = unfold.input();
      } else {
        break;
      }
    }
    Stage whole = stages.size() == 1 ? stages.getFirst() : new Chain(new ArrayList<>(stages));
    return new ChainNode(planKey(top), top.schema(), compile(plan), whole, label.toString());
  }

  private static boolean isTemporal(Plan.Filter filter) {
    return io.pgtrickle.dvm.expr.Expressions.readsClock(filter.condition());
  }

  private Node temporal(Plan.Filter filter) {
    List<Expr> conditions =
        filter.condition() instanceof Expr.And(List<Expr> operands)
            ? operands
            : List.of(filter.condition());
    return new TemporalNode(
        planKey(filter),
        filter.schema(),
        compile(filter.input()),
        new TemporalFilter(
            conditions.stream()
                .map(each -> ClockCondition.compile(each, filter.schema(), settings))
                .toList()),
        storage);
  }

  private Node ask(Plan.Ask ask) {
    List<AskNode.Round> rounds = new ArrayList<>();
    int width = ask.input().schema().size();
    for (Plan.Asked asked : ask.inquiries()) {
      Schema before = prefix(ask.schema(), width);
      width += 2;
      rounds.add(
          AskNode.Round.of(
              asked.inquiry(),
              asked.arguments().stream().map(argument -> evaluator(argument, before)).toList(),
              plainTexts(asked),
              before,
              prefix(ask.schema(), width)));
    }
    return new AskNode(planKey(ask), ask.schema(), compile(ask.input()), server, rounds);
  }

  private @Nullable PlainTexts plainTexts(Plan.Asked asked) {
    SqlType read = asked.read();
    return read == null
        ? null
        : PlainTexts.of(asked.arguments().getFirst().type(), read, settings).orElse(null);
  }

  private static Schema prefix(Schema schema, int columns) {
    return new Schema(schema.columns().subList(0, columns));
  }

  Stage stage(Plan.Filter filter) {
    if (isTemporal(filter)) {
      return ((TemporalNode) compile(filter)).stage();
    }
    return new Filter(evaluator(filter.condition(), filter.input().schema()));
  }

  private Node unfolded(Plan.Unfold unfold) {
    Plan.AskedRows asked = unfold.asked();
    return asked == null
        ? chain(unfold)
        : new UnfoldCompiler(this, unfold).asking(asked, compile(unfold.input()), server);
  }

  Stage unfold(Plan.Unfold unfold) {
    return new UnfoldCompiler(this, unfold).compile();
  }

  Project project(Plan.Project project) {
    return project(project.expressions(), project.input().schema(), project.schema());
  }

  Project project(List<Expr> columns, Schema input, Schema output) {
    List<Project.Source> sources = new ArrayList<>();
    for (int i = 0; i < columns.size(); i++) {
      Integer passed = passedColumn(columns.get(i));
      boolean copy =
          passed != null && input.column(passed).type().kind() == output.column(i).type().kind();
      sources.add(
          copy && passed != null
              ? new Project.Passed(passed)
              : new Project.Computed(evaluator(columns.get(i), input)));
    }
    return new Project(input, output, sources);
  }

  /// The column that an expression passes on unchanged; `null` when it computes something.
  static @Nullable Integer passedColumn(Expr expression) {
    if (expression instanceof Expr.Relabel relabel) {
      return passedColumn(relabel.input());
    }
    return expression instanceof Expr.Column column ? column.index() : null;
  }

  RowKey rowKey(List<Expr> keys, Schema input) {
    return sortedKey(ascending(keys), input);
  }

  private static List<Plan.SortKey> ascending(List<Expr> keys) {
    return keys.stream().map(Plan.SortKey::ascending).toList();
  }

  RowKey sortedKey(List<Plan.SortKey> keys, Schema input) {
    return new RowKey(
        keys.stream()
            .map(
                key ->
                    new RowKey.Part(
                        keyValue(key.value(), input),
                        TypeCodec.of(key.value().type()),
                        key.descending(),
                        key.nullsFirst()))
            .toList());
  }

  private RowKey.Value keyValue(Expr value, Schema input) {
    Integer passed = passedColumn(value);
    return passed != null && input.column(passed).type().kind() == value.type().kind()
        ? new RowKey.Stored(input, passed)
        : new RowKey.Computed(evaluator(value, input));
  }

  /// An input arranged by whole rows' expressions.
  ArrangeNode arrange(Plan input, List<Expr> keys, boolean dropNulls) {
    return arrange(input, keys, null, input.schema(), dropNulls);
  }

  /// An input arranged by keys, of which only some columns are kept.
  ArrangeNode arrange(
      Plan input, List<Expr> keys, @Nullable List<Expr> stored, Schema schema, boolean dropNulls) {
    return sorted(input, ascending(keys), stored, schema, dropNulls);
  }

  /// An input in an order: by partitions, and within them sorted.
  ArrangeNode sorted(Plan input, List<Expr> partition, List<Plan.SortKey> order) {
    return sorted(input, partition, order, null, input.schema());
  }

  /// An input in an order, of which only some columns are kept.
  ArrangeNode sorted(
      Plan input,
      List<Expr> partition,
      List<Plan.SortKey> order,
      @Nullable List<Expr> stored,
      Schema schema) {
    List<Plan.SortKey> keys = new ArrayList<>(ascending(partition));
    keys.addAll(order);
    return sorted(input, keys, stored, schema, false);
  }

  private ArrangeNode sorted(
      Plan input,
      List<Plan.SortKey> keys,
      @Nullable List<Expr> stored,
      Schema schema,
      boolean dropNulls) {
    Node from = compile(input);
    boolean plain =
        keys.stream().allMatch(key -> key.value() instanceof Expr.Column)
            && (stored == null || stored.stream().allMatch(value -> value instanceof Expr.Column));
    ArrangeNode.Key key =
        new ArrangeNode.Key(from.key(), keys, stored, dropNulls, plain ? null : settings);
    return (ArrangeNode)
        node(
            key,
            () ->
                new ArrangeNode(
                    key,
                    schema,
                    from,
                    sortedKey(keys, input.schema()),
                    stored == null ? null : project(stored, input.schema(), schema),
                    "Arrange",
                    storage));
  }

  /// A join as one of many inputs, where it is made so.
  Optional<DeltaJoin> deltaJoin(Plan.Join join) {
    return JoinTree.of(join, apart).map(tree -> new DeltaJoin(this, join, tree));
  }

  private Node join(Plan.Join join) {
    return deltaJoin(join).map(DeltaJoin::compile).orElseGet(() -> binaryJoin(join));
  }

  private Node binaryJoin(Plan.Join join) {
    Plan left = join.left();
    Plan right = join.right();
    ArrangeNode l = arrange(left, join.keys().stream().map(Plan.Key::left).toList(), true);
    ArrangeNode r = arrange(right, join.keys().stream().map(Plan.Key::right).toList(), true);
    Expr residual = join.residual();
    InnerJoin operator =
        new InnerJoin(
            left.schema(),
            right.schema(),
            join.schema(),
            residual == null ? null : condition(residual, join.schema()));
    return new KeyedNode(
        planKey(join),
        join.schema(),
        join.keys().isEmpty() ? "Cross join" : "Join",
        operator,
        List.of(l, r),
        List.of(new KeyedNode.Arranged(), new KeyedNode.Arranged()),
        false,
        false,
        storage);
  }

  private Node outerJoin(Plan.OuterJoin join) {
    if (join.residual() != null) {
      throw new IllegalArgumentException("an outer join with a residual condition is a sum of two");
    }
    Plan left = join.left();
    Plan right = join.right();
    boolean keepsLeft = join.kept().left();
    boolean keepsRight = join.kept().right();
    return new KeyedNode(
        planKey(join),
        join.schema(),
        switch (join.kept()) {
          case LEFT -> "Left join";
          case RIGHT -> "Right join";
          case BOTH -> "Full join";
        },
        new OuterJoin(left.schema(), right.schema(), join.schema(), keepsLeft, keepsRight),
        List.of(
            arrange(left, join.keys().stream().map(Plan.Key::left).toList(), !keepsLeft),
            arrange(right, join.keys().stream().map(Plan.Key::right).toList(), !keepsRight)),
        List.of(new KeyedNode.Arranged(), new KeyedNode.Arranged()),
        false,
        false,
        storage);
  }

  // Of the right side only the keys are kept: how often each is there is the weight of no columns.
  private Node markJoin(Plan.MarkJoin join) {
    if (join.residual() != null) {
      throw new IllegalArgumentException("a mark join with a residual condition is one over pairs");
    }
    List<Expr> rightKeys = join.keys().stream().map(Plan.Key::right).toList();
    return new KeyedNode(
        planKey(join),
        join.schema(),
        "Mark join",
        new MarkJoin(join.left().schema(), join.schema()),
        List.of(
            arrange(join.left(), join.keys().stream().map(Plan.Key::left).toList(), false),
            arrange(join.right(), rightKeys, List.of(), Schema.of(), true)),
        List.of(new KeyedNode.Arranged(), new KeyedNode.Arranged()),
        false,
        false,
        storage);
  }

  private Node topK(Plan.TopK top) {
    Schema schema = top.schema();
    List<Plan.SortKey> order = new ArrayList<>(top.order());
    // Within a partition they are all the same.
    order.removeIf(by -> top.partition().contains(by.value()));
    List<Plan.SortKey> peers = new ArrayList<>(ascending(top.partition()));
    peers.addAll(order);
    if (!top.tieBreak().equals(new Expr.Image(columns(schema)))) {
      // Otherwise the order of rows that tie is that of the arrangement.
      order.add(Plan.SortKey.ascending(top.tieBreak()));
    }
    return new KeyedNode(
        planKey(top),
        schema,
        "Top",
        new TopK(top.offset(), top.limit(), top.ties() ? sortedKey(peers, schema) : null),
        List.of(compile(top.input()), sorted(top.input(), top.partition(), order)),
        List.of(new KeyedNode.Grouped(rowKey(top.partition(), schema))),
        false,
        false,
        storage);
  }

  private Node setOperation(Plan.SetOperation operation) {
    boolean intersect = operation.kind() == Plan.SetOperation.Kind.INTERSECT;
    List<Expr> keys = columns(operation.schema());
    return new KeyedNode(
        planKey(operation),
        operation.schema(),
        (intersect ? "Intersect" : "Except") + (operation.all() ? " all" : ""),
        new SetOperation(SetOperation.count(intersect, operation.all())),
        List.of(arrange(operation.left(), keys, false), arrange(operation.right(), keys, false)),
        List.of(new KeyedNode.Arranged(), new KeyedNode.Arranged()),
        false,
        false,
        storage);
  }

  private Node distinct(Plan.Distinct distinct) {
    return new KeyedNode(
        planKey(distinct),
        distinct.schema(),
        "Distinct",
        new Distinct(),
        List.of(arrange(distinct.input(), distinct.keys(), false)),
        List.of(new KeyedNode.Arranged()),
        false,
        false,
        storage);
  }

  static List<Expr> columns(Schema schema) {
    List<Expr> columns = new ArrayList<>();
    for (int i = 0; i < schema.size(); i++) {
      columns.add(new Expr.Column(i, schema.column(i).type()));
    }
    return columns;
  }
}
