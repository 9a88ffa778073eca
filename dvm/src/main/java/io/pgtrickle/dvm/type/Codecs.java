package io.pgtrickle.dvm.type;

/// The one codec of each [TypeKind].
final class Codecs {
  private static final TypeCodec BOOL = new ScalarCodecs.Bool();
  private static final TypeCodec INT2 = new ScalarCodecs.Int(2, "smallint");
  private static final TypeCodec INT4 = new ScalarCodecs.Int(4, "integer");
  private static final TypeCodec INT8 = new ScalarCodecs.Int(8, "bigint");
  private static final TypeCodec NUMERIC = new NumericCodec();
  private static final TypeCodec FLOAT4 = new FloatCodecs.Float4();
  private static final TypeCodec FLOAT8 = new FloatCodecs.Float8();
  private static final TypeCodec TEXT = new StringCodecs.Text();
  private static final TypeCodec BPCHAR = new StringCodecs.BlankPadded();
  private static final TypeCodec DATE = new DateTimeCodecs.Date();
  private static final TypeCodec TIMESTAMP = new DateTimeCodecs.Timestamp(false);
  private static final TypeCodec TIMESTAMPTZ = new DateTimeCodecs.Timestamp(true);
  private static final TypeCodec INTERVAL = new IntervalCodec();
  private static final TypeCodec UUID = new ScalarCodecs.Uuid();
  private static final TypeCodec BYTEA = new StringCodecs.Binary();
  private static final TypeCodec OPAQUE = new StringCodecs.Opaque();
  private static final TypeCodec LABELED = new LabeledCodec();

  private Codecs() {}

  static TypeCodec of(TypeKind kind) {
    return switch (kind) {
      case BOOL -> BOOL;
      case INT2 -> INT2;
      case INT4 -> INT4;
      case INT8 -> INT8;
      case NUMERIC -> NUMERIC;
      case FLOAT4 -> FLOAT4;
      case FLOAT8 -> FLOAT8;
      case TEXT, VARCHAR -> TEXT;
      case BPCHAR -> BPCHAR;
      case DATE -> DATE;
      case TIMESTAMP -> TIMESTAMP;
      case TIMESTAMPTZ -> TIMESTAMPTZ;
      case INTERVAL -> INTERVAL;
      case UUID -> UUID;
      case BYTEA -> BYTEA;
      case OPAQUE -> OPAQUE;
      case LABELED -> LABELED;
    };
  }
}
