package io.pgtrickle.dvm.sql;

import java.util.List;
import java.util.Locale;
import java.util.Set;
import net.sf.jsqlparser.expression.AnalyticExpression;
import net.sf.jsqlparser.expression.AnalyticType;
import net.sf.jsqlparser.expression.AnyComparisonExpression;
import net.sf.jsqlparser.expression.Expression;
import net.sf.jsqlparser.expression.ExpressionVisitorAdapter;
import net.sf.jsqlparser.expression.Function;
import net.sf.jsqlparser.expression.JsonAggregateFunction;
import net.sf.jsqlparser.schema.Table;
import net.sf.jsqlparser.statement.select.FromItem;
import net.sf.jsqlparser.statement.select.GroupByElement;
import net.sf.jsqlparser.statement.select.Join;
import net.sf.jsqlparser.statement.select.ParenthesedFromItem;
import net.sf.jsqlparser.statement.select.ParenthesedSelect;
import net.sf.jsqlparser.statement.select.PlainSelect;
import net.sf.jsqlparser.statement.select.Select;
import net.sf.jsqlparser.statement.select.SelectItem;
import net.sf.jsqlparser.statement.select.SetOperation;
import net.sf.jsqlparser.statement.select.SetOperationList;
import net.sf.jsqlparser.statement.select.WithItem;
import org.jspecify.annotations.Nullable;

/// The outline of a text as JSqlParser reads it.
final class TextOutline {
  private static final Set<String> AGGREGATES =
      Set.of(
          "count",
          "sum",
          "avg",
          "min",
          "max",
          "bool_and",
          "bool_or",
          "every",
          "bit_and",
          "bit_or",
          "bit_xor",
          "var_pop",
          "var_samp",
          "variance",
          "stddev_pop",
          "stddev_samp",
          "stddev",
          "string_agg",
          "array_agg",
          "json_agg",
          "jsonb_agg",
          "mode",
          "percentile_disc",
          "percentile_cont");

  private final Outline.Builder outline = new Outline.Builder();

  private final Set<String> others;

  private TextOutline(Set<String> others) {
    this.others = others;
  }

  /// @param others names of further aggregates
  static Outline of(Select select, Set<String> others) {
    TextOutline reader = new TextOutline(others);
    reader.query(select);
    return reader.outline.build();
  }

  private void query(Select select) {
    List<WithItem<?>> tables = select.getWithItemsList();
    if (tables != null) {
      tables.forEach(table -> query(table.getSelect().getSelect()));
    }
    switch (select) {
      case PlainSelect plain -> plain(plain);
      case ParenthesedSelect inner -> query(inner.getSelect());
      case SetOperationList list -> {
        list.getOperations().forEach(this::operation);
        list.getSelects().forEach(this::query);
      }
      // VALUES and whatever else has no outline.
      default -> {}
    }
  }

  private void operation(SetOperation operation) {
    outline.unions.add(operation.toString().trim().toUpperCase(Locale.ROOT));
  }

  private void plain(PlainSelect select) {
    outline.selects++;
    if (select.getDistinct() != null) {
      outline.distincts++;
    }
    if (select.getGroupBy() != null && !hasSets(select.getGroupBy())) {
      outline.groups.add(select.getGroupBy().getGroupByExpressionList().size());
    }
    List<SelectItem<?>> items = select.getSelectItems();
    if (items != null) {
      items.forEach(item -> expressions(item.getExpression()));
    }
    expressions(select.getWhere());
    expressions(select.getHaving());
    from(select.getFromItem());
    joins(select.getJoins());
  }

  private void joins(@Nullable List<Join> joins) {
    if (joins != null) {
      for (Join join : joins) {
        if (join.isLeft()) {
          outline.joins.add("LEFT");
        } else if (join.isRight()) {
          outline.joins.add("RIGHT");
        } else if (join.isFull()) {
          outline.joins.add("FULL");
        }
        from(join.getFromItem());
        join.getOnExpressions().forEach(this::expressions);
      }
    }
  }

  private void from(@Nullable FromItem item) {
    switch (item) {
      case Table table -> table(table);
      case ParenthesedSelect select -> query(select);
      case ParenthesedFromItem inner -> {
        from(inner.getFromItem());
        joins(inner.getJoins());
      }
      case null, default -> {}
    }
  }

  private void table(Table table) {
    String name = unquoted(table.getName());
    String schema = table.getSchemaName();
    outline.tables.add(schema == null ? name : unquoted(schema) + "." + name);
  }

  private static boolean hasSets(GroupByElement groups) {
    List<?> sets = groups.getGroupingSets();
    return (sets != null && !sets.isEmpty())
        || groups.getGroupByExpressionList() == null
        || groups.getGroupByExpressionList().isEmpty()
        || groups.getGroupByExpressionList().stream()
            .anyMatch(
                item ->
                    item instanceof Function call
                        && Set.of("rollup", "cube")
                            .contains(call.getName().toLowerCase(Locale.ROOT)));
  }

  private static String unquoted(String name) {
    return name.startsWith("\"") && name.length() > 1
        ? name.substring(1, name.length() - 1).replace("\"\"", "\"")
        : name;
  }

  private void count(String function) {
    String name = unquoted(function.substring(function.lastIndexOf('.') + 1));
    if (AGGREGATES.contains(name.toLowerCase(Locale.ROOT)) || others.contains(name)) {
      outline.aggregates++;
    }
  }

  /// Counts aggregates and reads subqueries.
  private void expressions(@Nullable Expression expression) {
    if (expression != null) {
      expression.accept(
          new ExpressionVisitorAdapter<Void>() {
            @Override
            public <S> @Nullable Void visit(Function function, S context) {
              count(function.getName());
              return super.visit(function, context);
            }

            @Override
            public <S> @Nullable Void visit(ParenthesedSelect select, S context) {
              query(select);
              return null;
            }

            @Override
            public <S> @Nullable Void visit(Select select, S context) {
              query(select);
              return null;
            }

            @Override
            public <S> @Nullable Void visit(AnyComparisonExpression comparison, S context) {
              query(comparison.getSelect());
              return null;
            }

            @Override
            public <S> @Nullable Void visit(JsonAggregateFunction call, S context) {
              outline.aggregates++;
              return super.visit(call, context);
            }

            // What a call with FILTER, OVER or WITHIN GROUP is to JSqlParser.
            @Override
            public <S> @Nullable Void visit(AnalyticExpression call, S context) {
              count(call.getName());
              if (call.getType() == AnalyticType.OVER) {
                outline.windows++;
              }
              // What a window is made of stands elsewhere in the tree.
              expressions(call.getExpression());
              expressions(call.getOffset());
              expressions(call.getDefaultValue());
              expressions(call.getFilterExpression());
              return null;
            }
          },
          null);
    }
  }
}
