// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.libc;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/**
 * One function of the C library, looked up when it is first called. The only class that needs {@code --enable-native-access}.
 *
 * <p>All functions are called through the same method handle, with six 64-bit arguments, as the ABIs of 64-bit Linux allow: integers and
 * pointers travel widened, a function does not look at arguments that it does not have, and a variadic one finds integers where any
 * other does. A handle for each signature would cost every process a quarter of a second of CPU time at its start, and memory.
 */
final class ForeignLibcFunction {
    /** {@code long f(long, long, long, long, long, long)}. */
    private static final MethodHandle CALL = link();

    private final String name;
    private volatile @Nullable MemorySegment address;

    ForeignLibcFunction(String name) {
        this.name = name;
    }

    /**
     * Calls a function that answers a {@code long} or {@code ssize_t}.
     *
     * @param state where errno is left
     * @param arguments at most six; pointers as addresses of segments that stay alive during the call
     */
    long asLong(MemorySegment state, long... arguments) throws Throwable {
        MemorySegment target = address;
        if (target == null) {
            target = find(name);
            address = target;
        }
        return (long) CALL.invokeExact(
                target,
                state,
                at(arguments, 0),
                at(arguments, 1),
                at(arguments, 2),
                at(arguments, 3),
                at(arguments, 4),
                at(arguments, 5));
    }

    /** Calls a function that answers an {@code int}; the other half of the register is undefined. */
    int asInt(MemorySegment state, long... arguments) throws Throwable {
        return (int) asLong(state, arguments);
    }

    private static long at(long[] arguments, int index) {
        return index < arguments.length ? arguments[index] : 0;
    }

    @SuppressWarnings("restricted")
    private static MethodHandle link() {
        FunctionDescriptor shape =
                FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
        return Linker.nativeLinker().downcallHandle(shape, Linker.Option.captureCallState("errno"));
    }

    private static MemorySegment find(String name) {
        return Linker.nativeLinker()
                .defaultLookup()
                .find(name)
                .orElseThrow(() -> new UnsupportedOperationException("The C library has no function " + name + "."));
    }
}
