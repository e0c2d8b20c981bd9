// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import java.util.List;
import java.util.Optional;

/**
 * What the worker's configuration says about pod networks.
 *
 * @param hostInterface the worker's interface that carries the tunnels; empty for that of the default route
 * @param podSubnets further destinations that go through the pod's default gateway ({@code pod-subnet-cidrs})
 * @param vxlanPort UDP port of the tunnels
 * @param externalNetViaPodVm whether the VM's second interface is the pod's way out
 */
public record InspectOptions(
        Optional<String> hostInterface, List<IpPrefix> podSubnets, int vxlanPort, boolean externalNetViaPodVm) {
    public InspectOptions {
        podSubnets = List.copyOf(podSubnets);
    }
}
