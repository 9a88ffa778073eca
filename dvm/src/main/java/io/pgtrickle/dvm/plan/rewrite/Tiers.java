package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.server.Inquiry;
import io.pgtrickle.dvm.type.SqlType;
import java.util.List;

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
      };

  /// Whether the server evaluates the node itself, its operands aside.
  boolean isAsked(Expr node);

  /// The inquiry for an expression of which every node but columns and constants is asked.
  ///
  /// @param expression over the parameters as columns
  Inquiry inquiry(Expr expression, List<SqlType> parameters);
}
