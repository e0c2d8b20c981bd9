// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.netlink;

import java.util.HexFormat;
import java.util.Optional;

/** Hardware addresses of six bytes as text. */
public final class MacAddresses {
    private static final HexFormat COLONS = HexFormat.ofDelimiter(":");
    private static final int BYTES = 6;

    private MacAddresses() {}

    /** Lower case with colons; empty text for anything but six bytes. */
    static String format(Optional<byte[]> value) {
        return value.filter(bytes -> bytes.length == BYTES)
                .map(COLONS::formatHex)
                .orElse("");
    }

    /**
     * Reads six hexadecimal bytes with colons.
     *
     * @throws IllegalArgumentException naming the text
     */
    public static byte[] parse(String text) {
        byte[] bytes;
        try {
            bytes = COLONS.parseHex(text);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("'" + text + "' is not a hardware address such as 02:42:0a:01:02:03", e);
        }
        if (bytes.length != BYTES) {
            throw new IllegalArgumentException("'" + text + "' is not a hardware address such as 02:42:0a:01:02:03");
        }
        return bytes;
    }
}
