// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.guest;

import java.io.IOException;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;

/**
 * What a restarted forwarder needs to know, in a mapped file: memory of the kernel's, which a kill does not take. It is marked before anything happens and written when all is at rest again, so that
 * what is marked as at rest is exact, and nothing else is ever believed.
 */
final class RestartFile {
    /** The longest state that is written; more streams than that are no longer a pod's. */
    private static final int MAX_STATE_BYTES = 256 << 10;

    private static final int FORMAT = 0x70730001;
    private static final int UNDER_WAY = 0;
    private static final int AT_REST = 1;

    /** Format, mark, length. */
    private static final int HEADER_BYTES = 12;

    private final MappedByteBuffer map;
    private boolean marked;

    private RestartFile(MappedByteBuffer map) {
        this.map = map;
    }

    /** Opens or makes the file. */
    static RestartFile open(Path file) throws IOException {
        Path folder = file.getParent();
        if (folder != null) {
            Files.createDirectories(folder);
        }
        if (!Files.exists(file)) {
            Files.createFile(file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            return new RestartFile(channel.map(FileChannel.MapMode.READ_WRITE, 0, HEADER_BYTES + MAX_STATE_BYTES));
        }
    }

    /** What a predecessor left at rest; empty when it was killed in the middle of something, or there was none. */
    Optional<ByteBuffer> left() {
        int length = map.getInt(8);
        if (map.getInt(0) != FORMAT || map.getInt(4) != AT_REST || length < 0 || length > MAX_STATE_BYTES) {
            return Optional.empty();
        }
        byte[] copy = new byte[length];
        map.get(HEADER_BYTES, copy);
        return Optional.of(ByteBuffer.wrap(copy));
    }

    /** Something is about to happen. */
    void mark() {
        if (!marked) {
            marked = true;
            map.putInt(4, UNDER_WAY);
            VarHandle.fullFence();
        }
    }

    /** Whether something happened since the state was written. */
    boolean marked() {
        return marked;
    }

    /** Where the state is to be put; what does not fit overflows. */
    ByteBuffer room() {
        return map.duplicate().clear().position(HEADER_BYTES);
    }

    /** The state is there, up to the room's position. */
    void written(ByteBuffer room) {
        map.putInt(0, FORMAT);
        map.putInt(8, room.position() - HEADER_BYTES);
        VarHandle.fullFence();
        map.putInt(4, AT_REST);
        marked = false;
    }
}
