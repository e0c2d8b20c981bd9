// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.netlink;

import io.peerpod.network.libc.Constants;
import io.peerpod.network.libc.Errno;
import io.peerpod.network.libc.ErrnoException;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What one network namespace holds, and changes to it: links, addresses, routes, neighbours, traffic control. Usable from any
 * thread. Methods throw {@link ErrnoException} with the kernel's own words where the kernel refuses.
 */
public final class RouteNetlink implements AutoCloseable {
    private static final ByteOrder HOST = ByteOrder.nativeOrder();

    private final NetlinkSocket socket;

    private RouteNetlink(NetlinkSocket socket) {
        this.socket = socket;
    }

    /** Opens a connection to the namespace of the calling thread. */
    public static RouteNetlink open() throws IOException {
        return new RouteNetlink(NetlinkSocket.open(NetlinkSocket.NETLINK_ROUTE));
    }

    @Override
    public void close() {
        socket.close();
    }

    // Links.

    /** The link of that name; asked for by name, so that a node with thousands of links does not list them. */
    public Optional<Link> link(String name) throws IOException {
        return findLink("look for the link " + name, LinkMessages.find(HOST, name));
    }

    /** The link of that index. */
    public Optional<Link> link(int index) throws IOException {
        return findLink("look for link number " + index, LinkMessages.find(HOST, index));
    }

    private Optional<Link> findLink(String action, MessageWriter request) throws IOException {
        try {
            List<ByteBuffer> bodies = socket.exchange(action, request);
            return bodies.isEmpty() ? Optional.empty() : Optional.of(LinkMessages.parse(bodies.getFirst()));
        } catch (ErrnoException e) {
            if (e.is(Errno.ENODEV)) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** All links, in the order of their index. */
    public List<Link> links() throws IOException {
        List<Link> links = new ArrayList<>();
        for (ByteBuffer body : socket.dump("list the links", LinkMessages.list(HOST))) {
            links.add(LinkMessages.parse(body));
        }
        return links;
    }

    /** Creates a VXLAN device; {@code EEXIST} if the name is taken or the VNI is in use on that port. */
    public void createVxlan(VxlanRequest request) throws IOException {
        socket.request(
                "create the VXLAN device " + request.name() + " with VNI "
                        + request.vxlan().id(),
                LinkMessages.createVxlan(HOST, request));
    }

    /** Gives a VXLAN device its remote. */
    public void redirectVxlan(Link link, InetAddress remote) throws IOException {
        socket.request(
                "point the VXLAN device " + link.name() + " at " + remote.getHostAddress(),
                LinkMessages.redirectVxlan(HOST, link.index(), remote));
    }

    /** Creates a pair of veth interfaces here. */
    public void createVeth(String name, String peerName) throws IOException {
        createVeth(name, peerName, OptionalInt.empty());
    }

    /**
     * Creates a pair of veth interfaces.
     *
     * @param peerNamespace descriptor of the namespace in which the second is born
     */
    public void createVeth(String name, String peerName, OptionalInt peerNamespace) throws IOException {
        socket.request(
                "create the veth pair " + name + " and " + peerName,
                LinkMessages.createVeth(HOST, name, peerName, peerNamespace));
    }

    /** Creates a link of a kind that needs no parameters, such as {@code bridge}. */
    public void createLink(String name, String kind) throws IOException {
        socket.request("create the " + kind + " " + name, LinkMessages.create(HOST, name, kind));
    }

    /** Changes a link. */
    public void changeLink(Link link, LinkChange change) throws IOException {
        socket.request("change the link " + link.name(), LinkMessages.change(HOST, link.index(), change));
    }

    /** Makes a link a port of a bridge. */
    public void enslave(Link link, Link bridge) throws IOException {
        socket.request(
                "make the link " + link.name() + " a port of " + bridge.name(),
                LinkMessages.enslave(HOST, link.index(), bridge.index()));
    }

    /** Deletes a link; one that is gone already is no error. */
    public void deleteLink(Link link) throws IOException {
        try {
            socket.request("delete the link " + link.name(), LinkMessages.delete(HOST, link.index()));
        } catch (ErrnoException e) {
            if (!e.is(Errno.ENODEV)) {
                throw e;
            }
        }
    }

    /** Brings the loopback up. */
    public void bringLoopbackUp() throws IOException {
        Link loopback = link("lo").orElseThrow(() -> new IOException("The namespace has no link lo."));
        changeLink(loopback, LinkChange.nothing().andUp(true));
    }

    /** The number that this namespace gives to that other one; empty if none. */
    public OptionalInt numberOf(int namespaceDescriptor) throws IOException {
        List<ByteBuffer> bodies = socket.exchange(
                "ask for a namespace's number", LinkMessages.namespaceNumber(HOST, namespaceDescriptor));
        return bodies.isEmpty() ? OptionalInt.empty() : LinkMessages.parseNamespaceNumber(bodies.getFirst());
    }

    // Addresses.

    /** The addresses of all links, IPv4 before IPv6, each family in the kernel's order (IPv6: newest first). */
    public List<InterfaceAddress> addresses() throws IOException {
        List<InterfaceAddress> addresses = new ArrayList<>();
        for (ByteBuffer body : socket.dump("list the addresses", AddressMessages.list(HOST))) {
            AddressMessages.parse(body).ifPresent(addresses::add);
        }
        return addresses;
    }

    /** Adds an address, or changes the flags of one that is there; IPv4 with its broadcast address. */
    public void putAddress(InterfaceAddress address) throws IOException {
        socket.request(
                "add the address " + address.address().getHostAddress() + "/" + address.prefixLength(),
                AddressMessages.add(HOST, address));
    }

    /** Deletes an address. */
    public void deleteAddress(InterfaceAddress address) throws IOException {
        socket.request(
                "delete the address " + address.address().getHostAddress() + "/" + address.prefixLength(),
                AddressMessages.delete(HOST, address));
    }

    // Routes.

    /** The routes of all tables and both families, without the kernel's cached exceptions. */
    public List<RouteEntry> routes() throws IOException {
        List<RouteEntry> routes = new ArrayList<>();
        for (int family : new int[] {Constants.AF_INET, Constants.AF_INET6}) {
            for (ByteBuffer body : socket.dump("list the routes", RouteMessages.list(HOST, family))) {
                if (!RouteMessages.isCached(body)) {
                    RouteMessages.parse(body).ifPresent(routes::add);
                }
            }
        }
        return routes;
    }

    /** The way on which the kernel would send to that address, with an MTU that it learnt for it. */
    public RouteEntry routeTo(InetAddress destination) throws IOException {
        String action = "look for a route to " + destination.getHostAddress();
        List<ByteBuffer> bodies = socket.exchange(action, RouteMessages.find(HOST, destination));
        return bodies.stream()
                .findFirst()
                .flatMap(RouteMessages::parse)
                .orElseThrow(() -> new ErrnoException(action, Errno.ENETUNREACH.number()));
    }

    /** Adds a route; {@code EEXIST} if there is one to that destination with that metric. */
    public void addRoute(RouteEntry route) throws IOException {
        socket.request("add the route " + describe(route), RouteMessages.add(HOST, route));
    }

    /** Deletes a route; {@code ESRCH} if there is none. */
    public void deleteRoute(RouteEntry route) throws IOException {
        socket.request("delete the route " + describe(route), RouteMessages.delete(HOST, route));
    }

    private static String describe(RouteEntry route) {
        return route.destination().getHostAddress() + "/" + route.prefixLength()
                + route.gateway()
                        .map(gateway -> " via " + gateway.getHostAddress())
                        .orElse("");
    }

    // Neighbours.

    /** The neighbours of both families. */
    public List<NeighborEntry> neighbors() throws IOException {
        List<NeighborEntry> neighbors = new ArrayList<>();
        for (int family : new int[] {Constants.AF_INET, Constants.AF_INET6}) {
            for (ByteBuffer body : socket.dump("list the neighbours", NeighborMessages.list(HOST, family))) {
                NeighborMessages.parse(body).ifPresent(neighbors::add);
            }
        }
        return neighbors;
    }

    /** Adds or replaces a neighbour. */
    public void putNeighbor(NeighborEntry entry) throws IOException {
        socket.request("add the neighbour " + entry.address().getHostAddress(), NeighborMessages.put(HOST, entry));
    }

    // Traffic control.

    /** The queueing disciplines of a link. */
    public List<QueueDiscipline> disciplines(Link link) throws IOException {
        List<QueueDiscipline> disciplines = new ArrayList<>();
        for (ByteBuffer body : socket.dump(
                "list the disciplines of " + link.name(), TrafficMessages.listDisciplines(HOST, link.index()))) {
            QueueDiscipline discipline = TrafficMessages.parseDiscipline(body);
            if (discipline.link() == link.index()) {
                disciplines.add(discipline);
            }
        }
        return disciplines;
    }

    /** Adds the discipline {@code ingress}; {@code EEXIST} if the link has it or {@code clsact}. */
    public void addIngress(Link link) throws IOException {
        socket.request("add an ingress discipline to " + link.name(), TrafficMessages.addIngress(HOST, link.index()));
    }

    /** Deletes the discipline {@code ingress} or {@code clsact} with all its filters. */
    public void deleteIngress(Link link) throws IOException {
        socket.request(
                "delete the ingress discipline of " + link.name(), TrafficMessages.deleteIngress(HOST, link.index()));
    }

    /** The filters on what a link receives; the link must have an ingress discipline. */
    public List<IngressFilter> ingressFilters(Link link) throws IOException {
        List<IngressFilter> filters = new ArrayList<>();
        for (ByteBuffer body :
                socket.dump("list the filters of " + link.name(), TrafficMessages.listFilters(HOST, link.index()))) {
            filters.add(TrafficMessages.parseFilter(body));
        }
        return filters;
    }

    /**
     * Sends all that one link receives out of another one. Uses the classifier {@code u32}, or {@code matchall} where the kernel
     * lacks it; one of the two is in every distribution.
     */
    public void addRedirect(Link from, Link to, int priority) throws IOException {
        String action = "redirect what " + from.name() + " receives to " + to.name();
        try {
            socket.request(action, redirect("u32", from, to, priority));
        } catch (ErrnoException e) {
            if (!e.is(Errno.ENOENT)) {
                throw e;
            }
            socket.request(action, redirect("matchall", from, to, priority));
        }
    }

    private static MessageWriter redirect(String classifier, Link from, Link to, int priority) {
        return TrafficMessages.addRedirect(HOST, classifier, from.index(), to.index(), priority);
    }

    /** Deletes the filters of that priority; {@code ENOENT} or {@code EINVAL} if there are none. */
    public void deleteIngressFilters(Link link, int priority) throws IOException {
        socket.request(
                "delete the redirect of " + link.name(), TrafficMessages.deleteFilters(HOST, link.index(), priority));
    }
}
