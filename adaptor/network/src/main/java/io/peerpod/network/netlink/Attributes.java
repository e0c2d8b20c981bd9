// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.netlink;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** The attributes of a message or of a nested attribute; of several with one type the last counts. */
public final class Attributes {
    /** {@code NLA_F_NESTED} and {@code NLA_F_NET_BYTEORDER} are no part of the type. */
    private static final int TYPE_MASK = 0x3fff;

    private static final int HEADER_BYTES = 4;

    private final Map<Integer, byte[]> values = new LinkedHashMap<>();
    private final ByteOrder order;

    private Attributes(ByteOrder order) {
        this.order = order;
    }

    /** Reads what remains in the buffer, which is left at its end; a truncated last attribute is ignored. */
    public static Attributes read(ByteBuffer buffer) {
        Attributes attributes = new Attributes(buffer.order());
        while (buffer.remaining() >= HEADER_BYTES) {
            int start = buffer.position();
            int length = Short.toUnsignedInt(buffer.getShort());
            int type = Short.toUnsignedInt(buffer.getShort()) & TYPE_MASK;
            if (length < HEADER_BYTES || length > buffer.limit() - start) {
                break;
            }
            byte[] value = new byte[length - HEADER_BYTES];
            buffer.get(value);
            attributes.values.put(type, value);
            buffer.position(Math.min(buffer.limit(), start + ((length + 3) & ~3)));
        }
        buffer.position(buffer.limit());
        return attributes;
    }

    private static Attributes read(byte[] value, ByteOrder order) {
        return read(ByteBuffer.wrap(value).order(order));
    }

    /** Whether there is an attribute of that type. */
    public boolean has(int type) {
        return values.containsKey(type);
    }

    /** The value as it is. */
    public Optional<byte[]> bytes(int type) {
        return Optional.ofNullable(values.get(type));
    }

    /** All values, for attributes that are a numbered list. */
    public Collection<byte[]> all() {
        return values.values();
    }

    /** A number of four bytes in the host's order. */
    public OptionalInt i32(int type) {
        byte @Nullable [] value = values.get(type);
        return value == null || value.length < 4
                ? OptionalInt.empty()
                : OptionalInt.of(ByteBuffer.wrap(value).order(order).getInt());
    }

    /** An unsigned number of four bytes in the host's order. */
    public OptionalLong u32(int type) {
        OptionalInt value = i32(type);
        return value.isEmpty() ? OptionalLong.empty() : OptionalLong.of(Integer.toUnsignedLong(value.getAsInt()));
    }

    /** A number of two bytes in the network's order. */
    public OptionalInt u16BigEndian(int type) {
        byte @Nullable [] value = values.get(type);
        return value == null || value.length < 2
                ? OptionalInt.empty()
                : OptionalInt.of((value[0] & 0xff) << 8 | (value[1] & 0xff));
    }

    /** Text up to its NUL. */
    public Optional<String> text(int type) {
        byte @Nullable [] value = values.get(type);
        if (value == null) {
            return Optional.empty();
        }
        int length = 0;
        while (length < value.length && value[length] != 0) {
            length++;
        }
        return Optional.of(new String(value, 0, length, StandardCharsets.UTF_8));
    }

    /** An address of four or sixteen bytes; an IPv4-mapped one of sixteen is not expected of the kernel. */
    public Optional<InetAddress> address(int type) {
        return bytes(type).flatMap(Attributes::toAddress);
    }

    static Optional<InetAddress> toAddress(byte[] value) {
        if (value.length != 4 && value.length != 16) {
            return Optional.empty();
        }
        try {
            return Optional.of(InetAddress.getByAddress(value));
        } catch (UnknownHostException e) {
            return Optional.empty();
        }
    }

    /** The attributes inside that attribute; none if it is absent. */
    public Attributes nested(int type) {
        byte @Nullable [] value = values.get(type);
        return value == null ? new Attributes(order) : read(value, order);
    }

    /** A buffer over the value in the host's order, empty if absent. */
    ByteBuffer buffer(int type) {
        byte @Nullable [] value = values.get(type);
        return ByteBuffer.wrap(value == null ? new byte[0] : value).order(order);
    }
}
