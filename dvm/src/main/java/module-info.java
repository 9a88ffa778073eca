/// The incremental engine without any I/O: SQL text to plan, plan to a dataflow of operators over
/// Z-sets, values exactly as PostgreSQL has them. It knows neither JDBC nor the replication
/// protocol.
@org.jspecify.annotations.NullMarked
module io.pgtrickle.dvm {
  requires static transitive org.jspecify;
  requires net.sf.jsqlparser;
  requires it.unimi.dsi.fastutil.core;
  requires com.dynatrace.hash4j;

  exports io.pgtrickle.dvm;
  exports io.pgtrickle.dvm.dataflow;
  exports io.pgtrickle.dvm.state;
  exports io.pgtrickle.dvm.expr;
  exports io.pgtrickle.dvm.plan;
  exports io.pgtrickle.dvm.plan.rewrite;
  exports io.pgtrickle.dvm.server;
  exports io.pgtrickle.dvm.sql;
  exports io.pgtrickle.dvm.type;
  exports io.pgtrickle.dvm.zset;
}
