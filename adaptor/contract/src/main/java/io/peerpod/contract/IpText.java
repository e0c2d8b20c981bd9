// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import io.peerpod.network.IpPrefix;
import java.net.Inet4Address;
import java.net.InetAddress;

/** Addresses as RFC 5952 wants them written. */
final class IpText {
    private static final int GROUPS = 8;

    private IpText() {}

    static String of(IpPrefix prefix) {
        return of(prefix.address()) + "/" + prefix.length();
    }

    static String of(InetAddress address) {
        byte[] bytes = address.getAddress();
        if (address instanceof Inet4Address) {
            return address.getHostAddress();
        }
        int[] groups = new int[GROUPS];
        for (int i = 0; i < GROUPS; i++) {
            groups[i] = ((bytes[2 * i] & 0xff) << 8) | (bytes[2 * i + 1] & 0xff);
        }
        int start = -1;
        int length = 1; // a single zero group is not shortened
        for (int i = 0; i < GROUPS; i++) {
            int end = i;
            while (end < GROUPS && groups[end] == 0) {
                end++;
            }
            if (end - i > length) {
                start = i;
                length = end - i;
            }
            i = Math.max(i, end - 1);
        }
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < GROUPS; i++) {
            if (i == start) {
                text.append("::");
                i += length - 1;
                continue;
            }
            if (!text.isEmpty() && !text.toString().endsWith(":")) {
                text.append(':');
            }
            text.append(Integer.toHexString(groups[i]));
        }
        return text.toString();
    }
}
