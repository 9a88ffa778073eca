package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.SetCall;
import io.pgtrickle.dvm.server.Inquiry;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Schema;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What is evaluated natively, and how the rest is put to the server.
public interface Tiers {
  /// Everything is native.
  Tiers NATIVE =
      new Tiers() {
        @Override
        public boolean isAsked(Expr node) {
          return false;
        }

        @Override
        public Inquiry inquiry(Expr expression, List<SqlType> parameters) {
          throw new IllegalStateException("nothing is asked");
        }

        @Override
        public boolean isAsked(SetCall call) {
          return false;
        }

        @Override
        public Inquiry rows(Functions functions, List<SqlType> parameters, Schema answer) {
          throw new IllegalStateException("nothing is asked");
        }

        @Override
        public Inquiry aggregate(
            AggregateCall call, List<SqlType> values, List<SqlType> parameters) {
          throw new IllegalStateException("nothing is asked");
        }
      };

  /// Whether the server evaluates the node itself, its operands aside.
  boolean isAsked(Expr node);

  /// The inquiry for an expression of which every node but columns and constants is asked.
  ///
  /// @param expression over the parameters as columns
  Inquiry inquiry(Expr expression, List<SqlType> parameters);

  /// Whether the server evaluates a function in FROM, its arguments aside.
  boolean isAsked(SetCall call);

  /// The inquiry for the rows of functions.
  Inquiry rows(Functions functions, List<SqlType> parameters, Schema answer);

  /// The inquiry for an aggregate over arrays of values: one parameter for each of its columns.
  ///
  /// @param call over the values as columns
  /// @param values their types; those that are not native are in the arrays as text
  Inquiry aggregate(AggregateCall call, List<SqlType> values, List<SqlType> parameters);

  /// Functions in FROM over parameters as columns.
  ///
  /// @param numbered whether a last column numbers the rows
  /// @param condition which rows are wanted, over the parameters followed by the columns of the
  ///     functions; null when all are
  record Functions(List<SetCall> calls, boolean numbered, @Nullable Expr condition) {
    // Spelled out: a compact constructor would lose the annotation of a nullable component.
    public Functions(List<SetCall> calls, boolean numbered, @Nullable Expr condition) {
      this.calls = List.copyOf(calls);
      this.numbered = numbered;
      this.condition = condition;
    }
  }
}
