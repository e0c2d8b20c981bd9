// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider.local;

import io.peerpod.network.NetworkNamespace;
import io.peerpod.network.libc.Errno;
import io.peerpod.network.libc.ErrnoException;
import io.peerpod.network.netlink.InterfaceAddress;
import io.peerpod.network.netlink.Link;
import io.peerpod.network.netlink.LinkChange;
import io.peerpod.network.netlink.RouteEntry;
import io.peerpod.network.netlink.RouteNetlink;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A VM's NIC: a veth pair whose host's end carries the gateway's address and a route to the VM, both /32, and whose other end is
 * {@code eth0} in the VM with its address /32, an on-link route to the gateway and the default route through it.
 *
 * <p>No address range is shared and nothing is bridged, so neither {@code ip_forward} nor {@code rp_filter} needs a change: a VM
 * talks to this machine only, which is all that a pod's tunnel and the agent's connection need. The route to the VM is made
 * exclusively, so an address that another local cloud of this machine uses already is noticed.
 */
final class VmLinks {
    /** The NIC's name in the VM. */
    static final String GUEST_NAME = "eth0";

    private static final String PREFIX = "ppv";

    /** The kernel's limit of a name is 15 characters. */
    private static final int HASH_CHARACTERS = 11;

    private static final int HOST_BITS = 32;
    private static final InetAddress ANY = InetAddress.ofLiteral("0.0.0.0");

    private final Host host;

    VmLinks(Host host) {
        this.host = host;
    }

    /** The network that the VMs are connected to: this process's own, except in tests. */
    interface Host {
        RouteNetlink open() throws IOException;
    }

    /** The name of the host's end for a VM's id. */
    static String nameFor(String id) {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(id.getBytes(StandardCharsets.UTF_8));
            return PREFIX + HexFormat.of().formatHex(hash).substring(0, HASH_CHARACTERS);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Makes the pair, the host's end with the gateway's address, the other end in the VM. */
    void create(String name, NetworkNamespace vm, Inet4Address gateway) throws IOException {
        try (RouteNetlink netlink = host.open()) {
            netlink.createVeth(name, GUEST_NAME, OptionalInt.of(vm.descriptor()));
            putUp(netlink, name, gateway);
        }
    }

    /**
     * Makes the host's route to the VM.
     *
     * @return false if somebody else on this machine has that address
     */
    boolean claim(String name, Inet4Address address) throws IOException {
        try (RouteNetlink netlink = host.open()) {
            netlink.addRoute(onLink(address, required(netlink, name)));
            return true;
        } catch (ErrnoException e) {
            if (e.is(Errno.EEXIST)) {
                return false;
            }
            throw e;
        }
    }

    /** Sets up the VM's end. */
    static void setUpGuest(NetworkNamespace vm, Inet4Address gateway, Inet4Address address) throws IOException {
        try (RouteNetlink guest = vm.routeNetlink()) {
            guest.bringLoopbackUp();
            Link nic = putUp(guest, GUEST_NAME, address);
            guest.addRoute(onLink(gateway, nic));
            guest.addRoute(RouteEntry.unicast(ANY, 0, Optional.of(gateway), nic.index()));
        }
    }

    /** Removes the pair and with it every address and route of it; a link that is not there is fine. */
    void remove(String name) throws IOException {
        try (RouteNetlink netlink = host.open()) {
            Optional<Link> link = netlink.link(name);
            if (link.isPresent()) {
                netlink.deleteLink(link.get());
            }
        }
    }

    private static Link putUp(RouteNetlink netlink, String name, Inet4Address address) throws IOException {
        Link link = required(netlink, name);
        netlink.putAddress(new InterfaceAddress(link.index(), address, HOST_BITS, RouteEntry.RT_SCOPE_UNIVERSE, 0));
        netlink.changeLink(link, LinkChange.nothing().andUp(true).andNoLinkLocalAddress());
        return link;
    }

    private static RouteEntry onLink(Inet4Address address, Link link) {
        return RouteEntry.unicast(address, HOST_BITS, Optional.empty(), link.index())
                .with(RouteEntry.RTPROT_STATIC, RouteEntry.RT_SCOPE_LINK);
    }

    private static Link required(RouteNetlink netlink, String name) throws IOException {
        return netlink.link(name).orElseThrow(() -> new IOException("the link " + name + " is gone"));
    }
}
