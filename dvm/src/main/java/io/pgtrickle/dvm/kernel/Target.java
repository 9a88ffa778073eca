package io.pgtrickle.dvm.kernel;

import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import org.jspecify.annotations.Nullable;

final class Target {
  /*
   * What a search looks for: a key, or an entry (key, row), with what comparing needs of it computed
   * once. It is made per look-up and small enough for the JIT to take apart.
   */
  final byte[] key;
  final int length;
  final long prefix;
  final int skip;
  final byte @Nullable [] row;

  private Target(byte[] key, int length, byte @Nullable [] row) {
    this.key = key;
    this.length = length;
    this.row = row;
    prefix = KeyOrder.prefix(key, 0, length);
    skip = KeyOrder.skip(prefix, length);
  }

  static Target key(byte[] key, int length) {
    return new Target(key, length, null);
  }

  static Target key(ByteSink key) {
    return new Target(key.array(), key.size(), null);
  }

  /// What all keys that start with some bytes are below; `null` when nothing is above them.
  static @Nullable Target pastPrefix(ByteSink prefix) {
    byte[] high = prefix.toArray();
    int length = high.length;
    while (length > 0 && high[length - 1] == -1) {
      length--;
    }
    if (length == 0) {
      return null;
    }
    high[length - 1]++;
    return key(high, length);
  }

  static Target entry(Block block, int i) {
    ByteSink key = new ByteSink();
    block.key(i, key);
    return new Target(key.array(), key.size(), block.row(i));
  }

  static Target entry(ByteSink key, Row row) {
    return new Target(key.array(), key.size(), row.bytes());
  }
}
