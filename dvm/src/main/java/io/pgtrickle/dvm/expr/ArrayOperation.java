package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.type.SqlType;

/// What SQL has a syntax of its own for and does with arrays.
public sealed interface ArrayOperation extends Expr.Meaning {
  /// `ARRAY[…]`.
  ///
  /// @param nested whether the operands are arrays themselves
  record Constructed(SqlType element, boolean nested) implements ArrayOperation {}

  /// `array[i]`, `array[i][j]`: the element, NULL where there is none or where there are other than
  /// as many dimensions. The operands are the array and the subscripts.
  record Subscripted() implements ArrayOperation {}

  /// `value op ANY (array)`, or with `all` `value op ALL (array)`.
  ///
  /// @param comparison the operator's function, called with (value, element)
  record Compared(Signature comparison, int collation, boolean all) implements ArrayOperation {}

  /// A cast of an array, element by element.
  ///
  /// @param from the element type of the operand
  /// @param conversion of one element, which is its column
  record Converted(SqlType from, Expr conversion) implements ArrayOperation {}
}
