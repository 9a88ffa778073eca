/// Rows and Z-sets: the currency of the dataflow.
///
/// A [Row] is packed bytes under a [Schema]; a [ZSet] maps rows to non-zero integer weights, so
/// that
/// an insertion is +1, a deletion −1, and a delta is simply a Z-set. Two rows are the same row iff
/// their
/// bytes are, that is iff every column displays alike; equality as SQL sees it is a matter of keys.
@NullMarked
package io.pgtrickle.dvm.zset;

import org.jspecify.annotations.NullMarked;
