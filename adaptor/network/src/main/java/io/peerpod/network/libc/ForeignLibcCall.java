// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.libc;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/** What every call of the C library has in common: errno is captured in an arena of its own, in a shared one it could be another thread's. */
final class ForeignLibcCall {
    private static final StructLayout CALL_STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO = CALL_STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));

    private ForeignLibcCall() {}

    /** The native call itself, given the memory in which it leaves errno. */
    interface Call {
        long invoke(Arena arena, MemorySegment state) throws Throwable;
    }

    static long call(String action, Call call) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CALL_STATE);
            long result = call.invoke(arena, state);
            if (result == -1) {
                throw new ErrnoException(action, (int) ERRNO.get(state, 0L));
            }
            return result;
        } catch (ErrnoException | RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    static long mustSucceed(Call call) {
        try {
            return call("an identity", call);
        } catch (ErrnoException e) {
            throw new IllegalStateException(e);
        }
    }

    static MemorySegment bytes(Arena arena, byte[] bytes) {
        MemorySegment segment = arena.allocate(Math.max(1, bytes.length), 8);
        MemorySegment.copy(bytes, 0, segment, JAVA_BYTE, 0, bytes.length);
        return segment;
    }

    static void copyBack(MemorySegment segment, byte[] bytes, long length) {
        MemorySegment.copy(segment, JAVA_BYTE, 0, bytes, 0, (int) Math.min(bytes.length, length));
    }

    static MemorySegment text(Arena arena, @Nullable String text) {
        return text == null ? MemorySegment.NULL : arena.allocateFrom(text);
    }
}
