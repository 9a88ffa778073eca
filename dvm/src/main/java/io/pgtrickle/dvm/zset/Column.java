package io.pgtrickle.dvm.zset;

import io.pgtrickle.dvm.type.SqlType;

/// A named, typed column of a [Schema].
public record Column(String name, SqlType type) {}
