package io.pgtrickle.engine.analyze;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Collation;
import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.plan.rewrite.Orderings;
import io.pgtrickle.dvm.server.Inquiry;
import io.pgtrickle.dvm.sql.Facts;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Which values compare by the bytes of their keys, and how the server labels the others.
///
/// Text needs labels to be sorted where its collation is not the order of UTF-8 bytes, and to be
/// compared at all where the collation is not deterministic; a type that is only carried needs them
/// for both. A label is good for as long as the collation's version is, so that belongs to the
/// inquiry.
final class ServerOrderings implements Orderings {
  private static final Schema ANSWER = Schema.of(new Column("value", SqlType.LABELED));

  private final EvaluationSettings settings;
  private final Facts facts;
  private final ServerCatalog server;
  private final Inquiry.Context own;
  private final Inquiry.Context users;

  /// @param users on what the order of a type depends that somebody has made; the server sorts as
  ///     its role
  ServerOrderings(
      EvaluationSettings settings, Facts facts, ServerCatalog server, Inquiry.Context users) {
    this.settings = settings;
    this.facts = facts;
    this.server = server;
    this.users = users;
    // No setting tells PostgreSQL's own operators how to sort.
    this.own = new Inquiry.Context(users.owner(), Map.of(), Map.of());
  }

  @Override
  public Optional<Inquiry> order(SqlType type) {
    if (type.kind().isText()) {
      Collation collation = settings.collation(type.collation());
      return settings.utf8() && collation.deterministic() && collation.byteOrder()
          ? Optional.empty()
          : Optional.of(label(type));
    }
    boolean ordered = settings.utf8() && type.isOrderedTrail();
    return type.kind() == TypeKind.OPAQUE && !ordered ? Optional.of(label(type)) : Optional.empty();
  }

  @Override
  public Optional<Inquiry> equality(SqlType type) {
    if (type.kind().isText()) {
      return settings.collation(type.collation()).deterministic()
          ? Optional.empty()
          : Optional.of(label(type));
    }
    return type.kind() == TypeKind.OPAQUE && !type.isTrail()
        ? Optional.of(label(type))
        : Optional.empty();
  }

  private Inquiry label(SqlType type) {
    boolean possible =
        type.kind().isText() || (server.isSendable(type.oid()) && server.isSortable(type.oid()));
    if (!possible) {
      throw QueryRejected.notYet(
          "unsupported_type",
          "sorting or comparing values of type "
              + facts.typeName(type.oid()).orElse(String.valueOf(type.oid())));
    }
    boolean byUsers = server.isSortedByUsers(type.oid());
    // What citext sorts as equal is then not what it takes for equal.
    if (byUsers && type.collation() != 0 && !settings.collation(type.collation()).deterministic()) {
      throw QueryRejected.notYet(
          "unsupported_collation",
          "sorting or comparing values of type "
              + facts.typeName(type.oid()).orElse(String.valueOf(type.oid()))
              + " under a collation that is not deterministic");
    }
    // Values of these two compare with each other.
    int oid = type.kind() == TypeKind.VARCHAR ? SqlType.TEXT.oid() : type.oid();
    String version =
        type.collation() != 0
            ? " /* " + server.collationVersion(type.collation(), settings.serverVersion()) + " */"
            : "";
    return new Inquiry(
        Inquiry.Form.LABEL,
        Inquiry.parameter(0) + version,
        List.of(SqlType.of(oid, -1, type.collation())),
        ANSWER,
        byUsers ? users : own);
  }
}
