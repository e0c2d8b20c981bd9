// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.netlink;

import java.util.Optional;

/**
 * What to change of a link in one request; everything empty leaves it as it is.
 *
 * @param up whether it shall be up
 * @param name new name
 * @param mtu bytes
 * @param macAddress hardware address
 * @param alias free text
 * @param namespace descriptor of the namespace to move it to
 * @param withoutLinkLocalAddress whether the kernel shall not give it an IPv6 link-local address
 */
public record LinkChange(
        Optional<Boolean> up,
        Optional<String> name,
        Optional<Integer> mtu,
        Optional<String> macAddress,
        Optional<String> alias,
        Optional<Integer> namespace,
        boolean withoutLinkLocalAddress) {

    private static final LinkChange NOTHING = new LinkChange(
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            false);

    /** Nothing to change yet. */
    public static LinkChange nothing() {
        return NOTHING;
    }

    /** And bring it up or down. */
    public LinkChange andUp(boolean value) {
        return new LinkChange(Optional.of(value), name, mtu, macAddress, alias, namespace, withoutLinkLocalAddress);
    }

    /** And rename it. */
    public LinkChange andName(String value) {
        return new LinkChange(up, Optional.of(value), mtu, macAddress, alias, namespace, withoutLinkLocalAddress);
    }

    /** And set its MTU, in bytes. */
    public LinkChange andMtu(int value) {
        return new LinkChange(up, name, Optional.of(value), macAddress, alias, namespace, withoutLinkLocalAddress);
    }

    /** And set its hardware address. */
    public LinkChange andMacAddress(String value) {
        return new LinkChange(up, name, mtu, Optional.of(value), alias, namespace, withoutLinkLocalAddress);
    }

    /** And set its alias. */
    public LinkChange andAlias(String value) {
        return new LinkChange(up, name, mtu, macAddress, Optional.of(value), namespace, withoutLinkLocalAddress);
    }

    /** And move it to the namespace with that descriptor. */
    public LinkChange andNamespace(int descriptor) {
        return new LinkChange(up, name, mtu, macAddress, alias, Optional.of(descriptor), withoutLinkLocalAddress);
    }

    /** And give it no IPv6 link-local address. */
    public LinkChange andNoLinkLocalAddress() {
        return new LinkChange(up, name, mtu, macAddress, alias, namespace, true);
    }
}
