package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.type.Bytes;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.stream.Stream;

/// One value of a `pg_node_tree`, the text form in which PostgreSQL keeps analyzed queries.
///
/// The reader knows the syntax only, not what any node means; that is why one reader serves
/// PostgreSQL 14 to 18, whose trees differ in fields and tags.
public sealed interface NodeTree {
  /// `{TAG :field value …}`, fields in the order written.
  record Node(String tag, SequencedMap<String, NodeTree> fields) implements NodeTree {
    public Node {
      // Keeps the order written, which Map.copyOf would lose.
      fields = new LinkedHashMap<>(fields);
    }

    /// The same node with one field added or replaced.
    public Node with(String field, NodeTree value) {
      SequencedMap<String, NodeTree> changed = new LinkedHashMap<>(fields);
      changed.put(field, value);
      return new Node(tag, changed);
    }
  }

  /// `(a b …)`: a list of nodes, strings or plain tokens.
  record Items(List<NodeTree> elements) implements NodeTree {
    public Items {
      elements = List.copyOf(elements);
    }
  }

  /// `(i 1 2)`, `(o 1 2)`, `(x 1 2)` or `(b 1 2)`: integers, OIDs, transaction ids, a bitmap set.
  record Numbers(char kind, List<Long> elements) implements NodeTree {
    public Numbers {
      elements = List.copyOf(elements);
    }
  }

  /// `4 [ 1 0 0 0 ]`: the memory image of a datum, after its length as written.
  record Datum(long length, Bytes image) implements NodeTree {}

  /// Any other word, unescaped: a number, a flag, a name. Quotes of a string node are taken off.
  record Token(String text) implements NodeTree {}

  /// `<>`: NULL, an empty list, the zero character.
  record Absent() implements NodeTree {}

  /// The values directly inside of this one.
  default Stream<NodeTree> children() {
    return switch (this) {
      case Node(String _, SequencedMap<String, NodeTree> fields) -> fields.values().stream();
      case Items(List<NodeTree> elements) -> elements.stream();
      case Numbers _, Datum _, Token _, Absent _ -> Stream.empty();
    };
  }

  /// Reads one value that takes up the whole text.
  ///
  /// @throws MalformedTree when the text is not such a value
  /// @throws io.pgtrickle.dvm.TrickleException.QueryRejected when it is nested too deeply, see
  ///     [io.pgtrickle.dvm.Nesting]
  static NodeTree parse(String text) {
    return new NodeTreeReader(text).readAll();
  }

  /// The text is not a `pg_node_tree` as this reader knows it.
  final class MalformedTree extends RuntimeException {
    private static final long serialVersionUID = 1L;

    MalformedTree(String message) {
      super(message);
    }
  }
}
