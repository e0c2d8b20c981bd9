// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import java.net.InetAddress;
import java.util.List;
import java.util.Optional;

/**
 * What the guest must know to give a pod its address: the content of {@code pod-network} in {@code apf.json} (adaptor.md 3.1).
 *
 * @param addresses the pod's addresses, host bits kept; at least one, IPv4 first where there is one
 * @param macAddress lower case with colons, of the CNI interface
 * @param interfaceName name of the CNI interface, and of the tunnel device in the guest
 * @param workerAddress the worker's end of the tunnel
 * @param tunnelType {@code vxlan}
 * @param routes of the pod's main table, both families
 * @param neighbors permanent neighbours of the CNI interface
 * @param mtu bytes; what fits through the tunnel unfragmented as far as the worker knows
 * @param index the pod's counter on this worker
 * @param vxlanPort UDP destination port on both sides
 * @param vxlanId VNI, 1 to 16777215
 * @param dedicated whether the tunnel uses another worker interface than the default route's
 * @param externalNetViaPodVm whether the VM's second interface is the pod's way out
 */
public record PodNetwork(
        List<IpPrefix> addresses,
        String macAddress,
        String interfaceName,
        IpPrefix workerAddress,
        String tunnelType,
        List<Route> routes,
        List<Neighbor> neighbors,
        int mtu,
        int index,
        int vxlanPort,
        int vxlanId,
        boolean dedicated,
        boolean externalNetViaPodVm) {

    public PodNetwork {
        addresses = List.copyOf(addresses);
        routes = List.copyOf(routes);
        neighbors = List.copyOf(neighbors);
    }

    /** The tunnel type that both halves speak. */
    public static final String VXLAN = "vxlan";

    /**
     * The same network with its VNI.
     *
     * @param id VNI, as {@link VniAllocator#reserve} gave it
     * @param minimumId the smallest VNI of this worker; the index counts from it
     */
    public PodNetwork withVxlanId(int id, int minimumId) {
        return new PodNetwork(
                addresses,
                macAddress,
                interfaceName,
                workerAddress,
                tunnelType,
                routes,
                neighbors,
                mtu,
                id - minimumId,
                vxlanPort,
                id,
                dedicated,
                externalNetViaPodVm);
    }

    /**
     * A route of the pod.
     *
     * @param destination a zero prefix is the default route of its family
     * @param gateway empty for an on-link route
     * @param device empty for the CNI interface
     * @param protocol one of {@code kernel}, {@code boot}, {@code static}, {@code dhcp}; empty if not said
     * @param scope one of {@code universe}, {@code site}, {@code link}, {@code host}, {@code nowhere}; empty means universe
     */
    public record Route(
            IpPrefix destination,
            Optional<InetAddress> gateway,
            Optional<String> device,
            Optional<String> protocol,
            Optional<String> scope) {}

    /**
     * A permanent neighbour.
     *
     * @param address its IP address
     * @param macAddress lower case with colons
     * @param device empty for the CNI interface
     * @param state as in the file, {@code permanent} when we wrote it
     */
    public record Neighbor(InetAddress address, String macAddress, Optional<String> device, String state) {}
}
