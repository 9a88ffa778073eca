package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.expr.Collation;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.zset.Column;
import java.util.List;
import java.util.Optional;

/// What the server knows about the objects that an analyzed tree names by OID.
///
/// An answer is a fact of the server's catalogs, never a guess; an object that cannot be found is
/// `Optional.empty()` and refuses the query.
public interface Facts {
  /// A relation of the definition's document: table, view, stream table.
  Optional<RelationShape> relation(int oid);

  /// A row of `pg_proc`, functions and aggregates alike.
  Optional<Signature> function(int oid);

  /// The columns of a function that returns rows of several; none for any other. A type of OID 0 is
  /// one that the declaration leaves open.
  List<Column> resultColumns(int function);

  /// A row of `pg_operator`.
  Optional<Operator> operator(int oid);

  /// An operator with this function, for writing `= ANY` again; empty when there is none.
  Optional<Operator> operatorOf(Signature function);

  /// A row of `pg_collation`, the database's own for `"default"`.
  Optional<NamedCollation> collation(int oid);

  /// How the server converts implicitly between two types, as it does for the columns of a UNION.
  Optional<Cast> implicitCast(int sourceType, int targetType);

  /// The label of an enum, by its OID in `pg_enum`.
  Optional<String> enumLabel(int oid);

  /// A constant that the query has, in SQL, when it is of a type whose memory image is not
  /// understood here.
  Optional<String> constant(ConstantImage constant);

  /// What the values of a type are collected in; those of an array, in one of a dimension more.
  Optional<ArrayType> arrayOf(int type);

  /// The quoted name of a field of a row type.
  ///
  /// @param number from 1
  Optional<String> field(int rowType, int number);

  /// Whether floats are printed with as many digits as tell them from all others.
  boolean printsFloatsExactly();

  /// The schema-qualified, quoted name of a type.
  Optional<String> typeName(int oid);

  /// An operator and the function it calls.
  ///
  /// @param place what it is in the default order of a user's type
  record Operator(
      int oid, String schema, String name, int left, int right, int function, Place place) {
    /// What an operator is in an order.
    public enum Place {
      LESS,
      EQUAL,
      GREATER,
      /// None of these, or PostgreSQL's own.
      OTHER
    }
  }

  /// An array type and the type of its elements.
  record ArrayType(int type, int element) {}

  /// A collation.
  ///
  /// @param name schema-qualified and quoted
  record NamedCollation(String name, Collation properties) {}

  /// A conversion: by a function, or by relabelling when there is none.
  record Cast(Optional<Signature> function) {}
}
