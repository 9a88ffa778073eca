package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.server.Answer;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Makes plain recursion of SEARCH and CYCLE: the rows carry what they were made of.
///
///     DEPTH      base: key(a)               step: w.sequence || key(a)
///     BREADTH    base: 0                    step: w.depth + 1,  and above: key(depth, a)
///     CYCLE      base: default, key(a)      step: key(a) ∈ w.path ? value : default,
///                                                 w.path || key(a)
///                                                 of those w whose mark is not the value
///
/// The server has records for keys, and arrays of them; here they are [Expr.Image]s in a row.
final class Trails {
  private static final Signature ADDED =
      new Signature(463, "pg_catalog", "int8pl", List.of(20, 20), 20, true, 'i');
  private static final Signature BEHIND =
      new Signature(2011, "pg_catalog", "byteacat", List.of(17, 17), 17, true, 'i');
  private static final Signature PLACE =
      new Signature(2014, "pg_catalog", "position", List.of(17, 17), 23, true, 'i');
  private static final Signature GREATER =
      new Signature(147, "pg_catalog", "int4gt", List.of(23, 23), 16, true, 'i');

  private static final Signature LENGTH =
      new Signature(720, "pg_catalog", "length", List.of(17), 23, true, 'i');

  /// A search without an end would make longer and longer rows, until the heap is full.
  private static final int LONGEST = 16_384;

  private static final String TOO_LONG =
      Answer.Failed.write(
          new EvaluationFailure(
              "54000", "a path of SEARCH or CYCLE has more than " + LONGEST + " bytes"));

  private static final Expr END = new Expr.Literal(Bytes.copyOf(new byte[] {0}), SqlType.BYTEA);

  private Trails() {}

  static Plan rewrite(Plan bound) {
    if (!isIn(bound)) {
      return bound;
    }
    TrailUses.requireHarmless(bound);
    return plain(bound);
  }

  private static boolean isIn(Plan plan) {
    return (plan instanceof Plan.Recursion recursion && recursion.trail() != null)
        || plan.inputs().stream().anyMatch(Trails::isIn);
  }

  private static Plan plain(Plan plan) {
    Plan over = Inputs.map(plan, Trails::plain);
    return over instanceof Plan.Recursion recursion && recursion.trail() != null
        ? plain(recursion, recursion.trail())
        : over;
  }

  private static Plan plain(Plan.Recursion recursion, Plan.Trail trail) {
    Schema own = recursion.base().schema();
    int width = own.size();
    List<Column> columns = new ArrayList<>(own.columns());
    Plan.Search search = trail.search();
    Plan.Cycle cycle = trail.cycle();
    if (search != null) {
      SqlType carried = search.breadth() ? SqlType.INT8 : SqlType.BYTEA;
      columns.add(new Column(search.sequence().name(), carried));
    }
    if (cycle != null) {
      columns.add(cycle.mark());
      columns.add(new Column(cycle.path().name(), SqlType.BYTEA));
    }
    Schema rows = new Schema(columns);
    List<Expr> first = Unnesting.columns(own);
    List<Expr> next = Unnesting.columns(own);
    List<Expr> shown = Unnesting.columns(own);
    int at = width;
    if (search != null) {
      Expr before = new Expr.Column(at, rows.column(at).type());
      List<Expr> sorted = values(own, search.by());
      if (search.breadth()) {
        first.add(number(0));
        next.add(new Expr.Call(ADDED, List.of(before, number(1)), SqlType.INT8, 0));
        List<Expr> record = new ArrayList<>(List.of(before));
        record.addAll(sorted);
        shown.add(new Expr.Relabel(new Expr.Image(record, true), search.sequence().type()));
      } else {
        Expr key = new Expr.Image(sorted, true);
        first.add(key);
        next.add(longer(before, key));
        shown.add(new Expr.Relabel(before, search.sequence().type()));
      }
      at++;
    }
    @Nullable Expr going = null;
    if (cycle != null) {
      Expr key = new Expr.Image(values(own, cycle.by()), true);
      Expr mark = new Expr.Column(at, cycle.mark().type());
      Expr path = new Expr.Column(at + 1, SqlType.BYTEA);
      first.add(cycle.otherwise());
      first.add(key);
      next.add(
          new Expr.Case(
              List.of(new Expr.When(isOn(path, key), cycle.value())),
              cycle.otherwise(),
              cycle.mark().type()));
      next.add(longer(path, key));
      shown.add(mark);
      shown.add(new Expr.Relabel(path, cycle.path().type()));
      going = differs(mark, cycle.value());
    }
    Plan step = new Carrier(width, rows, going).carried(recursion.step());
    return new Plan.Project(
        new Plan.Recursion(
            new Plan.Project(recursion.base(), first, rows),
            new Plan.Project(step, next, rows),
            recursion.all(),
            rows),
        shown,
        recursion.schema());
  }

  private static List<Expr> values(Schema rows, List<Integer> columns) {
    return columns.stream().<Expr>map(at -> new Expr.Column(at, rows.column(at).type())).toList();
  }

  private static Expr number(long value) {
    return new Expr.Literal(value, SqlType.INT8);
  }

  private static Expr longer(Expr path, Expr key) {
    Expr length = new Expr.Call(LENGTH, List.of(path), SqlType.INT4, 0);
    Expr most = new Expr.Literal((long) LONGEST, SqlType.INT4);
    Expr tooLong = new Expr.Call(GREATER, List.of(length, most), SqlType.BOOL, 0);
    Expr failure =
        new Expr.Case(
            List.of(new Expr.When(tooLong, new Expr.Literal(TOO_LONG, SqlType.TEXT))),
            null,
            SqlType.TEXT);
    return new Expr.Answered(behind(path, key), failure);
  }

  private static Expr behind(Expr path, Expr key) {
    return new Expr.Call(BEHIND, List.of(path, key), SqlType.BYTEA, 0);
  }

  /// A zero byte is in front of every key of a path but the first, and nowhere inside of one.
  private static Expr isOn(Expr path, Expr key) {
    Expr place =
        new Expr.Call(PLACE, List.of(behind(END, path), behind(END, key)), SqlType.INT4, 0);
    return new Expr.Call(
        GREATER, List.of(place, new Expr.Literal(0L, SqlType.INT4)), SqlType.BOOL, 0);
  }

  private static Expr differs(Expr mark, Expr.Literal value) {
    SqlType type = mark.type();
    String name =
        switch (type.kind()) {
          case BOOL -> "boolne";
          case INT4 -> "int4ne";
          case TEXT -> "textne";
          default -> throw new IllegalArgumentException("a mark of type " + type);
        };
    Signature unequal =
        new Signature(0, "pg_catalog", name, List.of(type.oid(), type.oid()), 16, true, 'i');
    return new Expr.Call(unequal, List.of(mark, value), SqlType.BOOL, type.collation());
  }

  /// Takes what the rows before carry through the step: behind the columns of each plan on the way.
  ///
  /// @param width how many columns rows have without that
  /// @param going which rows are gone on from
  private record Carrier(int width, Schema rows, @Nullable Expr going) {
    // Spelled out: a compact constructor would lose the annotation of a nullable component.
    Carrier(int width, Schema rows, @Nullable Expr going) {
      this.width = width;
      this.rows = rows;
      this.going = going;
    }

    Plan carried(Plan plan) {
      return switch (plan) {
        case Plan.Working _ -> {
          Plan working = new Plan.Working(rows);
          yield going == null ? working : new Plan.Filter(working, going);
        }
        case Plan.Filter(Plan input, Expr condition) -> new Plan.Filter(carried(input), condition);
        case Plan.Project(Plan input, List<Expr> expressions, Schema schema) -> {
          List<Expr> all = new ArrayList<>(expressions);
          all.addAll(trail(input.schema().size()));
          yield new Plan.Project(carried(input), all, behind(schema));
        }
        case Plan.Join join when isOn(join.left(), join.right()) ->
            sorted(
                join,
                new Plan.Join(
                    carried(join.left()),
                    join.right(),
                    join.keys(),
                    shifted(join.residual(), join.left()),
                    both(behind(join.left().schema()), join.right().schema())),
                join.left().schema().size());
        case Plan.Join join when isOn(join.right(), join.left()) ->
            new Plan.Join(
                join.left(),
                carried(join.right()),
                join.keys(),
                join.residual(),
                behind(join.schema()));
        case Plan.OuterJoin join when isOn(join.left(), join.right()) ->
            sorted(
                join,
                new Plan.OuterJoin(
                    carried(join.left()),
                    join.right(),
                    join.kept(),
                    join.keys(),
                    shifted(join.residual(), join.left()),
                    both(behind(join.left().schema()), join.right().schema())),
                join.left().schema().size());
        case Plan.OuterJoin join when isOn(join.right(), join.left()) ->
            new Plan.OuterJoin(
                join.left(),
                carried(join.right()),
                join.kept(),
                join.keys(),
                join.residual(),
                behind(join.schema()));
        case Plan.Apply apply when isOn(apply.input(), apply.subquery()) -> {
          int before = apply.input().schema().size();
          List<Column> columns = new ArrayList<>(behind(apply.input().schema()).columns());
          columns.addAll(apply.schema().columns().subList(before, apply.schema().size()));
          yield sorted(
              apply,
              new Plan.Apply(
                  carried(apply.input()),
                  apply.subquery(),
                  asked(apply.question(), apply.input()),
                  new Schema(columns)),
              before);
        }
        case Plan.Unfold unfold when unfold.input().iterates() ->
            sorted(
                unfold,
                unfold.over(carried(unfold.input()), each -> moved(each, unfold.input())),
                unfold.input().schema().size());
        case Plan.Scan _,
            Plan.Values _,
            Plan.Recursion _,
            Plan.Ask _,
            Plan.Join _,
            Plan.OuterJoin _,
            Plan.MarkJoin _,
            Plan.Apply _,
            Plan.Unfold _,
            Plan.UnionAll _,
            Plan.SetOperation _,
            Plan.TopK _,
            Plan.Window _,
            Plan.Distinct _,
            Plan.Aggregate _,
            Plan.GroupingSets _ ->
            throw QueryRejected.notYet(
                "unsupported_clause",
                "SEARCH or CYCLE over a recursive term that is no join of the rows before");
      };
    }

    private static boolean isOn(Plan side, Plan other) {
      return side.iterates() && !other.iterates();
    }

    private int more() {
      return rows.size() - width;
    }

    private List<Expr> trail(int begin) {
      List<Expr> trail = new ArrayList<>();
      for (int i = 0; i < more(); i++) {
        trail.add(new Expr.Column(begin + i, rows.column(width + i).type()));
      }
      return trail;
    }

    private Schema behind(Schema schema) {
      return both(schema, new Schema(rows.columns().subList(width, rows.size())));
    }

    private static Schema both(Schema left, Schema right) {
      List<Column> columns = new ArrayList<>(left.columns());
      columns.addAll(right.columns());
      return new Schema(columns);
    }

    /// What is carried comes to stand behind everything.
    ///
    /// @param at where it stands
    private Plan sorted(Plan plan, Plan carrying, int at) {
      List<Expr> columns = new ArrayList<>();
      for (int i = 0; i < plan.schema().size(); i++) {
        columns.add(new Expr.Column(i < at ? i : i + more(), plan.schema().column(i).type()));
      }
      columns.addAll(trail(at));
      return new Plan.Project(carrying, columns, behind(plan.schema()));
    }

    private @Nullable Expr shifted(@Nullable Expr expression, Plan left) {
      int from = left.schema().size();
      return expression == null
          ? null
          : Expressions.map(
              expression,
              node ->
                  node instanceof Expr.Column(int index, var type) && index >= from
                      ? new Expr.Column(index + more(), type)
                      : node);
    }

    private Plan.Question asked(Plan.Question question, Plan input) {
      return switch (question) {
        case Plan.Question.Any(Expr test) -> new Plan.Question.Any(moved(test, input));
        case Plan.Question.All(Expr test) -> new Plan.Question.All(moved(test, input));
        case Plan.Question.Compared(Expr test) -> new Plan.Question.Compared(moved(test, input));
        case Plan.Question.Rows(boolean kept, @Nullable Expr condition) ->
            new Plan.Question.Rows(kept, shifted(condition, input));
        case Plan.Question.Exists _, Plan.Question.Scalar _, Plan.Question.Array _ -> question;
      };
    }

    private Expr moved(Expr expression, Plan input) {
      return Objects.requireNonNull(shifted(expression, input));
    }
  }
}
