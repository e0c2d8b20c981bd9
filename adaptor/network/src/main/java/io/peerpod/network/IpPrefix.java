// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;

/**
 * An IP address with a prefix length; host bits are kept, as in {@code 10.42.3.17/24}.
 *
 * @param address IPv4 or IPv6, never a name
 * @param length 0 to 32 or 0 to 128
 */
public record IpPrefix(InetAddress address, int length) {

    public IpPrefix {
        int bits = address.getAddress().length * 8;
        if (length < 0 || length > bits) {
            throw new IllegalArgumentException(
                    "prefix length " + length + " of " + address.getHostAddress() + " is not within 0 to " + bits);
        }
    }

    /**
     * Reads {@code address/length}. An IPv4-mapped IPv6 form such as {@code ::ffff:0.0.0.0/0}, which the Go writer uses for the
     * default route, is read as the IPv4 address; a length above 32 of such a form counts from bit 96.
     *
     * @throws IllegalArgumentException naming the text
     */
    public static IpPrefix parse(String text) {
        int slash = text.lastIndexOf('/');
        if (slash <= 0 || slash == text.length() - 1) {
            throw new IllegalArgumentException(
                    "'" + text + "' is not an address with a prefix length such as 10.0.0.1/24");
        }
        int length;
        try {
            length = Integer.parseInt(text, slash + 1, text.length(), 10);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("'" + text + "' has no decimal prefix length", e);
        }
        String literal = text.substring(0, slash);
        InetAddress address = parseAddress(literal);
        if (address instanceof Inet4Address && literal.indexOf(':') >= 0 && length > 32) {
            length -= 96;
        }
        return new IpPrefix(address, length);
    }

    /**
     * Reads an address literal without ever asking a resolver.
     *
     * @throws IllegalArgumentException naming the text
     */
    public static InetAddress parseAddress(String text) {
        try {
            return InetAddress.ofLiteral(text);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("'" + text + "' is not an IP address", e);
        }
    }

    /** Whether this is an IPv4 prefix. */
    public boolean isIpv4() {
        return address instanceof Inet4Address;
    }

    /** The same prefix with its host bits cleared. */
    public IpPrefix masked() {
        byte[] bytes = address.getAddress();
        for (int bit = length; bit < bytes.length * 8; bit++) {
            bytes[bit / 8] &= (byte) ~(0x80 >>> (bit % 8));
        }
        if (Arrays.equals(bytes, address.getAddress())) {
            return this;
        }
        try {
            return new IpPrefix(InetAddress.getByAddress(bytes), length);
        } catch (UnknownHostException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public String toString() {
        return address.getHostAddress() + "/" + length;
    }
}
