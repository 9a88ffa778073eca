/// Change data capture from PostgreSQL by logical decoding, and nothing that knows what becomes of
/// the changes.
@org.jspecify.annotations.NullMarked
module io.pgtrickle.cdc {
  requires static transitive org.jspecify;
  requires java.sql;
  requires org.postgresql.jdbc;
  requires org.slf4j;
}
