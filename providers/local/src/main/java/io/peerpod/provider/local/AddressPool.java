// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider.local;

import io.peerpod.network.IpPrefix;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.OptionalInt;
import java.util.Set;

/**
 * The addresses of the local cloud's VMs: an IPv4 network whose first host is the gateway that every VM sees, and whose other
 * hosts are given out in turn, so that an address rests as long as possible before somebody else has it.
 *
 * @param network an IPv4 prefix, host bits cleared
 */
record AddressPool(IpPrefix network) {
    /** The longest prefix that leaves a VM an address beside network, gateway and broadcast. */
    private static final int MAX_LENGTH = 30;

    /** The shortest prefix that is taken; more would be no private network. */
    private static final int MIN_LENGTH = 8;

    AddressPool {
        if (!network.isIpv4() || network.length() > MAX_LENGTH || network.length() < MIN_LENGTH) {
            throw new IllegalArgumentException(
                    "an IPv4 network such as 10.231.0.0/16, prefix length " + MIN_LENGTH + " to " + MAX_LENGTH);
        }
        network = network.masked();
    }

    /** Reads {@code 10.231.0.0/16}. */
    static AddressPool parse(String text) {
        return new AddressPool(IpPrefix.parse(text));
    }

    /** The host's end of every VM's link. */
    Inet4Address gateway() {
        return at(1);
    }

    /** How many VMs can have an address at the same time. */
    int capacity() {
        return (1 << (32 - network.length())) - 3;
    }

    /**
     * The number of the next free address after the one given out last.
     *
     * @param last what was given out last, 0 for nothing yet
     * @param taken numbers that are in use
     */
    OptionalInt next(int last, Set<Integer> taken) {
        int capacity = capacity();
        for (int step = 1; step <= capacity; step++) {
            int candidate = 2 + Math.floorMod(Math.max(last, 1) - 2 + step, capacity);
            if (!taken.contains(candidate)) {
                return OptionalInt.of(candidate);
            }
        }
        return OptionalInt.empty();
    }

    /** The address of a number that {@link #next} gave. */
    Inet4Address at(int number) {
        int base = ByteBuffer.wrap(network.address().getAddress()).getInt();
        byte[] bytes = ByteBuffer.allocate(4).putInt(base + number).array();
        try {
            return (Inet4Address) InetAddress.getByAddress(bytes);
        } catch (UnknownHostException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The number of an address; outside the pool after the operator changed it, which no {@link #next} runs into. */
    int numberOf(InetAddress address) {
        int base = ByteBuffer.wrap(network.address().getAddress()).getInt();
        return ByteBuffer.wrap(address.getAddress()).getInt() - base;
    }
}
