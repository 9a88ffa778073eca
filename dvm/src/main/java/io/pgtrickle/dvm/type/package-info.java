/// PostgreSQL's values: types, equality, order, arithmetic, text output and encodings.
///
/// Start at [SqlType], then [TypeCodec]. A value is a plain object, `null` is SQL NULL:
///
/// | type | Java value |
/// |---|---|
/// | bool | `Boolean` |
/// | int2, int4, int8 | `Long`, range-checked where it is made |
/// | numeric | [PgNumeric], with its display scale |
/// | float4, float8 | `Float`, `Double` |
/// | text, varchar, bpchar | `String`; bpchar as displayed, padded |
/// | date | `Long`, days since 2000-01-01; `Integer.MAX_VALUE`, `Integer.MIN_VALUE` are the
/// infinities |
/// | timestamp, timestamptz | `Long`, microseconds since 2000-01-01 (UTC); `Long.MAX_VALUE`,
/// `Long.MIN_VALUE` are the infinities |
/// | uuid | `java.util.UUID` |
/// | bytea | [Bytes] |
/// | none: a value with its place in the server's order | [Labeled] |
/// | any other | [Bytes], the binary send form, carried without being understood |
///
/// [TypeOrder] compares as SQL does, [DisplayText] shows a timestamptz in a session's zone,
/// [PgNumeric]
/// computes. [ExactFloatSum], [FloatAverage] and [NumericSum] add up columns so that what was added
/// can be taken
/// away.
///
/// An evaluation error of a row is data, see [EvaluationFailure].
@NullMarked
package io.pgtrickle.dvm.type;

import org.jspecify.annotations.NullMarked;
