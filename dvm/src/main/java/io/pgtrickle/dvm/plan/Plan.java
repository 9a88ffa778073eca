package io.pgtrickle.dvm.plan;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.server.Inquiry;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A relational expression over base relations, with bag semantics.
///
/// The family is closed; a rewrite or a compiler is one `switch` without a default.
public sealed interface Plan {
  Schema schema();

  /// The plans this one reads, from left to right.
  default List<Plan> inputs() {
    return switch (this) {
      case Scan _, Values _, Working _ -> List.of();
      case Filter filter -> List.of(filter.input());
      case Project project -> List.of(project.input());
      case Ask ask -> List.of(ask.input());
      case Join join -> List.of(join.left(), join.right());
      case OuterJoin join -> List.of(join.left(), join.right());
      case MarkJoin join -> List.of(join.left(), join.right());
      case Apply apply -> List.of(apply.input(), apply.subquery());
      case Unfold unfold -> List.of(unfold.input());
      case UnionAll union -> union.inputs();
      case Recursion recursion -> List.of(recursion.base(), recursion.step());
      case SetOperation operation -> List.of(operation.left(), operation.right());
      case TopK top -> List.of(top.input());
      case Window window -> List.of(window.input());
      case Distinct distinct -> List.of(distinct.input());
      case Aggregate aggregate -> List.of(aggregate.input());
      case GroupingSets sets -> List.of(sets.input());
    };
  }

  /// The distinct scans below and including this plan, in the order of their first occurrence.
  default Set<Scan> scans() {
    Set<Scan> found = new LinkedHashSet<>();
    if (this instanceof Scan scan) {
      found.add(scan);
    }
    inputs().forEach(input -> found.addAll(input.scans()));
    return found;
  }

  /// Whether rows of several inputs are combined into one anywhere in this plan.
  default boolean joins() {
    boolean here =
        switch (this) {
          case Join _, OuterJoin _, MarkJoin _, Apply _ -> true;
          case Scan _,
              Values _,
              Working _,
              Recursion _,
              Filter _,
              Project _,
              Unfold _,
              Ask _,
              UnionAll _,
              SetOperation _,
              TopK _,
              Window _,
              Distinct _,
              Aggregate _,
              GroupingSets _ ->
              false;
        };
    return here || inputs().stream().anyMatch(Plan::joins);
  }

  /// Whether it reads what the recursion around it has found.
  default boolean iterates() {
    return this instanceof Working
        || (!(this instanceof Recursion) && inputs().stream().anyMatch(Plan::iterates));
  }

  /// The rows of a relation: a base table or the storage table of another stream table.
  ///
  /// @param relation `pg_class.oid`
  /// @param name schema-qualified and quoted, for people
  /// @param key positions of a usable unique key (primary key), empty when there is none
  record Scan(int relation, String name, List<Integer> key, Schema schema) implements Plan {
    public Scan {
      key = List.copyOf(key);
    }
  }

  /// Constant rows (VALUES, or the single empty row of a SELECT without FROM).
  record Values(List<List<Expr>> rows, Schema schema) implements Plan {
    public Values {
      rows = rows.stream().map(List::copyOf).toList();
    }
  }

  /// Rows for which the condition is true.
  record Filter(Plan input, Expr condition) implements Plan {
    @Override
    public Schema schema() {
      return input.schema();
    }
  }

  /// One output row per input row.
  record Project(Plan input, List<Expr> expressions, Schema schema) implements Plan {
    public Project {
      expressions = List.copyOf(expressions);
    }
  }

  /// Each row with what the server answers to inquiries about it: two columns more for each of
  /// them, the value and the failure; see [Expr.Answered].
  ///
  /// A failure of an argument is the failure of the answer.
  record Ask(Plan input, List<Asked> inquiries, Schema schema) implements Plan {
    public Ask {
      inquiries = List.copyOf(inquiries);
      if (schema.size() != input.schema().size() + 2 * inquiries.size()) {
        throw new IllegalArgumentException("inquiries with other columns than their answers");
      }
    }

    /// Names the answers by their position.
    public Ask(Plan input, List<Asked> inquiries) {
      this(input, inquiries, widened(input.schema(), inquiries));
    }

    private static Schema widened(Schema input, List<Asked> inquiries) {
      List<Column> columns = new ArrayList<>(input.columns());
      for (Asked asked : inquiries) {
        columns.add(new Column("answer" + (columns.size() + 1), asked.type()));
        columns.add(new Column("failure" + (columns.size() + 1), SqlType.TEXT));
      }
      return new Schema(columns);
    }

    /// The answer to one of the inquiries, over the columns of this plan.
    public static Expr answer(Schema input, int inquiry, SqlType type) {
      int value = input.size() + 2 * inquiry;
      return new Expr.Answered(
          new Expr.Column(value, type), new Expr.Column(value + 1, SqlType.TEXT));
    }
  }

  /// An inquiry for a value.
  ///
  /// @param arguments over the columns of the input and the answers to the inquiries before
  /// @param read the type as which the inquiry reads its one argument, where it does nothing else
  ///     and plain texts need not be asked about; else `null`
  /// @see io.pgtrickle.dvm.expr.PlainTexts
  record Asked(Inquiry inquiry, List<Expr> arguments, @Nullable SqlType read) {
    // Spelled out: a compact constructor would lose the annotation of a nullable component.
    public Asked(Inquiry inquiry, List<Expr> arguments, @Nullable SqlType read) {
      this.inquiry = inquiry;
      this.arguments = List.copyOf(arguments);
      this.read = read;
      if ((inquiry.form() != Inquiry.Form.VALUE && inquiry.form() != Inquiry.Form.LABEL)
          || arguments.size() != inquiry.parameters().size()) {
        throw new IllegalArgumentException("not an inquiry for a value: " + inquiry);
      }
    }

    public Asked(Inquiry inquiry, List<Expr> arguments) {
      this(inquiry, arguments, null);
    }

    /// The same about other arguments.
    public Asked about(List<Expr> others) {
      return new Asked(inquiry, others, read);
    }

    public SqlType type() {
      return inquiry.answer().column(0).type();
    }
  }

  /// Inner join: pairs with equal keys (a NULL key matches nothing) for which the residual is true.
  ///
  /// The schema is left's columns followed by right's; `residual` sees that. No keys: cross
  /// product.
  record Join(Plan left, Plan right, List<Key> keys, @Nullable Expr residual, Schema schema)
      implements Plan {
    // Spelled out: a compact constructor would lose the annotation of a nullable component.
    public Join(Plan left, Plan right, List<Key> keys, @Nullable Expr residual, Schema schema) {
      this.left = left;
      this.right = right;
      this.keys = List.copyOf(keys);
      this.residual = residual;
      this.schema = schema;
    }
  }

  /// An inner join's pairs, and the rows of the kept sides that are in none of them, with NULLs for
  /// the other side.
  ///
  /// The schema is left's columns followed by right's; `residual` sees that.
  record OuterJoin(
      Plan left, Plan right, Kept kept, List<Key> keys, @Nullable Expr residual, Schema schema)
      implements Plan {
    // Spelled out: a compact constructor would lose the annotation of a nullable component.
    public OuterJoin(
        Plan left, Plan right, Kept kept, List<Key> keys, @Nullable Expr residual, Schema schema) {
      this.left = left;
      this.right = right;
      this.kept = kept;
      this.keys = List.copyOf(keys);
      this.residual = residual;
      this.schema = schema;
    }
  }

  /// The sides of which an outer join keeps every row.
  enum Kept {
    LEFT,
    RIGHT,
    BOTH;

    public boolean left() {
      return this != RIGHT;
    }

    public boolean right() {
      return this != LEFT;
    }
  }

  /// Each row of the left side with a truth value more: whether there is a row of the right side
  /// with equal keys for which the residual is true. A NULL key equals nothing.
  ///
  /// `residual` sees left's columns followed by right's.
  record MarkJoin(Plan left, Plan right, List<Key> keys, @Nullable Expr residual, Schema schema)
      implements Plan {
    // Spelled out: a compact constructor would lose the annotation of a nullable component.
    public MarkJoin(Plan left, Plan right, List<Key> keys, @Nullable Expr residual, Schema schema) {
      this.left = left;
      this.right = right;
      this.keys = List.copyOf(keys);
      this.residual = residual;
      this.schema = schema;
    }
  }

  /// Each row of the input with what a subquery, evaluated for that row, answers to a question.
  ///
  /// Expressions in the subquery refer to the row by [Expr.Outer]. Only bound plans have it;
  /// unnesting makes joins of it.
  record Apply(Plan input, Plan subquery, Question question, Schema schema) implements Plan {}

  /// What is asked of a subquery.
  sealed interface Question {
    /// Whether it has rows: one column.
    record Exists() implements Question {}

    /// Whether the test, over the row and one of the subquery, is true of any of them: one column,
    /// three-valued.
    record Any(Expr test) implements Question {}

    /// Whether the test is true of all of them: one column, three-valued.
    record All(Expr test) implements Question {}

    /// The value of its row, and how many rows it has: two columns.
    record Scalar() implements Question {}

    /// What the test, over the row and the only one of the subquery, says: one column,
    /// three-valued. Only bound plans have it.
    record Compared(Expr test) implements Question {}

    /// The values of its rows as an array: one column. Only bound plans have it.
    ///
    /// @param values collects the first column in the order of the others
    /// @param element the type of the array's elements
    record Array(AggregateCall values, int element) implements Question {}

    /// All of its rows for which the condition, over the row and one of the subquery, is true: one
    /// row each, with the subquery's columns. A LATERAL subquery.
    ///
    /// @param kept whether a row without any stays, with NULLs
    record Rows(boolean kept, @Nullable Expr condition) implements Question {}
  }

  /// Each row of the input with the rows that functions return for it, one of each function side by
  /// side, NULLs where one has none left.
  ///
  /// The schema is the input's columns followed by those of the calls, and the number. It is a join
  /// in which the other side depends on the row, and linear like a projection:
  ///
  ///     Δ(A ⋈ f(a)) = ΔA ⋈ f(a)
  ///
  /// @param numbered whether a last column numbers the functions' rows, from 1 for each input row
  /// @param kept whether an input row without any stays, with NULLs
  /// @param condition which rows are kept apart from that, over all columns; null without `kept`
  /// @param asked the inquiry for the rows of all functions, where the server evaluates them; null
  ///     where they are native
  record Unfold(
      Plan input,
      List<SetCall> calls,
      boolean numbered,
      boolean kept,
      @Nullable Expr condition,
      @Nullable AskedRows asked,
      Schema schema)
      implements Plan {
    // Spelled out: a compact constructor would lose the annotation of a nullable component.
    public Unfold(
        Plan input,
        List<SetCall> calls,
        boolean numbered,
        boolean kept,
        @Nullable Expr condition,
        @Nullable AskedRows asked,
        Schema schema) {
      this.input = input;
      this.calls = List.copyOf(calls);
      this.numbered = numbered;
      this.kept = kept;
      this.condition = condition;
      this.asked = asked;
      this.schema = schema;
      if (condition != null && !kept) {
        throw new IllegalArgumentException("a condition that keeps no row is a filter");
      }
      int width = input.schema().size() + (numbered ? 1 : 0);
      for (SetCall call : calls) {
        width += call.columns().size();
      }
      if (width != schema.size()) {
        throw new IllegalArgumentException("unfolded rows with other columns than their parts");
      }
    }

    /// All pairs of a row and those of the functions.
    public Unfold(Plan input, List<SetCall> calls, boolean numbered) {
      this(input, calls, numbered, false, null, null, widened(input.schema(), calls, numbered));
    }

    /// The same, with rows that have none, or none for which the condition is true, as well.
    public Unfold keeping(@Nullable Expr condition) {
      return new Unfold(input, calls, numbered, true, condition, asked, schema);
    }

    private static Schema widened(Schema input, List<SetCall> calls, boolean numbered) {
      List<Column> columns = new ArrayList<>(input.columns());
      calls.forEach(call -> columns.addAll(call.columns()));
      if (numbered) {
        columns.add(new Column("ordinality", SqlType.INT8));
      }
      return new Schema(columns);
    }

    /// The functions' rows for other rows.
    ///
    /// @param change says the expressions over the columns of these
    public Unfold over(Plan other, UnaryOperator<Expr> change) {
      return new Unfold(
          other,
          calls.stream().map(call -> call.map(change)).toList(),
          numbered,
          kept,
          condition == null ? null : change.apply(condition),
          asked == null ? null : asked.map(change),
          widened(other.schema(), calls, numbered));
    }

    /// The arguments of the functions, or of the inquiry for them, over the input's columns.
    public Stream<Expr> arguments() {
      return asked == null
          ? calls.stream().flatMap(SetCall::arguments)
          : asked.arguments().stream();
    }
  }

  /// An inquiry for the rows of functions.
  ///
  /// @param arguments over the columns of the input
  record AskedRows(Inquiry inquiry, List<Expr> arguments) {
    public AskedRows {
      arguments = List.copyOf(arguments);
      if (inquiry.form() != Inquiry.Form.ROWS || arguments.size() != inquiry.parameters().size()) {
        throw new IllegalArgumentException("not an inquiry for rows: " + inquiry);
      }
    }

    AskedRows map(UnaryOperator<Expr> change) {
      return new AskedRows(inquiry, arguments.stream().map(change).toList());
    }
  }

  /// One conjunct `left = right` of a join; both sides have the same key encoding.
  record Key(Expr left, Expr right) {}

  /// Bag union; all inputs have the same column types.
  record UnionAll(List<Plan> inputs, Schema schema) implements Plan {
    public UnionAll {
      inputs = List.copyOf(inputs);
    }
  }

  /// A recursive WITH query: the base's rows and those that the step makes of them, of those again,
  /// and so on.
  ///
  ///     W₀ = base            R₀ = W₀
  ///     Wₙ₊₁ = step(Wₙ)      Rₙ₊₁ = Rₙ + Wₙ₊₁
  ///
  /// The result is Rₙ where Wₙ is empty and n > 0: the step is evaluated once even if the base is
  /// empty, as the server does. Without `all` rows that equal one of Rₙ, and all but one
  /// of
  /// equal ones, are left out of Wₙ₊₁; likewise in W₀.
  ///
  /// The step reads Wₙ through [Working] leaves; each belongs to the nearest recursion around it.
  /// In
  /// a bound plan it is the query's own, evaluated for one iteration. Unnesting makes it one that
  /// computes all iterations side by side: its rows start with the number of the iteration whose
  /// rows they are made of.
  ///
  /// @param trail what SEARCH and CYCLE add, whose columns are behind those of base and step; only
  ///     bound plans have it
  record Recursion(Plan base, Plan step, boolean all, Schema schema, @Nullable Trail trail)
      implements Plan {
    /// What numbers iterations, from 0.
    public static final Column ITERATION = new Column("iteration", SqlType.INT4);

    // Spelled out: a compact constructor would lose the annotation of a nullable component.
    public Recursion(Plan base, Plan step, boolean all, Schema schema, @Nullable Trail trail) {
      this.base = base;
      this.step = step;
      this.all = all;
      this.schema = schema;
      this.trail = trail;
      int width = schema.size() - (trail == null ? 0 : trail.columns().size());
      if (base.schema().size() != width
          || (step.schema().size() != width && step.schema().size() != width + 1)) {
        throw new IllegalArgumentException("a recursion of other columns than its parts");
      }
    }

    public Recursion(Plan base, Plan step, boolean all, Schema schema) {
      this(base, step, all, schema, null);
    }

    /// The columns of rows behind the number of their iteration.
    public static Schema numbered(Schema rows) {
      List<Column> columns = new ArrayList<>(List.of(ITERATION));
      columns.addAll(rows.columns());
      return new Schema(columns);
    }
  }

  /// What SEARCH and CYCLE add to the rows of a recursive query: in which order they are found, and
  /// whether the same values were met on the way.
  record Trail(@Nullable Search search, @Nullable Cycle cycle) {
    // Spelled out: a compact constructor would lose the annotation of a nullable component.
    public Trail(@Nullable Search search, @Nullable Cycle cycle) {
      this.search = search;
      this.cycle = cycle;
    }

    /// The columns that are added, in order.
    public List<Column> columns() {
      List<Column> columns = new ArrayList<>();
      if (search != null) {
        columns.add(search.sequence());
      }
      if (cycle != null) {
        columns.add(cycle.mark());
        columns.add(cycle.path());
      }
      return columns;
    }
  }

  /// `SEARCH … FIRST BY … SET sequence`.
  ///
  /// @param breadth whether rows come in the order of their distance, rather than each before those
  ///     that are made of it
  /// @param by positions of the columns that siblings are sorted by
  record Search(boolean breadth, List<Integer> by, Column sequence) {
    public Search {
      by = List.copyOf(by);
    }
  }

  /// `CYCLE … SET mark TO value DEFAULT otherwise USING path`.
  ///
  /// @param by positions of the columns whose values are those of a row before on a cycle
  record Cycle(
      List<Integer> by, Column mark, Expr.Literal value, Expr.Literal otherwise, Column path) {
    public Cycle {
      by = List.copyOf(by);
    }
  }

  /// The rows that the iteration before has found of the nearest recursion around: of one iteration
  /// in a bound plan, of each behind its number later.
  record Working(Schema schema) implements Plan {}

  /// What rows are sorted by.
  record SortKey(Expr value, boolean descending, boolean nullsFirst) {
    /// In the order of keys, NULLs last.
    public static SortKey ascending(Expr value) {
      return new SortKey(value, false, false);
    }

    /// How values are sorted, without the values.
    public SortKey over(Expr other) {
      return new SortKey(other, descending, nullsFirst);
    }
  }

  /// Of each partition the rows from `offset` on, `limit` of them, in an order.
  ///
  /// @param tieBreak what rows that tie are sorted by: their image as the query has them, which
  ///     stays the same when rewrites add columns to them or take some away
  /// @param limit negative when there is none
  /// @param ties whether rows that tie with the last one come along
  record TopK(
      Plan input,
      List<Expr> partition,
      List<SortKey> order,
      Expr tieBreak,
      long offset,
      long limit,
      boolean ties)
      implements Plan {
    public TopK {
      partition = List.copyOf(partition);
      order = List.copyOf(order);
    }

    /// Breaks ties by all columns of the input.
    public TopK(
        Plan input,
        List<Expr> partition,
        List<SortKey> order,
        long offset,
        long limit,
        boolean ties) {
      this(
          input,
          partition,
          order,
          new Expr.Image(Distinct.columns(input.schema())),
          offset,
          limit,
          ties);
    }

    @Override
    public Schema schema() {
      return input.schema();
    }
  }

  /// Each row with the results of window functions more, in the order of `calls`.
  ///
  /// @param order what the rows of a partition are sorted by; rows that are equal in it are peers
  /// @param within what peers are sorted by where their order matters, as far as anything says it
  /// @param tieBreak what they are sorted by after that, so that their order is a matter of the
  /// rows
  ///     and not of their history: the image of a key or of the whole row
  record Window(
      Plan input,
      List<Expr> partition,
      List<Plan.SortKey> order,
      List<Plan.SortKey> within,
      Expr tieBreak,
      List<WindowCall> calls,
      Schema schema)
      implements Plan {
    public Window {
      partition = List.copyOf(partition);
      order = List.copyOf(order);
      within = List.copyOf(within);
      calls = List.copyOf(calls);
      if (schema.size() != input.schema().size() + calls.size()) {
        throw new IllegalArgumentException("a window with other columns than its results");
      }
    }

    /// Names the results by their position.
    public Window(
        Plan input,
        List<Expr> partition,
        List<Plan.SortKey> order,
        List<Plan.SortKey> within,
        Expr tieBreak,
        List<WindowCall> calls) {
      this(input, partition, order, within, tieBreak, calls, widened(input.schema(), calls));
    }

    /// A window whose peers are in no order of their own.
    public Window(
        Plan input,
        List<Expr> partition,
        List<Plan.SortKey> order,
        Expr tieBreak,
        List<WindowCall> calls) {
      this(input, partition, order, List.of(), tieBreak, calls);
    }

    private static Schema widened(Schema input, List<WindowCall> calls) {
      List<Column> columns = new ArrayList<>(input.columns());
      for (WindowCall call : calls) {
        columns.add(new Column("window" + (columns.size() + 1), call.type()));
      }
      return new Schema(columns);
    }

    /// What tells rows of a plan apart: a key, or all there is.
    public static Expr tieBreak(Plan rows) {
      List<Expr> columns = Distinct.columns(rows.schema());
      return new Expr.Image(
          RowKeys.shortest(rows)
              .map(key -> key.stream().map(columns::get).toList())
              .orElse(columns));
    }
  }

  /// Rows of the left side as often as INTERSECT or EXCEPT leaves them, NULLs being equal; both
  /// sides
  /// have the same column types.
  record SetOperation(Plan left, Plan right, Kind kind, boolean all, Schema schema)
      implements Plan {
    /// What is done with l equal rows on the left and r on the right.
    public enum Kind {
      /// min(l, r) with ALL, else one if there are any on both sides.
      INTERSECT,
      /// max(0, l − r) with ALL, else one if there are any on the left only.
      EXCEPT
    }
  }

  /// One row per class of rows with equal keys: the one with the least bytes.
  record Distinct(Plan input, List<Expr> keys) implements Plan {
    public Distinct {
      keys = List.copyOf(keys);
    }

    /// One row per class of equal rows.
    public Distinct(Plan input) {
      this(input, columns(input.schema()));
    }

    private static List<Expr> columns(Schema schema) {
      return IntStream.range(0, schema.size())
          .<Expr>mapToObj(i -> new Expr.Column(i, schema.column(i).type()))
          .toList();
    }

    @Override
    public Schema schema() {
      return input.schema();
    }
  }

  /// Groups by `groups`; the output is the group values followed by the aggregates' results.
  ///
  /// With no groups there is exactly one output row, over an empty input too.
  record Aggregate(Plan input, List<Expr> groups, List<AggregateCall> calls, Schema schema)
      implements Plan {
    public Aggregate {
      groups = List.copyOf(groups);
      calls = List.copyOf(calls);
    }
  }

  /// Several groupings of one input, one below the other; the groups that a set leaves out are NULL
  /// in it.
  ///
  /// The output is the values of all groups, the aggregates' results, and what each GROUPING
  /// question answers: a bit per group asked about, the first in the highest place, 1 if the set
  /// leaves it out. A set of no groups has one row, over an empty input too.
  ///
  /// @param sets the positions of the groups of each set
  /// @param questions the positions of the groups that each GROUPING asks about
  record GroupingSets(
      Plan input,
      List<Expr> groups,
      List<List<Integer>> sets,
      List<AggregateCall> calls,
      List<List<Integer>> questions,
      Schema schema)
      implements Plan {
    public GroupingSets {
      groups = List.copyOf(groups);
      sets = sets.stream().map(List::copyOf).toList();
      calls = List.copyOf(calls);
      questions = questions.stream().map(List::copyOf).toList();
    }
  }
}
