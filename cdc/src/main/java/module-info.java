/// Change data capture: from a PostgreSQL server's write-ahead log to whole transactions in commit
/// order.
///
/// Open [io.pgtrickle.cdc.stream.WalReader] first; it is the main path, and everything else is what
/// it needs (`cdc.pgoutput`), what it hands over (`cdc`) or what has to be in place before it can
/// start without losing anything (`cdc.slot`).
@org.jspecify.annotations.NullMarked
module io.pgtrickle.cdc {
  requires jdk.net;
  requires static org.checkerframework.checker.qual;
  requires static transitive org.jspecify;
  requires transitive java.sql;
  requires org.postgresql.jdbc;

  exports io.pgtrickle.cdc;
  exports io.pgtrickle.cdc.slot;
  exports io.pgtrickle.cdc.stream;
}
