package io.pgtrickle.bench;

import io.pgtrickle.dvm.type.PgNumeric;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.math.BigDecimal;

/// Rows to measure with: the orders and customers of a shop.
final class Samples {
  /// `id int8, customer int4, product int4, amount numeric, status text, placed timestamptz`.
  static final Schema ORDERS =
      Schema.of(
          new Column("id", SqlType.INT8),
          new Column("customer", SqlType.INT4),
          new Column("product", SqlType.INT4),
          new Column("amount", SqlType.NUMERIC),
          new Column("status", SqlType.TEXT),
          new Column("placed", SqlType.TIMESTAMPTZ));

  /// `id int4, region text`.
  static final Schema CUSTOMERS =
      Schema.of(new Column("id", SqlType.INT4), new Column("region", SqlType.TEXT));

  private static final String[] STATES = {"placed", "paid", "shipped", "cancelled"};
  private static final long EPOCH_MICROS = 800_000_000_000_000L;

  private Samples() {}

  /// The order of an id; the same each time.
  static Row order(int id, int customers) {
    return order(id, customers, 0);
  }

  /// The order of an id after so many changes of its amount.
  static Row order(int id, int customers, int changes) {
    return ORDERS.pack(
        (long) id,
        (long) customerOf(id, customers),
        (long) (id % 1_000),
        PgNumeric.of(BigDecimal.valueOf((id % 100_000) + changes, 2)),
        STATES[id % STATES.length],
        EPOCH_MICROS + id * 1_000_000L);
  }

  static Row customer(int id) {
    return CUSTOMERS.pack((long) id, "region " + id % 100);
  }

  // Scattered, so that consecutive orders do not share a customer.
  private static int customerOf(int id, int customers) {
    return (int) (id * 2_654_435_761L % customers);
  }
}
