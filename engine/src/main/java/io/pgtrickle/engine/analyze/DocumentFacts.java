package io.pgtrickle.engine.analyze;

import io.pgtrickle.dvm.expr.Collation;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.sql.ConstantImage;
import io.pgtrickle.dvm.sql.Facts;
import io.pgtrickle.dvm.sql.RelationShape;
import io.pgtrickle.dvm.zset.Column;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The facts about one query: what users made from its document, what is built in from the server.
///
/// Used by one thread.
final class DocumentFacts implements Facts {
  private static final int C_COLLATION = 950;
  private static final int POSIX_COLLATION = 951;

  private final QueryDocument document;
  private final ServerCatalog server;
  private @Nullable Map<ConstantImage, String> constants;

  DocumentFacts(QueryDocument document, ServerCatalog server) {
    this.document = document;
    this.server = server;
  }

  @Override
  public Optional<RelationShape> relation(int oid) {
    return Optional.ofNullable(document.relations().get(oid));
  }

  @Override
  public Optional<Signature> function(int oid) {
    Signature own = document.functions().get(oid);
    return own != null ? Optional.of(own) : server.function(oid);
  }

  @Override
  public boolean printsFloatsExactly() {
    return document.printsFloatsExactly();
  }

  @Override
  public List<Column> resultColumns(int function) {
    return document.resultColumns().getOrDefault(function, List.of());
  }

  @Override
  public Optional<Operator> operator(int oid) {
    Operator own = document.operators().get(oid);
    return own != null ? Optional.of(own) : server.operator(oid);
  }

  @Override
  public Optional<Operator> operatorOf(Signature function) {
    Optional<Operator> own =
        document.operators().values().stream()
            .filter(operator -> operator.function() == function.oid())
            .findFirst();
    return own.isPresent() ? own : server.operatorOf(function.oid());
  }

  @Override
  public Optional<NamedCollation> collation(int oid) {
    return switch (oid) {
      case C_COLLATION -> Optional.of(new NamedCollation("\"pg_catalog\".\"C\"", Collation.C));
      case POSIX_COLLATION ->
          Optional.of(new NamedCollation("\"pg_catalog\".\"POSIX\"", Collation.C));
      default -> Optional.ofNullable(document.collations().get(oid));
    };
  }

  @Override
  public Optional<Cast> implicitCast(int sourceType, int targetType) {
    return server.implicitCast(sourceType, targetType);
  }

  @Override
  public Optional<String> typeName(int oid) {
    String own = document.typeNames().get(oid);
    return own != null ? Optional.of(own) : server.typeName(oid);
  }

  @Override
  public Optional<ArrayType> arrayOf(int type) {
    return server.arrayOf(type);
  }

  @Override
  public Optional<String> field(int rowType, int number) {
    return server.fieldName(rowType, number);
  }

  @Override
  public Optional<String> constant(ConstantImage constant) {
    Map<ConstantImage, String> known = constants;
    if (known == null) {
      known = server.constants(document);
      constants = known;
    }
    return Optional.ofNullable(known.get(constant));
  }

  @Override
  public Optional<String> enumLabel(int oid) {
    return Optional.ofNullable(document.enumLabels().get(oid));
  }
}
