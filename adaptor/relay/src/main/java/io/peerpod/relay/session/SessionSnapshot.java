// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.session;

import com.google.protobuf.ByteString;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;

/**
 * What a successor needs to go on with a session: it dials anew, resumes with {@link #receivedOffset}, and sends what the peer is missing. Bytes of the received
 * direction that the predecessor took but did not pass on are not here; they belong to whoever consumed them.
 *
 * @param id names the session at the peer
 * @param receivedOffset how many bytes of the peer's were taken
 * @param acknowledgedOffset how many of our bytes the peer is known to have taken
 * @param unacknowledged our bytes behind that, in order
 */
public record SessionSnapshot(SessionId id, long receivedOffset, long acknowledgedOffset, ByteString unacknowledged) {
    private static final byte VERSION = 1;
    private static final int FIXED_BYTES = 1 + SessionId.BYTES + 2 * Long.BYTES + Integer.BYTES;

    /** In a form that another process can read back. */
    public byte[] toBytes() {
        ByteBuffer data = ByteBuffer.allocate(FIXED_BYTES + unacknowledged.size())
                .put(VERSION)
                .putLong(id.high())
                .putLong(id.low())
                .putLong(receivedOffset)
                .putLong(acknowledgedOffset)
                .putInt(unacknowledged.size());
        unacknowledged.copyTo(data);
        return data.array();
    }

    /**
     * From {@link #toBytes}.
     *
     * @throws IllegalArgumentException when these bytes are no snapshot of this version
     */
    public static SessionSnapshot fromBytes(byte[] bytes) {
        ByteBuffer data = ByteBuffer.wrap(bytes);
        try {
            byte version = data.get();
            if (version != VERSION) {
                throw new IllegalArgumentException(
                        "a session snapshot of version " + version + ", known is " + VERSION);
            }
            SessionId id = new SessionId(data.getLong(), data.getLong());
            long received = data.getLong();
            long acknowledged = data.getLong();
            int length = data.getInt();
            if (received < 0 || acknowledged < 0 || length != data.remaining()) {
                throw new IllegalArgumentException(
                        "a session snapshot of " + bytes.length + " bytes contradicts itself");
            }
            return new SessionSnapshot(id, received, acknowledged, ByteString.copyFrom(data));
        } catch (BufferUnderflowException e) {
            throw new IllegalArgumentException("a session snapshot of " + bytes.length + " bytes is cut short", e);
        }
    }

    /** Without the bytes, which are a pod's. */
    @Override
    public String toString() {
        return id + " received " + receivedOffset + " acknowledged " + acknowledgedOffset + " unacknowledged "
                + unacknowledged.size();
    }
}
