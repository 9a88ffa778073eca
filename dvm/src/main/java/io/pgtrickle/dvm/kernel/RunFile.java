package io.pgtrickle.dvm.kernel;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.TrickleException.StorageUnavailable;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.channels.WritableByteChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.zip.CRC32C;

/// Runs as bytes of files.
public final class RunFile {
  /*
   * The image of a run, little-endian; a large run is a file of its own, small ones lie one after the
   * other in a file:
   *
   *   blocks     as in NativeBlock, each at a multiple of 8
   *   footer     per block: first prefix 8 (the fence), sum of weights 8, offset 8, bytes of data 4,
   *              entries 4, key size 4, weight bytes 4, CRC32C of the block 4
   *   trailer    magic 8, entries 8, negative entries 8, offset of the footer 8, blocks 4,
   *              CRC32C of footer and trailer up to here 4
   *
   * It is written front to back through a channel, never through a mapping: a full disk is then an
   * exception and not a fault. Only a file that was synchronized and has got its final name is
   * mapped. Opening reads the end only; a block is compared with its checksum when it is first used.
   *
   * The mapping for look-ups is advised that access is random, or the kernel would read ahead 128 KiB
   * for every page that is missing; a merge maps its inputs once more, advised that it reads on.
   */
  private static final long MAGIC = 0x324E55524B544750L; // "PGTKRUN2"
  private static final int PER_BLOCK = 44;
  private static final int TRAILER = 40;

  private RunFile() {}

  /// The image of a run on disk.
  ///
  /// @param file its name in the directory of state
  public record Copy(String file, long offset, long length) {
    public Extent extent() {
      return new Extent(offset, length);
    }
  }

  /// Where a run's image lies in its file.
  public record Extent(long offset, long length) {}

  /// Maps the image of a run, which is readable until the last holder lets go; then `freed` is
  /// run by the executor.
  ///
  /// @throws StateDamaged when the file is missing or its end is not that of a run
  /// @throws StorageUnavailable when it cannot be opened or mapped at present
  public static Run map(Path file, Extent extent, Executor reaper, Runnable freed) {
    return map(file, extent, Access.RANDOM, reaper, freed);
  }

  private static Run map(Path file, Extent extent, Access access, Executor reaper, Runnable freed) {
    Arena arena = Arena.ofShared();
    boolean complete = false;
    try {
      MemorySegment memory;
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
        if (extent.offset < 0
            || extent.length < TRAILER
            || extent.offset + extent.length > channel.size()) {
          throw new StateDamaged(
              "state file " + file + " is too short: " + channel.size() + " bytes", null);
        }
        memory = channel.map(MapMode.READ_ONLY, extent.offset, extent.length, arena);
      } catch (NoSuchFileException e) {
        throw new StateDamaged("state file " + file + " is missing", e);
      } catch (IOException e) {
        // No room for another open file or mapping, or an interrupt: the file may be as it was.
        throw new StorageUnavailable("state file " + file + " cannot be opened: " + e, e);
      }
      access.advise(memory);
      Run run = read(memory, file, extent, new Mapping(file, extent, arena, reaper, freed));
      complete = true;
      return run;
    } finally {
      if (!complete) {
        arena.close();
      }
    }
  }

  private static Run read(MemorySegment memory, Path file, Extent extent, Mapping mapping) {
    ByteBuffer trailer =
        memory.asSlice(memory.byteSize() - TRAILER).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    long magic = trailer.getLong();
    long entries = trailer.getLong();
    long negatives = trailer.getLong();
    long footerAt = trailer.getLong();
    int count = trailer.getInt();
    int checksum = trailer.getInt();
    long footerSize = memory.byteSize() - TRAILER - footerAt;
    if (magic != MAGIC || footerAt < 0 || count <= 0 || footerSize != (long) count * PER_BLOCK) {
      throw new StateDamaged("state file " + file + " does not end as a run does", null);
    }
    if (checksum != checksum(memory.asSlice(footerAt, footerSize + TRAILER - Integer.BYTES))) {
      throw new StateDamaged("state file " + file + " has a damaged footer", null);
    }
    ByteBuffer footer =
        memory.asSlice(footerAt, footerSize).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    List<Block> blocks = new ArrayList<>(count);
    for (int b = 0; b < count; b++) {
      long first = footer.getLong();
      long total = footer.getLong();
      long offset = footer.getLong();
      int dataBytes = footer.getInt();
      int size = footer.getInt();
      int keySize = footer.getInt();
      int weightBytes = footer.getInt();
      NativeBlock.Shape shape =
          new NativeBlock.Shape(size, total, first, keySize, weightBytes, dataBytes);
      blocks.add(
          new NativeBlock(
              shape,
              memory.asSlice(offset, shape.bytes()),
              new Image(file, extent.offset + offset, footer.getInt())));
    }
    return new Run(blocks, entries, negatives, mapping);
  }

  /// The bytes of a block on disk, and the checksum that they must have.
  record Image(Path file, long offset, int checksum) {
    /// Reads all of them, through a file and not through a mapping, where a disk that does not give
    /// them would be a fault; what is read afterwards is in memory.
    void verify(int length) {
      byte[] bytes = new byte[length];
      try (RandomAccessFile read = new RandomAccessFile(file.toFile(), "r")) {
        read.seek(offset);
        read.readFully(bytes);
      } catch (IOException e) {
        throw new StateDamaged("state file " + file + " cannot be read: " + e, e);
      }
      if (RunFile.checksum(MemorySegment.ofArray(bytes)) != checksum) {
        throw new StateDamaged(
            "state file " + file + " is damaged: a block of it has another checksum", null);
      }
    }
  }

  static int checksum(MemorySegment memory) {
    CRC32C crc = new CRC32C();
    crc.update(memory.asByteBuffer());
    return (int) crc.getValue();
  }

  /// A mapped file as a run's memory.
  static final class Mapping extends RunMemory {
    private final Path file;
    private final Extent extent;

    Mapping(Path file, Extent extent, Arena arena, Executor reaper, Runnable freed) {
      // Unmapping is a handshake with all threads, and deleting a large file takes long.
      super(
          () ->
              reaper.execute(
                  () -> {
                    arena.close();
                    freed.run();
                  }));
      this.file = file;
      this.extent = extent;
    }

    /// The same run over a mapping that is read from front to back.
    Run sequentially() {
      return map(file, extent, Access.SEQUENTIAL, Runnable::run, () -> {});
    }
  }

  /// Opens the file that a run is written to.
  @FunctionalInterface
  public interface Opener {
    /// A channel to the end of a new file.
    Output open(Path file) throws IOException;
  }

  /// A file being written.
  public interface Output extends WritableByteChannel {
    /// Makes what was written durable.
    void force() throws IOException;
  }

  /// Writes images to the end of a channel, one after the other.
  public static final class Images implements Shelf {
    private final Output out;
    private final Path file;
    private final List<NativeBlock.Shape> shapes = new ArrayList<>();
    private final List<Long> offsets = new ArrayList<>();
    private final List<Integer> checksums = new ArrayList<>();
    private byte[] scratch = new byte[RunBuilder.BLOCK_BYTES * 2];
    private long start;
    private long position;
    private Extent last = new Extent(0, 0);

    public Images(Output out, Path file) {
      this.out = out;
      this.file = file;
    }

    @Override
    public void put(RunBuilder.Open block) {
      NativeBlock.Shape shape = block.shape();
      int bytes = shape.bytes();
      int padded = Math.toIntExact((bytes + 7L) & ~7L);
      if (scratch.length < padded) {
        scratch = new byte[padded];
      }
      MemorySegment memory = MemorySegment.ofArray(scratch).asSlice(0, padded);
      memory.asSlice(bytes).fill((byte) 0);
      block.copyTo(memory, shape);
      shapes.add(shape);
      offsets.add(position - start);
      checksums.add(checksum(memory.asSlice(0, bytes)));
      write(ByteBuffer.wrap(scratch, 0, padded));
    }

    /// Ends the image, see [#last]; no run comes of it yet.
    @Override
    public Run finish(long entries, long negatives) {
      int size = shapes.size() * PER_BLOCK + TRAILER;
      ByteBuffer end = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
      for (int b = 0; b < shapes.size(); b++) {
        NativeBlock.Shape shape = shapes.get(b);
        end.putLong(shape.first()).putLong(shape.total()).putLong(offsets.get(b));
        end.putInt(shape.dataBytes());
        end.putInt(shape.size()).putInt(shape.keySize()).putInt(shape.weightBytes());
        end.putInt(checksums.get(b));
      }
      end.putLong(MAGIC).putLong(entries).putLong(negatives).putLong(position - start);
      end.putInt(shapes.size());
      CRC32C crc = new CRC32C();
      crc.update(end.array(), 0, end.position());
      end.putInt((int) crc.getValue());
      write(end.flip());
      last = new Extent(start, position - start);
      start = position;
      abandon();
      return Run.EMPTY;
    }

    /// Where the image lies that was finished last.
    public Extent last() {
      return last;
    }

    @Override
    public void abandon() {
      shapes.clear();
      offsets.clear();
      checksums.clear();
    }

    private void write(ByteBuffer bytes) {
      try {
        while (bytes.hasRemaining()) {
          position += out.write(bytes);
        }
      } catch (IOException e) {
        throw unavailable(file, e);
      }
    }
  }

  /// What a failure to write means for whoever runs the process.
  public static StorageUnavailable unavailable(Path file, IOException cause) {
    return new StorageUnavailable(
        "state file "
            + file
            + " cannot be written: "
            + cause.getMessage()
            + "; nothing is lost, and it is tried again; make room or repair the disk",
        cause);
  }
}
