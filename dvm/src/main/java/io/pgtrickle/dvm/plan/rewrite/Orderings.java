package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.server.Inquiry;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import java.util.Optional;

/// Which values compare by the bytes of their keys, and how the server labels the others.
public interface Orderings {
  /// How to label values of a type so that labels are in the server's order; empty where keys are.
  ///
  /// Types whose values compare with each other have equal inquiries.
  Optional<Inquiry> order(SqlType type);

  /// How to label values of a type so that equal ones have equal labels; empty where keys do.
  Optional<Inquiry> equality(SqlType type);

  /// For plans that sort and compare only what the engine can.
  static Orderings ofKeys() {
    return new Orderings() {
      @Override
      public Optional<Inquiry> order(SqlType type) {
        if (type.kind() == TypeKind.OPAQUE && !type.isTrail()) {
          throw new IllegalArgumentException("values of type " + type.oid() + " have no keys");
        }
        return Optional.empty();
      }

      @Override
      public Optional<Inquiry> equality(SqlType type) {
        return order(type);
      }
    };
  }
}
