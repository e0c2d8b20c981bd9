// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.libc;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * A message that came with descriptors, as recvmsg(2) gives it.
 *
 * @param data what came, empty at the end of a stream
 * @param descriptors that are open in this process now, with close-on-exec set
 * @param flags {@code MSG_*} as the kernel returned them
 */
@SuppressWarnings("ArrayRecordComponent") // It is taken apart by who received it, never compared.
public record DescriptorMessage(byte[] data, int[] descriptors, int flags) {
    /** {@code SCM_MAX_FD}: one more and the kernel refuses the message. */
    public static final int MAX_DESCRIPTORS = 253;

    /** {@code struct cmsghdr}: an eight-byte length that counts the header, level, type. */
    private static final int HEADER_BYTES = 16;

    static final int CONTROL_BYTES = HEADER_BYTES + aligned(MAX_DESCRIPTORS * Integer.BYTES);

    /** Whether descriptors were lost on the way, since the process has too many open or the buffer was too small. */
    public boolean truncated() {
        return (flags & Constants.MSG_CTRUNC) != 0;
    }

    /** The control part of a message with these descriptors. */
    static byte[] control(ByteOrder order, int... descriptors) {
        if (descriptors.length > MAX_DESCRIPTORS) {
            throw new IllegalArgumentException("a message carries at most " + MAX_DESCRIPTORS + " descriptors, not "
                    + descriptors.length + "; send several messages");
        }
        int length = HEADER_BYTES + descriptors.length * Integer.BYTES;
        ByteBuffer control = ByteBuffer.allocate(aligned(length)).order(order);
        control.putLong(length).putInt(Constants.SOL_SOCKET).putInt(Constants.SCM_RIGHTS);
        for (int descriptor : descriptors) {
            control.putInt(descriptor);
        }
        return control.array();
    }

    /** Reads the control part of what came; parts that are no descriptors are passed over. */
    static DescriptorMessage of(byte[] data, ByteOrder order, byte[] control, int flags) {
        int[] descriptors = new int[0];
        ByteBuffer parts = ByteBuffer.wrap(control).order(order);
        for (int start = 0; control.length - start >= HEADER_BYTES; ) {
            long length = parts.getLong(start);
            if (length < HEADER_BYTES || length > control.length - start) {
                break;
            }
            if (parts.getInt(start + 8) == Constants.SOL_SOCKET && parts.getInt(start + 12) == Constants.SCM_RIGHTS) {
                int count = ((int) length - HEADER_BYTES) / Integer.BYTES;
                int known = descriptors.length;
                descriptors = Arrays.copyOf(descriptors, known + count);
                for (int i = 0; i < count; i++) {
                    descriptors[known + i] = parts.getInt(start + HEADER_BYTES + i * Integer.BYTES);
                }
            }
            start += aligned((int) length);
        }
        return new DescriptorMessage(data, descriptors, flags);
    }

    private static int aligned(int bytes) {
        return bytes + Long.BYTES - 1 & -Long.BYTES;
    }
}
